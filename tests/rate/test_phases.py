"""The phases of a presentation against a second, plain implementation of their definition."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from rate.small_circuit import EXC, config, delayed, sample, soma

from spikedtp.circuit import Circuit, Population, Projection
from spikedtp.errors import SpikedtpError
from spikedtp.rate import load_rate_network

CASES = {
    "equilibrated": ("BP_like_2L", {"relu_gate": True}, "equilibrated", "training"),
    "everyone": ("BP_like_2L", {}, "equilibrated", "all"),
    "one pass": ("BP_like_2E", {}, "one-pass", "training"),
    "the largest only": ("BP_like_2L", {"max_pop_fraction": 0.25}, "equilibrated", "training"),
    "negative gate": ("BTSP_19", {"neg_rate_th": 0.05, "relu_gate": False}, "equilibrated", "training"),
}


def sloped(values):
    """The circuit with srelu cells: dendritic interneurons with a slope, a hidden layer with a highest activity."""
    kwargs = {"DendI": {"slope": 0.5}, "E": {"slope": 1.5, "max": 0.4}}
    for layer, cell in (("H1", "DendI"), ("H2", "DendI"), ("H2", "E")):
        values["layer_config"][layer][cell] |= {"activation": "srelu", "activation_kwargs": kwargs[cell]}
    return values


@pytest.mark.parametrize("delays", [None, 1, 3, 4, "srelu"])
@pytest.mark.parametrize("case", CASES)
def test_phases_follow_their_definition(case, delays, network_of, slow_circuit):
    rule, kwargs, kind, mode = CASES[case]
    values = config(rule, kwargs)
    if delays == "srelu":
        values, delays = sloped(values), None
    network = network_of(values if delays is None else delayed(values, delays))
    slow = slow_circuit(network.circuit, network.weights, network.biases)
    x, target = sample(network)
    response = network.present(x, target, nudge_populations=mode)
    slow.settle(x)
    slow.nudge(target, kind, everyone=mode == "all")
    assert response.nudge_steps == (1 if kind == "one-pass" else 6)
    for name, activity in response.activity.items():
        expected = np.array([step[name] for step in slow.history])
        np.testing.assert_allclose(activity, expected, rtol=1e-5, atol=1e-6, err_msg=name)
    assert set(response.plateau) == {"H1E", "H2E", "OutputE"}
    for name, plateau in response.plateau.items():
        np.testing.assert_allclose(plateau, slow.plateau[name], rtol=1e-5, atol=1e-6, err_msg=name)
        assert np.abs(plateau).max() > 0.01
    for projection, signals in response.signals.items():
        p = network.circuit.projection(projection)
        for found, expected in (
            (signals.pre_settled, slow.settled_sent[p.name]),
            (signals.pre_settled_previous, slow.settled_sent_before[p.name]),
            (signals.pre_nudged, slow.nudged_sent[p.name]),
            (signals.post_settled, slow.settled[p.post]),
            (signals.post_nudged, slow.now[p.post]),
        ):
            np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6, err_msg=projection)
    if case == "the largest only":
        assert [(np.sum(v > 0) <= 3, np.sum(v < 0) <= 3) for k, v in response.plateau.items() if k != "OutputE"] == [
            (True, True)
        ] * 2


def test_top_layer_alone(network_of, slow_circuit):
    values = config(None)
    values["projection_config"]["Output"]["E"]["H2"]["E"] = soma(
        EXC, learning_rule="Top_Layer_BP_like_2L", learning_rule_kwargs={"learning_rate": 0.1, "relu_gate": True}
    )
    for post, layer, cell in (("H1", "Input", "E"), ("H2", "H1", "E")):
        values["projection_config"][post]["E"][layer][cell]["learning_rule"] = "Hebb_WeightNorm_4"
        values["projection_config"][post]["E"][layer][cell]["learning_rule_kwargs"] = {"learning_rate": 0.1}
    network = network_of(values)
    slow = slow_circuit(network.circuit, network.weights, network.biases)
    x, target = sample(network)
    response = network.present(x, target)
    slow.settle(x)
    slow.nudge(target, "output-only")
    for name, activity in response.activity.items():
        expected = np.array([step[name] for step in slow.history])
        np.testing.assert_allclose(activity, expected, rtol=1e-5, atol=1e-6, err_msg=name)
    assert not np.allclose(response.activity["OutputE"][5], response.activity["OutputE"][-1])
    np.testing.assert_array_equal(response.activity["H2E"][5], response.activity["H2E"][-1])
    clip = lambda a: np.clip(a, 0, 1)  # noqa: E731
    np.testing.assert_allclose(
        response.updates("OutputE_H2E"), 0.1 * np.outer(slow.plateau["OutputE"], clip(slow.now["H2E"])), atol=1e-6
    )
    np.testing.assert_allclose(
        response.updates("H2E_H1E"), 0.1 * np.outer(clip(slow.now["H2E"]), clip(slow.now["H1E"])), atol=1e-6
    )


def chain(*delays, n_steps=30, weights=None, recurrent=None):
    """Input, H1, ... with one cell each and one delay for each projection; tau is one step."""
    names = ["Input", *(f"H{k}" for k in range(len(delays)))]
    populations = tuple(Population(name, "E", 1, "linear") for name in names)
    pairs = zip(itertools.pairwise(names), delays, strict=True)
    forward = [Projection(f"{b}E", f"{a}E", delay=delay) for (a, b), delay in pairs]
    if recurrent is not None:
        forward.append(Projection("H0E", "H0E", direction="R", delay=recurrent))
    circuit = Circuit(populations, tuple(forward), forward_steps=n_steps)
    values = {p.name: 1.0 if weights is None else weights[p.name] for p in forward}
    return load_rate_network(circuit, {f"module_dict.{name}.weight": np.full((1, 1), w) for name, w in values.items()})


@pytest.mark.parametrize("delays", [(0, 0, 0), (3, 0, 0), (0, 2, 5), (1, 1, 1), (4, 7, 2)])
def test_delays_of_a_chain_add_up(delays):
    """The image is there from the first step on; each cell sees it when all delays on the way have passed."""
    activity = chain(*delays).present([1.0]).activity
    for k, passed in enumerate(np.cumsum(delays)):
        np.testing.assert_array_equal(activity[f"H{k}E"][:, 0], np.arange(1, 31) > passed)


@pytest.mark.parametrize("delay", [0, 1, 4])
def test_a_loop_with_a_delay_repeats_itself(delay):
    """a(t) = x + w a(t - 1 - delay): a geometric series, one term for each round."""
    activity = chain(0, weights={"H0E_InputE": 1.0, "H0E_H0E": 0.5}, recurrent=delay).present([1.0]).activity["H0E"]
    rounds = (np.arange(1, 31) - 1) // (1 + delay)
    np.testing.assert_allclose(activity[:, 0], 2 - 0.5**rounds, rtol=1e-6)


def test_r_is_a_delay_of_one_step(network_of):
    """In the settle phase, and in an equilibrated nudge from which nobody learns."""
    values = config("BP_like_2L")
    found = []
    for direction, delay in (("R", 2), ("F", 3)):
        projection = values["projection_config"]["H1"]["SomaI"]["H2"]["E"]
        projection |= {"direction": direction, "delay": delay}
        network = network_of(values)
        found.append(network.present(*sample(network)).activity)
    for name, activity in found[0].items():
        np.testing.assert_array_equal(activity, found[1][name])


@pytest.mark.parametrize("rule", ["BP_like_2L", "BP_like_2E"])
def test_dendritic_states_are_weighted_sums_of_what_arrives(rule, network_of):
    values = config(rule, forward_steps=12)
    network = network_of(delayed(values, 3))
    response = network.present(*sample(network), nudge_populations="all")
    for population, states in response.dendritic_state.items():
        for k in range(len(states)):
            expected, sweep = 0.0, k == 12  # which takes no time
            for p in network.circuit.inputs(population):
                lag = (p.direction == "R") + (0 if sweep else p.delay)
                if p.compartment == "dend" and k - lag >= 0:
                    expected = expected + network.weights[p.name] @ response.activity[p.pre][k - lag]
                elif p.compartment == "dend" and k - lag == -1:  # what cells began with
                    begin = network.biases[p.pre]
                    relu = network.circuit.population(p.pre).activation == "relu"
                    expected = expected + network.weights[p.name] @ (begin.clip(0, None) if relu else begin)
            np.testing.assert_allclose(states[k], expected + np.zeros_like(states[k]), atol=1e-6)


def test_a_delay_as_long_as_the_phase_is_refused():
    with pytest.raises(SpikedtpError, match="projection H0E_InputE: delay = 30 must be below forward_steps = 30"):
        chain(30)
