"""Biases learn at learning events: by the recorded voltages in plain numpy, on both devices, and after a resumption."""

from dataclasses import dataclass, replace

import numpy as np
import pytest
from brian2 import Hz, ms
from differential.drawn_circuits import draw_circuit
from spiking.closed_loop.short_presentations import SHORT

from spikedtp.circuit import CircuitBuilder
from spikedtp.errors import SpikedtpError
from spikedtp.neurons import NudgedCell
from spikedtp.plasticity import BiasRule, Bounds, DendriticState, PlateauBias
from spikedtp.rate import load_rate_network
from spikedtp.spiking import SpikingNetwork

FACTORS = (1.0, 0.5, 0.25)


def schedule(index, total):
    return FACTORS[index]


def learning(seed: int):
    """A circuit at random in which some biases learn, with samples. Where none does, another one."""
    while True:
        drawn = draw_circuit(seed, plain=True, linear=seed % 2 == 0, n_samples=3)
        if any(p.bias_rule is not None for p in drawn.network.circuit.populations):
            return drawn
        seed += 1000


def expected(network: SpikingNetwork, response, x, target, factor: float) -> dict[str, np.ndarray]:
    """Biases after one learning event. Plateaus follow from voltages and from the error of the output."""
    circuit, spec, after = network.circuit, network.spec, {}
    settled = slice(*spec.phases.settled)
    for p in circuit.populations[1:]:
        after[p.name] = network.biases[p.name].astype(np.float64)
        if p.bias_rule is None:
            continue
        gated = next(q.rule.plateau_form().relu_gate for q in circuit.inputs(p.name) if q.rule.nudge != "none")
        threshold = next(q.rule.plateau_form().neg_rate_th for q in circuit.inputs(p.name) if q.rule.nudge != "none")
        soma = response.v_soma[p.name][0, settled].astype(np.float64).mean(axis=0)
        activity = soma if p.activation == "linear" else np.maximum(soma, 0)
        if p == circuit.output:
            plateau = (target - activity).clip(-1, 1)
        else:
            plateau = response.v_dend[p.name][0, slice(*spec.phases.nudged())].astype(np.float64).mean(axis=0)
            plateau = plateau.clip(-1, 1)
            if threshold is not None:
                plateau[(plateau < 0) & (activity <= threshold)] = 0
        plateau = plateau * (activity != 0) if gated else plateau
        after[p.name] += factor * p.bias_rule.learning_rate * plateau
        Bounds(*p.bias_bounds).apply(after[p.name])
    return after


def events(seed: int, device: str) -> int:
    """Three learning events of a drawn circuit; how many biases changed."""
    drawn, changed = learning(seed), 0
    linear = any(p.activation == "linear" for p in drawn.network.circuit.populations)
    options = dict(device=device, phases=SHORT, on_off=linear, unit_rate=300 * Hz)
    network, order = SpikingNetwork(drawn.network, **options), np.arange(3)
    for k, factor in enumerate(FACTORS):
        x, target = drawn.x[k], drawn.target[k]
        response = network.respond(x, target, seed=9, first_sample=k, record=("v_soma", "v_dend"))
        after, before = expected(network, response, x, target, factor), network.biases
        network.train(drawn.x, drawn.target, order[: k + 1], seed=9, start=k, schedule=schedule)
        for name, bias in after.items():
            assert network.biases[name].dtype == np.float32
            np.testing.assert_allclose(network.biases[name], bias, rtol=1e-5, atol=2e-6, err_msg=name)
            changed += int((network.biases[name] != before[name]).sum())
    return changed


@pytest.mark.parametrize("seed", range(2))
def test_biases_change_as_the_recorded_voltages_say(seed):
    assert events(seed, "runtime") > 3


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(2, 14))
def test_more_circuits(seed):
    assert events(seed, "runtime") > 0


@pytest.mark.slow
@pytest.mark.parametrize("seed", [0, 3])
def test_compiled(seed):
    assert events(seed, "cpp_standalone") > 3


def small(**options):
    """Two layers whose biases learn fast, and a top-down signal."""
    lds = DendriticState(0.2, one_pass=True)
    net = CircuitBuilder("small", tau=3, forward_steps=15)
    net.input(6)
    net.layer("H1", 7, rule=lds, bias=PlateauBias(0.3))
    net.interneurons("H1", "DendI", 7)
    net.layer("Output", 4, rule=lds, bias=PlateauBias(0.1))
    net.feedback("H1", tied=0.7)
    circuit = net.build()
    changed = (replace(p, **options.get(p.name, {})) for p in circuit.populations)
    rng = np.random.default_rng(0)
    return replace(circuit, populations=tuple(changed)), rng.random((3, 6)), np.eye(4)[[0, 1, 2]]


@pytest.mark.slow
def test_devices_agree():
    """Regular spikes draw few random numbers. The same ones on both devices give the same spikes, and biases."""
    circuit, x, target = small()
    found = {}
    for device in ("runtime", "cpp_standalone"):
        cell = NudgedCell(firing="regular")
        network = SpikingNetwork(load_rate_network(circuit, seed=1), device=device, phases=SHORT, cell=cell)
        network.train(x, target, np.array([0, 1, 2, 0]), seed=1, schedule="constant")
        found[device] = network.biases
    for name, bias in found["runtime"].items():
        np.testing.assert_allclose(found["cpp_standalone"][name], bias, rtol=1e-5, atol=1e-6, err_msg=name)
    assert np.abs(found["runtime"]["H1E"]).max() > 0.1


def test_interrupted_and_resumed_is_uninterrupted(device):
    circuit, x, target = small(H1E={"bias_bounds": Bounds(-0.05, 0.3)})
    order, rate = np.array([0, 1, 2, 1, 0]), load_rate_network(circuit, seed=1)
    whole, part = (SpikingNetwork(rate, device=device, phases=SHORT) for _ in range(2))
    whole.train(x, target, order, seed=4)

    def interrupt(done, network, answers):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        part.train(x, target, order, seed=4, checkpoint_every=2, checkpoint=interrupt)
    kept = load_rate_network(circuit, part.state_dict())  # a checkpoint is the state dict of a rate network
    for name, bias in part.biases.items():
        np.testing.assert_array_equal(kept.biases[name], bias)
    resumed = SpikingNetwork(kept, device=device, phases=SHORT)
    resumed.train(x, target, order, seed=4, start=2)
    assert np.any(whole.biases["H1E"] != part.biases["H1E"])
    for name, bias in whole.biases.items():
        np.testing.assert_array_equal(resumed.biases[name], bias, err_msg=name)
    for name, weights in whole.weights.items():
        np.testing.assert_array_equal(resumed.weights[name], weights, err_msg=name)
    assert whole.biases["H1E"].min() == np.float32(-0.05) and whole.biases["H1E"].max() > 0  # a bound acts


def test_a_bias_that_is_another_populations_follows_it(device):
    circuit, x, target = small(H1DendI={"bias_like": "H1E"})
    network = SpikingNetwork(load_rate_network(circuit, seed=1), device=device, phases=SHORT)
    network.train(x, target, np.array([0, 1, 2]), seed=1)
    assert network.biases["H1E"].any()
    np.testing.assert_array_equal(network.biases["H1DendI"], network.biases["H1E"])


def test_what_was_learned_acts():
    """A cell without input answers its bias."""
    circuit, x, target = small()
    network = SpikingNetwork(load_rate_network(circuit, seed=1), device="runtime", phases=SHORT)
    network.train(x, target, np.array([0, 1, 2, 0, 1, 2]), seed=1, schedule="constant")
    network.weights = {name: np.zeros_like(w) for name, w in network.weights.items()}
    rise = np.mean(1 - (1 - 1 / 60) ** np.arange(41, 101))  # of the membrane, over the window that is read
    found = network.respond(np.zeros(6)).activity["H1E"][0]
    np.testing.assert_allclose(found, rise * network.biases["H1E"].clip(0), atol=1e-3)
    assert found.max() > 0.05


def test_bias_updates_are_what_a_rule_says_of_the_signals(device):
    circuit, x, target = small()
    network = SpikingNetwork(load_rate_network(circuit, seed=1), device=device, phases=SHORT)
    response = network.respond(x, target, n_repeats=2)
    for name, projection, rate in (("H1E", "H1E_InputE", 0.3), ("OutputE", "OutputE_H1E", 0.1)):
        assert response.bias_updates[name].shape == (3, 2, network.circuit.population(name).size)
        np.testing.assert_allclose(response.bias_updates[name], rate * response.signals[projection].plateau, rtol=1e-6)
    assert network.respond(x[0], target[0]).bias_updates["H1E"].shape == (1, 7)
    with pytest.raises(SpikedtpError, match="without a target nothing is learned"):
        network.respond(x).bias_updates  # noqa: B018


@dataclass(frozen=True)
class Leaky(BiasRule):
    """With a parameter of its own."""

    v_soma: float = 0.5

    def update(self, plateau, gradient):
        return self.learning_rate * self.v_soma * plateau

    def spiking_form(self):
        return "bias += learning_rate*v_soma*plateau"


def test_a_rule_that_names_what_the_network_uses_is_refused():
    circuit, x, target = small(H1E={"bias_rule": Leaky(0.1)})
    network = SpikingNetwork(load_rate_network(circuit, seed=1), device="runtime", phases=SHORT)
    network.respond(x[0])  # nothing learns
    with pytest.raises(SpikedtpError, match="H1E: the rule of its bias, Leaky, names v_soma, which the closed loop"):
        network.train(x, target, [0])


@dataclass(frozen=True)
class Halved(Leaky):
    v_soma: None = None
    share: float = 0.5

    def update(self, plateau, gradient):
        return self.learning_rate * self.share * plateau

    def spiking_form(self):
        return "bias += learning_rate*share*plateau"


def test_a_rule_of_ones_own_learns(device):
    circuit, x, target = small(H1E={"bias_rule": Halved(0.6)})
    found = []
    for described in (circuit, small()[0]):
        network = SpikingNetwork(load_rate_network(described, seed=1), device=device, phases=SHORT)
        network.train(x, target, [0, 1], seed=1)
        found.append(network.biases["H1E"])
    np.testing.assert_allclose(found[0], found[1], rtol=1e-5)


def test_no_bias_learns_without_learning():
    circuit, x, target = small()
    network = SpikingNetwork(load_rate_network(circuit, seed=1), device="runtime", phases=SHORT)
    before = network.biases
    network.respond(x, target)
    network.predict(x)
    assert network.biases is before


def test_latched_plateaus_instruct_biases_too():
    circuit, x, target = small()
    phases = replace(SHORT, hold="none", latch=True, nudge=80 * ms)
    network = SpikingNetwork(load_rate_network(circuit, seed=1), device="runtime", phases=phases)
    response, before = network.respond(x[0], target[0], seed=3), network.biases["H1E"]
    network.train(x[:1], target[:1], [0], seed=3, schedule="constant")
    wanted = 0.3 * response.signals["H1E_InputE"].plateau[0, 0]
    assert wanted.any()
    np.testing.assert_allclose(network.biases["H1E"] - before, wanted, rtol=1e-4, atol=1e-6)
