"""Weight changes of a response: by name, and as the notebook of Figure 3 has them."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from rate.small_circuit import config, sample

from spikedtp.errors import SpikedtpError
from spikedtp.spiking.open_loop.timeline import Timeline


@pytest.mark.parametrize("n_steps", [6, 14])
def test_notebook_update_is_its_formula(network_of, slow_circuit, n_steps):
    network = network_of(config("BP_like_2L", {"relu_gate": True}, forward_steps=n_steps))
    x, target = sample(network)
    slow = slow_circuit(network.circuit, network.weights, network.biases)
    slow.settle(x)
    slow.nudge(target, "equilibrated", everyone=True)
    steps = slow.history[: n_steps + Timeline().supervised_points]  # what the spiking network replays, or all there are
    end, last = steps[-1], steps[-2]
    w = slow.w
    dendrite = w["H2E_OutputE"] @ end["OutputE"] + w["H2E_H2DendI"] @ last["H2DendI"]
    gate = slow.settled["H2E"] > 0
    expected = 0.05 * np.outer(gate * dendrite, end["H1E"])
    for mode in ("training", "all"):
        found = network.present(x, target, nudge_populations=mode).notebook_update("H2E_H1E")
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-6)


def test_weight_changes_by_name(network_of):
    """All learned ones, also of tensors; a gradient's batch is its samples."""
    for rule in ("BP_like_2L", "Backprop"):
        network = network_of(config(rule), seed=4)
        x, target = sample(network, n=2)
        response = network.present(torch.from_numpy(x), torch.from_numpy(target).requires_grad_())
        changes = response.weight_updates
        assert set(changes) == {"H1E_InputE", "H2E_H1E", "OutputE_H2E"} and len(changes) == 3
        for name, change in changes.items():
            np.testing.assert_allclose(change[1], network.present(x[1], target[1]).updates(name), rtol=1e-5, atol=1e-7)
        assert all(change.any(axis=(1, 2)).all() for change in changes.values())
        with pytest.raises(KeyError):
            changes["H1E_H1SomaI"]


@pytest.mark.parametrize("rule", ["DendriticLossBias", "BackpropBias"])
def test_bias_updates_are_what_a_step_adds(network_of, rule):
    """By plateaus and by gradients, of one sample and of a batch; bounds are left out."""
    described = config("Backprop" if rule == "BackpropBias" else "BP_like_2L")
    learned = {"bias_learning_rule": rule, "bias_learning_rule_kwargs": {"learning_rate": 0.2}}
    described["layer_config"]["H1"]["E"] |= learned
    described["layer_config"]["Output"]["E"] |= learned | {"include_bias": True}
    network = network_of(described, seed=4)
    x, target = sample(network, n=3)
    response, state = network.present(x, target), network.state_dict()
    assert list(response.bias_updates) == ["H1E", "OutputE"]
    for k in range(3):
        network.load_state_dict(state)
        alone, before = network.present(x[k], target[k]).bias_updates, network.biases
        network.train_step(x[k], target[k])
        for name, change in response.bias_updates.items():
            added = network.biases[name] - before[name]
            assert added.any()
            np.testing.assert_allclose(change[k], added, rtol=1e-4, atol=1e-6)
            np.testing.assert_allclose(alone[name], added, rtol=1e-4, atol=1e-6)
    with pytest.raises(SpikedtpError, match="no changes of biases without a target"):
        network.present(x).bias_updates  # noqa: B018
