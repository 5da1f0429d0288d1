"""What the rate network adds to a membrane, the open loop adds too, or refuses: biases, signs, options of plateaus."""

from dataclasses import replace

import numpy as np
import pytest
from brian2 import Hz, ms, second

from spikedtp import SpikedtpError, compare_updates, load_rate_network, simulate
from spikedtp.circuit import Circuit, CircuitBuilder, Population, Projection
from spikedtp.compare import expected_update, shortfall, similarity
from spikedtp.events import SpikeTrains
from spikedtp.neurons import NudgedCell
from spikedtp.plasticity import BTSP, DendriticState, HebbWeightNorm
from spikedtp.spiking import SpikingNetwork

SAMPLES = 6


def circuit(activation="relu", rule=None, n_hidden=50):
    """64 inputs, one hidden layer with dendrites, 10 outputs."""
    rule = rule or DendriticState(0.1, relu_gate=True)
    populations = (
        Population("Input", "E", 64),
        Population("H1", "E", n_hidden, activation=activation, include_bias=True),
        Population("Output", "E", 10),
    )
    projections = (
        Projection("H1E", "InputE", rule=rule),
        Projection("H1E", "OutputE", compartment="dend", update_phase="B"),
        Projection("OutputE", "H1E", rule=rule),
    )
    return Circuit(populations, projections, tau=3, forward_steps=15, name="one hidden layer")


def network(described=None, *, scale=0.02, bias=0.0, seed=0):
    described, rng = described or circuit(), np.random.default_rng(seed)
    sizes = {p.name: p.size for p in described.populations}
    state = {
        f"module_dict.{p.name}.weight": rng.normal(0, scale, (sizes[p.post], sizes[p.pre]))
        for p in described.projections
    }
    state["parameter_dict.H1E_bias"] = np.broadcast_to(bias, sizes["H1E"])
    return load_rate_network(described, state)


def samples(signed=False, n=SAMPLES):
    rng = np.random.default_rng(3)
    x = rng.normal(0, 0.5, (n, 64)) if signed else rng.random((n, 64))
    return x.astype(np.float32), np.eye(10, dtype=np.float32)[:n]


def medians(rate_network, population, **options):
    x, target = samples(options.pop("signed", False))
    response = simulate(rate_network, x, target, population=population, **{"device": "runtime", "record": ()} | options)
    table = compare_updates(rate_network.present(x, target), response).query("reference == 'rule'")
    return table.groupby("projection")[["cosine", "noise_ceiling"]].median(), shortfall(table, response), response


HALF = np.repeat([1.0, 0.0], 25)


def test_a_bias_is_an_input_that_never_ends(device):
    rate_network = network(bias=HALF)
    found, below, response = medians(rate_network, "H1E", device=device, record=("spikes", "v_soma"))
    cosine, ceiling = found.loc["H1E_InputE"]
    assert cosine > ceiling - 0.003 and ceiling > 0.99 and not below
    # a bias of 1 is an activity of 1: the unit rate
    rate = response.spikes["H1E"].mean(axis=(0, 1, 2)) * 1000
    assert rate[:25].mean() == pytest.approx(450, rel=0.1) and rate[25:].mean() < 30
    activity = rate_network.present(samples()[0]).activity["H1E"][:, -1]
    settled = response.signals["H1E_InputE"].post_settled[:, 0]
    np.testing.assert_allclose(settled[:, :25], activity[:, :25], atol=0.1)


def test_without_its_bias_the_same_population_would_be_silent():
    """So the test above would fail if the bias were dropped."""
    _, _, response = medians(network(), "H1E", record=("spikes",))
    assert response.spikes["H1E"].mean() * 1000 < 30


@pytest.mark.parametrize("readout", ["best", "paper"])
def test_what_is_expected_of_the_spikes_knows_the_bias(readout):
    """The output's error is its target less its activity, which is its bias here: the weights are too small."""
    described = circuit()
    populations = tuple(replace(p, include_bias=True) for p in described.populations[1:])
    described = replace(described, populations=(described.input, *populations))
    state = network(bias=0.5).state_dict() | {"parameter_dict.OutputE_bias": np.full(10, 0.6)}
    rate_network = load_rate_network(described, state)
    x, target = samples()
    response = simulate(
        rate_network, x, target, population="OutputE", readout=readout, n_repeats=4, device="runtime", record=()
    )
    reference = rate_network.present(x, target).updates("OutputE_H1E")
    for sample in range(SAMPLES):
        expected = expected_update(response, "OutputE_H1E", sample)
        mean = response.weight_updates["OutputE_H1E"][sample].mean(axis=0)
        assert similarity(expected, mean)["slope"] == pytest.approx(1, abs=0.1)
        if readout == "paper":
            continue  # in units of its own
        # traces are read over both phases, and a nudge moves the activities a little
        np.testing.assert_allclose(expected, reference[sample], atol=0.05 * np.abs(reference).max())


def test_negative_activities_are_refused():
    x, target = samples(signed=True)
    with pytest.raises(SpikedtpError, match=r"activities of InputE are negative \(down to -1\.\d+\).*on_off=True"):
        simulate(network(), x, target, population="H1E", device="runtime")
    linear = network(circuit("linear"), scale=0.2)
    with pytest.raises(SpikedtpError, match="activities of H1E are negative"):
        simulate(linear, *samples(), population="OutputE", device="runtime")
    with pytest.raises(SpikedtpError, match=r"H1E is linear; .*on_off=True, --on-off"):
        simulate(linear, *samples(), loop="closed", device="runtime")


@pytest.mark.parametrize("population", ["H1E", "OutputE"])
def test_on_and_off_cells_carry_signed_inputs(population, device):
    found, _, _ = medians(network(bias=HALF), population, signed=True, on_off=True, device=device)
    cosine, ceiling = found.iloc[0]
    assert cosine > ceiling - 0.005 and ceiling > 0.98


def test_on_and_off_cells_carry_linear_populations():
    rate_network = network(circuit("linear"), scale=0.1)
    assert rate_network.present(samples()[0]).activity["H1E"].min() < -0.3
    found, below, response = medians(rate_network, "OutputE", on_off=True, record=("spikes", "eligibility"))
    assert found.iloc[0].cosine > found.iloc[0].noise_ceiling - 0.01 and not below
    spikes, traces = response.spikes, response.eligibility["H1E"]
    assert spikes["H1E"].shape == spikes["H1E_off"].shape == traces.shape
    assert not (spikes["H1E"].any(axis=2) & spikes["H1E_off"].any(axis=2)).mean() > 0.5
    assert traces.min() < 0 < traces.max()
    # a linear cell's state may be negative: its voltage carries it
    own, _, _ = medians(rate_network, "H1E")
    assert own.iloc[0].cosine > own.iloc[0].noise_ceiling - 0.01


def test_spikes_of_on_and_off_cells_can_be_given_back():
    x, target = samples(signed=True, n=2)
    options = dict(population="H1E", on_off=True, device="runtime")
    drawn = simulate(network(), x, target, **options, record=("spikes",))
    inputs = drawn.spikes  # those of H1E itself are not used
    assert set(inputs) == {"InputE", "InputE_off", "OutputE", "H1E"}
    again = simulate(network(), x, target, **options, input_spikes=inputs)
    np.testing.assert_array_equal(again.weight_updates["H1E_InputE"], drawn.weight_updates["H1E_InputE"])
    with pytest.raises(SpikedtpError, match="input_spikes has no spikes of InputE_off, which H1E_InputE needs"):
        simulate(network(), x, target, **options, input_spikes={k: v for k, v in inputs.items() if k != "InputE_off"})


@pytest.mark.parametrize("name", ["InputE_of", "InputE_off", "H1E_off", "H1SomaI", 3])
def test_spikes_that_reach_no_cell_are_refused(name):
    x, target = samples(n=1)
    given = {"InputE": np.zeros((420, 64), bool), "OutputE": np.zeros((420, 10), bool)}
    with pytest.raises(SpikedtpError, match=f"presynaptic population in input_spikes '?{name}'?: known are Inp"):
        simulate(network(), x, target, population="H1E", device="runtime", input_spikes=given | {name: given["InputE"]})
    with pytest.raises(SpikedtpError, match="input_spikes must be a dict, presynaptic population -> spikes, got 'In"):
        simulate(network(), x, target, population="H1E", device="runtime", input_spikes="InputE")


def test_spike_trains_are_given_as_their_arrays_are():
    """One sequence for all repeats, or a trial for each; without a stop they end with the presentation."""
    x, target = samples(n=1)
    options = dict(population="H1E", device="runtime", dt=0.5 * ms, time_per_step=4 * ms, n_repeats=2)
    drawn = simulate(network(), x[0], target[0], **options, record=("spikes",))
    inputs = {name: drawn.spikes[name] for name in ("InputE", "OutputE")}

    def trains(raster, **more):
        *trial, steps, cells = raster.nonzero()
        more |= {"trials": trial[0], "n_trials": 2} if trial else {}
        return SpikeTrains(steps * 5e-4, cells, range(raster.shape[-1]), **more)

    def change(given):
        return simulate(network(), x[0], target[0], **options, input_spikes=given).weight_updates["H1E_InputE"]

    wanted = change(inputs)
    np.testing.assert_array_equal(change({name: trains(raster) for name, raster in inputs.items()}), wanted)
    first = change({"InputE": trains(inputs["InputE"][0], stop=84 * ms), "OutputE": trains(inputs["OutputE"])})
    np.testing.assert_array_equal(first[0], wanted[0])
    assert not np.array_equal(first[1], wanted[1])
    for wrong, words in (
        (SpikeTrains([0.09], [0], range(64)), r"input_spikes\['InputE'\]: 1 of 1 spike is after stop = 0.084 s"),
        (SpikeTrains([0.001, 0.0012], [0, 0], range(64)), r"input_spikes\['InputE'\]: 1 of 2 spikes shares a time"),
        (SpikeTrains([], [], range(64), stop=1 * second), r"\(\.\.\., 168, 64\), got \(2000, 64\)"),
        (SpikeTrains([], [], range(63)), r"\(\.\.\., 168, 64\), got \(168, 63\)"),
    ):
        with pytest.raises(SpikedtpError, match=words):
            change(inputs | {"InputE": wrong})


PLATEAUS = {
    "no negative ones": BTSP(0.1, neg_rate_th=1e9, relu_gate=False),
    "in active cells": BTSP(0.1, neg_rate_th=0.3, relu_gate=True),
    "the largest": BTSP(0.1, max_pop_fraction=0.05, relu_gate=False),
    "the largest and active": DendriticState(0.1, max_pop_fraction=0.3, relu_gate=True),
    "any": DendriticState(0.1),
}


@pytest.mark.parametrize("rule", PLATEAUS.values(), ids=PLATEAUS)
def test_plateau_options_in_rate_and_in_both_loops(rule):
    """The same cells have a plateau, or the loop refuses."""
    rate_network = network(circuit(rule=rule, n_hidden=200), scale=0.1, bias=np.tile([0.5, -0.5], 100), seed=4)
    x, target = samples()
    plateau = rate_network.present(x, target).plateau["H1E"]
    signals = {}
    spiking = simulate(rate_network, x, target, population="H1E", device="runtime", record=(), unit_rate=150 * Hz)
    signals["open"] = spiking.signals["H1E_InputE"].plateau[:, 0]
    if rule.max_pop_fraction < 1:
        with pytest.raises(SpikedtpError, match="H1E ranks its plateaus"):
            SpikingNetwork(rate_network, device="runtime")
        n = np.ceil(rule.max_pop_fraction * 200)
        for found in (plateau, signals["open"]):
            assert ((found > 0).sum(axis=1) <= n).all() and ((found < 0).sum(axis=1) <= n).all()
    else:
        cell = NudgedCell(firing="regular")  # without noise, which moves cells across thresholds
        closed = SpikingNetwork(rate_network, cell=cell, device="runtime").respond(x, target)
        signals["closed"] = closed.signals["H1E_InputE"].plateau[:, 0]
    for loop, found in signals.items():
        assert (found < 0).any() == (plateau < 0).any(), loop
        n_positive = (plateau > 0).sum()
        assert (found > 0).sum() == pytest.approx(n_positive, rel=0.1), loop
        assert np.corrcoef(found.ravel(), plateau.ravel())[0, 1] > 0.9, loop


def test_a_population_without_a_plateau_has_none_in_spikes():
    """Its dendrite has inputs, but no rule asks for a nudge: nothing acts on the soma in the rate network either."""
    described = circuit(rule=HebbWeightNorm(0.1))
    rate_network = network(described, scale=0.2)
    x, target = samples()
    assert "H1E" not in rate_network.present(x, target).plateau
    response = simulate(rate_network, x, target, population="H1E", device="runtime", record=())
    assert not response.signals["H1E_InputE"].plateau.any()


@pytest.mark.parametrize("one_pass", [True, False])
def test_delays_come_late_and_are_waited_for(one_pass):
    """What is read, without noise, is as near to the rate network's as without delays."""
    found = {}
    for delay in (0, 1, 4):
        net = CircuitBuilder("late", tau=3, forward_steps=40)
        net.input(64)
        net.layer("H1", 30, rule=DendriticState(0.1, one_pass=one_pass), delay=delay)
        net.layer("Output", 10, init=3.0)
        net.feedback("H1", init=3.0, delay=delay)
        rate = load_rate_network(net.build(), seed=3)
        x, target = np.random.default_rng(5).random((2, 64)).astype(np.float32), np.eye(10, dtype=np.float32)[[1, 7]]
        response = simulate(rate, x, target, population="H1E", device="runtime", record=("spikes",))
        arriving = response.spikes["OutputE"].any(axis=(0, 1, 3))
        assert not arriving[: 20 * delay].any() and arriving[20 * delay : 20 * delay + 40].any()
        found[delay] = similarity(rate.present(x, target).updates("H1E_InputE", 0),
                                  expected_update(response, "H1E_InputE"))  # fmt: skip
    for delay in (1, 4):
        assert found[delay]["cosine"] > found[0]["cosine"] - 1e-3 > 0.98
        assert found[delay]["slope"] == pytest.approx(found[0]["slope"], rel=0.03)


def test_a_delay_beyond_what_is_shown_is_refused():
    net = CircuitBuilder("late", forward_steps=40)
    net.input(64)
    net.layer("H1", 30, rule=HebbWeightNorm(0.1, 1), delay=5)
    net.layer("Output", 10)
    with pytest.raises(SpikedtpError, match=r"H1E_InputE: delay = 5 is too long for the open loop.*at most 4"):
        simulate(load_rate_network(net.build()), np.zeros(64), np.eye(10)[0], population="H1E", device="runtime")
