"""Gradients against numerical ones, through the last steps alone."""

from __future__ import annotations

import numpy as np
import pytest
from rate.small_circuit import config, delayed, sample


@pytest.mark.parametrize("backward_steps", [6, 3])
@pytest.mark.parametrize("delays", [None, 1, 6, "srelu"])
def test_backprop_is_the_numerical_gradient(delays, backward_steps, network_of, slow_circuit):
    values = config("Backprop", {"learning_rate": 1.0}, backward_steps=backward_steps)
    if delays == "srelu":
        delays = None
        kwargs = {"slope": 0.5, "min": 0.01, "max": 0.6}
        values["layer_config"]["H2"]["E"] |= {"activation": "srelu", "activation_kwargs": kwargs}
    network = network_of(values if delays is None else delayed(values, delays, most=1))
    x, target = sample(network, seed=5)

    def loss(weights):
        slow = slow_circuit(network.circuit, network.weights, network.biases)
        slow.later = 6 - backward_steps + 1, weights  # the steps before are taken as they are
        slow.settle(x)
        return np.mean((slow.now["OutputE"] - target) ** 2)

    changes = network.weight_updates(x, target, constrained=False)
    base, step, compared = network.weights, 1e-6, 0
    for name in ("H1E_InputE", "H2E_H1E", "OutputE_H2E"):
        scale = np.abs(changes[name]).max()
        assert scale > 0
        for index in np.random.default_rng(1).integers(0, base[name].size, 6):
            up, down = ({k: v.astype(np.float64) for k, v in base.items()} for _ in range(2))
            up[name].flat[index] += step
            down[name].flat[index] -= step
            slope = (loss(up) - loss(down)) / (2 * step)
            assert abs(changes[name].flat[index] + slope) < 1e-3 * scale
            compared += slope != 0
    assert compared > 5


def test_only_the_last_steps_are_differentiated(network_of, slow_circuit):
    one = network_of(config("Backprop", {"learning_rate": 1.0}, backward_steps=1))
    x, target = sample(one, seed=5)
    slow = slow_circuit(one.circuit, one.weights, one.biases)
    slow.settle(x)
    error = 2 * (slow.now["OutputE"] - target) / 3 * (slow.state["OutputE"] > 0)
    expected = -np.outer(error, slow.now["H2E"]) / 2.5
    np.testing.assert_allclose(one.weight_updates(x, target, constrained=False)["OutputE_H2E"], expected, atol=1e-6)
    all_steps = network_of(config("Backprop", {"learning_rate": 1.0}, backward_steps=6))
    change = all_steps.weight_updates(x, target, constrained=False)["OutputE_H2E"]
    assert np.abs(change - expected).max() > 0.05 * np.abs(expected).max()
