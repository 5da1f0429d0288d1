"""The noise of random small circuits against simulations, and without noise against the rate network."""

from dataclasses import replace

import numpy as np
import pytest
from brian2 import Hz, ms
from spiking.closed_loop.delayed_circuit import delayed_circuit
from spiking.closed_loop.short_presentations import SHORT

from spikedtp.circuit import CircuitBuilder
from spikedtp.neurons import NudgedCell
from spikedtp.planning.closed_loop.propagation import Propagation
from spikedtp.plasticity import DendriticState
from spikedtp.rate import load_rate_network
from spikedtp.spiking import Phases, SpikingNetwork
from spikedtp.spiking.closed_loop.build import CircuitNumbers

N_REPEATS = 40
FREE = replace(SHORT, hold="none", latch=True, nudge=80 * ms, time_per_step=5 * ms)
CASES = {
    "held": dict(phases=replace(SHORT, time_per_step=5 * ms), unit_rate=300 * Hz),
    "latched": dict(phases=FREE, cell=NudgedCell(firing="lif"), spikers=2),
}


def propagation(network, longest):
    spec = replace(network.spec, nudged=True, signals=True)
    numbers = CircuitNumbers(network.weights, network.biases, network.rule_state, network.masks)
    return Propagation(spec, numbers, longest)


@pytest.fixture(scope="module")
def shown():
    rng = np.random.default_rng(4)
    return rng.random(8).astype(np.float32), np.eye(4, dtype=np.float32)[2]


@pytest.mark.parametrize("case", CASES)
def test_what_is_read_is_as_noisy_as_in_a_simulation(case, shown):
    x, target = shown
    network = SpikingNetwork(load_rate_network(delayed_circuit(3), seed=2), device="runtime", **CASES[case])
    simulated = network.respond(x, target, n_repeats=N_REPEATS, seed=5).results.vectors
    n = 4000
    drawn = propagation(network, 2).vectors(np.tile(x, (n, 1)), np.tile(target, (n, 1)), np.random.default_rng(1))
    assert {name for name in simulated if not name.startswith("spikers")} == set(drawn)
    for name, mine in drawn.items():
        theirs = simulated[name]
        error = np.sqrt(theirs.var(axis=0) / N_REPEATS + mine.var(axis=0) / n) + 0.01
        off = (theirs.mean(axis=0) - mine.mean(axis=0)) / error
        assert np.sqrt(np.mean(off**2)) < 1.5 and np.abs(off).max() < 5, name
        total, expected = theirs.var(axis=0, ddof=1).sum(), mine.var(axis=0).sum()
        assert total == pytest.approx(expected, rel=0.5, abs=1e-3), name


def test_steps_fill_a_presentation_and_no_window_is_cut():
    network = SpikingNetwork(load_rate_network(delayed_circuit(3), seed=2), device="runtime", phases=FREE)
    mine = propagation(network, 7)
    steps = list(mine.steps())
    assert [first for first, _ in steps[1:]] == [first + n for first, n in steps[:-1]]
    assert steps[0][0] == 0 and sum(n for _, n in steps) == network.spec.phases.end
    assert max(n for _, n in steps) == 7
    begins = {first for first, _ in steps}
    assert {start for start, _ in (*mine.windows.values(), *mine.part.values())} <= begins


def rate_network(signed):
    """With linear interneurons and a linear output, whose activities have both signs, or with relus alone."""
    if not signed:
        return load_rate_network(delayed_circuit(None, forward_steps=300), seed=2)
    lds = DendriticState(0.2, one_pass=True)
    net = CircuitBuilder("signed", dale=False, tau=1, forward_steps=60)
    net.input(8)
    net.layer("H1", 7, rule=lds, bias=True)
    net.interneurons("H1", "DendI", 4, from_e={"init": 1.0}, recurrent=None)
    net.layer("Output", 4, rule=lds, activation="linear")
    net.feedback("H1", tied=0.7)
    circuit = net.build()
    linear = [replace(p, activation="linear") if p.cell == "DendI" else p for p in circuit.populations]
    network, rng = load_rate_network(replace(circuit, populations=tuple(linear)), seed=2), np.random.default_rng(4)
    state = {key: np.asarray(value) for key, value in network.state_dict().items()}
    network.load_state_dict({key: rng.normal(0, 0.35, value.shape) for key, value in state.items()})
    return network


@pytest.mark.parametrize("signed", [False, True])
def test_without_noise_weights_change_as_in_the_rate_network(signed, shown):
    x, target = shown
    x = 2 * x - 1 if signed else x  # on and off cells of the inputs too
    rate = rate_network(signed)
    phases = Phases(settle=2500 * ms, nudge=400 * ms, wait=300 * ms)
    network = SpikingNetwork(rate, device="runtime", phases=phases, on_off=signed)
    mine = propagation(network, 5)
    found = mine.vectors(x[None], target[None], np.random.default_rng(), noise=False)
    response = rate.present(x, target)
    lowest = 0
    for name, place in mine.places.items():
        settled = response.activity[name][rate.circuit.forward_steps - 1]
        lowest = min(lowest, settled.min())
        np.testing.assert_allclose(found["cells.post_settled"][0, place], settled, atol=2e-3, err_msg=name)
        np.testing.assert_allclose(found["cells.pre_settled"][0, place], settled, atol=2e-3, err_msg=name)
        if name in response.plateau:
            np.testing.assert_allclose(found["cells.plateau"][0, place], response.plateau[name], atol=3e-3)
    np.testing.assert_allclose(found["inputs.pre_settled"][0], x, atol=1e-6)
    assert (lowest < -0.1) == signed == (x < -0.1).any()


def test_signed_inputs_are_as_noisy_as_in_a_simulation():
    """A negative input is counted by off cells: less than 0, and with the variance of its size."""
    rate, x, target = rate_network(True), np.array([0.8, -0.8, 0.3, -0.3, 0, 1.2, -1.2, 0.1], np.float32), np.eye(4)[1]
    network = SpikingNetwork(rate, device="runtime", phases=SHORT, on_off=True)
    simulated = network.respond(x, target, n_repeats=N_REPEATS, seed=5).counted["InputE"]
    n = 2000
    drawn = propagation(network, 2).vectors(np.tile(x, (n, 1)), np.tile(target, (n, 1)), np.random.default_rng(1))
    counted = drawn["inputs.pre_settled"]
    np.testing.assert_allclose(counted.mean(axis=0), x, atol=0.02)
    np.testing.assert_allclose(counted.std(axis=0)[[1, 3, 6]], counted.std(axis=0)[[0, 2, 5]], rtol=0.1)
    assert simulated.var(axis=0).sum() == pytest.approx(counted.var(axis=0).sum(), rel=0.3)
