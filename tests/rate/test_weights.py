"""Copies of weights: of two sources with a sign, as they were loaded, and with row sums of their own."""

from __future__ import annotations

import copy

import numpy as np
import pytest
from rate.small_circuit import EXC, config, sample, soma

from spikedtp import load_rate_network
from spikedtp.circuit import Circuit, Population, Projection
from spikedtp.plasticity import Bounds, DendriticState, NormalizeRows


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


@pytest.mark.parametrize("recurrent", [False, True])
def test_rows_keep_their_first_sums_where_no_scale_is_given(recurrent):
    """EIANN's ``scale: null``: those of the initial weights, of loaded weights, and through looks and copies."""
    pair = ("H1E", "H1E") if recurrent else ("H1E", "InputE")
    learned = Projection(
        *pair, rule=DendriticState(0.5, one_pass=True), weight_init="half_kaiming", bounds=Bounds(0, 0.3),
        direction="R" if recurrent else "F", constraint=NormalizeRows(None),
    )  # fmt: skip
    drive = Projection("H1E", "InputE", weight_init="half_kaiming", bounds=Bounds(0, None))
    top = Projection("OutputE", "H1E", weight_init="half_kaiming", bounds=Bounds(0, None))
    down = Projection("H1E", "OutputE", "dend", weight_init="half_kaiming", bounds=Bounds(0, None))
    cells = (Population("Input", "E", 6), Population("H1", "E", 5), Population("Output", "E", 2))
    projections = (learned, *([drive] if recurrent else []), top, down)
    network = load_rate_network(Circuit(cells, projections, tau=2.0, forward_steps=5), seed=3)
    rng = np.random.default_rng(1)

    def sums(network):
        weight = network.weights[learned.name].astype(float)
        return weight.sum(axis=1)

    first = sums(network)
    assert len(set(first.round(3))) == 5
    for n in range(12):
        x, t = rng.random(6), np.eye(2)[n % 2]
        before = network.weights[learned.name]
        network.weight_updates(x, t)
        assert (network.weights[learned.name] == before).all()
        network.train_step(x, t)
        np.testing.assert_allclose(sums(network), first, rtol=1e-5)
        network = copy.deepcopy(network)
    assert (network.weights[learned.name] != before).any()
    weights = network.weights
    weights[learned.name][0] *= 0.5
    network.load_state_dict(weights)
    network.train_step(x, t)
    np.testing.assert_allclose(sums(network), first * [0.5, 1, 1, 1, 1], rtol=1e-5)
