"""The phases of a presentation against a second, plain implementation of their definition."""

from __future__ import annotations

import numpy as np
import pytest
from rate.small_circuit import EXC, config, sample, soma

CASES = {
    "equilibrated": ("BP_like_2L", {"relu_gate": True}, "equilibrated", "training"),
    "everyone": ("BP_like_2L", {}, "equilibrated", "all"),
    "one pass": ("BP_like_2E", {}, "one-pass", "training"),
    "the largest only": ("BP_like_2L", {"max_pop_fraction": 0.25}, "equilibrated", "training"),
    "negative gate": ("BTSP_19", {"neg_rate_th": 0.05, "relu_gate": False}, "equilibrated", "training"),
}


@pytest.mark.parametrize("case", CASES)
def test_phases_follow_their_definition(case, network_of, slow_circuit):
    rule, kwargs, kind, mode = CASES[case]
    network = network_of(config(rule, kwargs))
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

        def pick(now, before, p=p):
            return now if p.direction == "F" else before

        for found, expected in (
            (signals.pre_settled, pick(slow.settled, slow.settled_before)[p.pre]),
            (signals.pre_settled_previous, slow.settled_before[p.pre]),
            (signals.pre_nudged, pick(slow.now, slow.before)[p.pre]),
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
