"""Copies of weights: of two sources with a sign, and as they were loaded."""

from __future__ import annotations

import numpy as np
from rate.small_circuit import EXC, config, sample, soma


def test_a_copy_of_two_sources_with_a_sign(network_of, slow_circuit):
    values = config()
    tied = {"source": "H2.E.H1.E", "source2": "H2.Extra.H1.E", "sign": -1, "scale": 0.5, "transpose": True}
    values["layer_config"]["H1"]["Extra"] = {"size": 9, "activation": "relu"}
    values["layer_config"]["H2"]["Extra"] = {"size": 9, "activation": "relu"}
    table = values["projection_config"]
    table["H2"]["Extra"] = {"H1": {"E": soma(EXC)}}
    table["H1"]["E"]["H2"]["Extra"] = {
        "weight_init": "scaled_kaiming",
        "weight_constraint": "clone_weight",
        "weight_constraint_kwargs": tied,
        "direction": "R",
        "learning_rule": None,
    }
    network = network_of(values)
    x, target = sample(network)
    before = network.weights
    slow = slow_circuit(network.circuit, before, network.biases)
    slow.settle(x)
    np.testing.assert_allclose(network.present(x).activity["H1E"][-1], slow.now["H1E"], rtol=1e-5, atol=1e-6)
    network.train_step(x, target)
    after = network.weights
    assert not np.array_equal(after["H2E_H1E"], before["H2E_H1E"])
    for weights in (before, after):
        expected = -0.5 * (weights["H2E_H1E"] * weights["H2Extra_H1E"]).T
        np.testing.assert_allclose(weights["H1E_H2Extra"], expected, rtol=1e-6)


def test_loaded_copies_keep_their_values_until_the_first_step(network_of, slow_circuit):
    values = config()
    values["projection_config"]["H2"]["E"]["Output"]["E"] |= {
        "weight_constraint": "clone_weight",
        "weight_constraint_kwargs": {"source": "Output.E.H2.E", "transpose": True, "scale": 2.0},
    }
    network = network_of(values)
    key = "module_dict.H2E_OutputE.weight"
    state = network.state_dict()
    np.testing.assert_allclose(network.weights["H2E_OutputE"], 2 * network.weights["OutputE_H2E"].T, rtol=1e-6)
    state[key] = state[key] * 3
    network.load_state_dict(state)
    np.testing.assert_array_equal(network.state_dict()[key].numpy(), state[key].numpy())
    x, target = sample(network)
    slow = slow_circuit(network.circuit, network.weights, network.biases)
    slow.settle(x)
    slow.nudge(target, "equilibrated")
    np.testing.assert_allclose(network.present(x, target).plateau["H2E"], slow.plateau["H2E"], rtol=1e-5, atol=1e-6)
    network.weight_updates(x, target)
    np.testing.assert_array_equal(network.state_dict()[key].numpy(), state[key].numpy())
    network.train_step(x, target)
    np.testing.assert_allclose(network.weights["H2E_OutputE"], 2 * network.weights["OutputE_H2E"].T, rtol=1e-6)
