"""Initial weights are drawn as the circuit describes them."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from rate.small_circuit import EXC, config, sample

from spikedtp.errors import SpikedtpError
from spikedtp.plasticity import Mask


def test_initial_weights_by_the_description(network_of):
    """A second implementation of the drawing order: every Linear first, then each population's weights and bias."""
    values = config()
    values["projection_config"]["H1"]["DendI"]["H1"]["DendI"] |= {"weight_constraint": "no_autapses"}
    values["layer_config"]["H1"]["E"] |= {"bias_init": "uniform_", "bias_init_args": [-0.5, 0.25]}
    network = network_of(values, seed=11)
    table, sizes = values["projection_config"], {}
    for layer, cells in values["layer_config"].items():
        sizes |= {layer + cell: kwargs["size"] for cell, kwargs in cells.items()}
    order = [
        (post + cell, pre + pre_cell, kwargs)
        for post, cells in table.items()
        for cell, inputs in cells.items()
        for pre, pre_cells in inputs.items()
        for pre_cell, kwargs in pre_cells.items()
    ]
    state = torch.get_rng_state()
    torch.manual_seed(11)
    for post, pre, _ in order:
        torch.nn.Linear(sizes[pre], sizes[post], bias=False)
    for layer, cells in values["layer_config"].items():
        for cell, kwargs in cells.items():
            population = layer + cell
            fan_in = 0
            for post, pre, projection in order:
                if post != population:
                    continue
                fan_in += sizes[pre]
                limit = 1 / np.sqrt(sizes[pre])
                excitatory = projection["weight_bounds"] == EXC
                drawn = torch.empty(sizes[post], sizes[pre])
                drawn.uniform_(0, limit) if excitatory else drawn.uniform_(-limit, 0)
                if "weight_constraint" in projection:
                    drawn.fill_diagonal_(0)
                assert torch.equal(drawn, network.state_dict()[f"module_dict.{post}_{pre}.weight"])
            if kwargs.get("include_bias"):
                drawn = torch.empty(sizes[population])
                drawn.uniform_(-0.5, 0.25) if "bias_init" in kwargs else drawn.uniform_(-(fan_in**-0.5), fan_in**-0.5)
                assert torch.equal(drawn, network.state_dict()[f"parameter_dict.{population}_bias"])
            elif layer != "Input":
                assert not network.state_dict()[f"parameter_dict.{population}_bias"].any()
    torch.set_rng_state(state)


def test_receptive_fields(network_of):
    values = config("Backprop", {"learning_rate": 0.5})
    values["layer_config"]["Input"]["E"]["size"] = 36
    values["projection_config"]["H1"]["E"]["Input"]["E"] |= {
        "weight_constraint": "receptive_field_mask",
        "weight_constraint_kwargs": {"receptive_field_size": 3, "apply_weight_norm": True, "scale": 2.0},
    }
    network = network_of(values, seed=4)
    x, target = sample(network)

    def check():
        for row in network.weights["H1E_InputE"].reshape(11, 6, 6):
            rows, columns = np.nonzero(row)
            assert np.ptp(rows) <= 2 and np.ptp(columns) <= 2
            np.testing.assert_allclose(row.sum(), 2.0, rtol=1e-5)

    check()
    first = network.weights["H1E_InputE"]
    for _ in range(3):
        network.train_step(x, target)
    check()
    assert not np.array_equal(first, network.weights["H1E_InputE"])
    assert len({tuple(np.nonzero(row)[0]) for row in first}) > 1


def test_sparse_connections(network_of):
    """The mask is the circuit's: every seed has the same, and a file cannot have synapses outside."""
    values = config("Backprop", {"learning_rate": 0.5})
    values["projection_config"]["H1"]["E"]["Input"]["E"] |= {
        "weight_constraint": "mask",
        "weight_constraint_kwargs": {"probability": 0.4, "seed": 2, "scale": 2.0},
    }
    exists = Mask.random(11, 7, 0.4, seed=2).connected
    networks = [network_of(values, seed=seed) for seed in (1, 2)]
    x, target = sample(networks[0])
    for network in networks:
        np.testing.assert_array_equal(network.masks["H1E_InputE"], exists)
        before = network.weights["H1E_InputE"]
        own = network.weight_updates(x, target, constrained=False)["H1E_InputE"]
        assert own.any() and not own[~exists].any()
        changes = network.weight_updates(x, target)["H1E_InputE"]
        network.train_step(x, target)
        weight = network.weights["H1E_InputE"]
        assert not weight[~exists].any() and np.any(weight != before)
        np.testing.assert_allclose(weight, before + changes, rtol=1e-6)
        np.testing.assert_allclose(weight.sum(axis=1)[exists.any(axis=1)], 2.0, rtol=1e-5)
    assert np.any(networks[0].weights["H1E_InputE"] != networks[1].weights["H1E_InputE"])
    networks[0].load_state_dict(networks[1].state_dict())
    state = networks[0].state_dict()
    state["module_dict.H1E_InputE.weight"] += 0.1
    with pytest.raises(SpikedtpError, match=rf"H1E_InputE.weight has {(~exists).sum()} synapses outside the mask"):
        networks[0].load_state_dict(state)
