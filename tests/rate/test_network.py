"""A rate network: batches are their samples, weight changes leave it alone, wrong calls are named."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from rate.small_circuit import config, sample

from spikedtp.errors import SpikedtpError
from spikedtp.rate import load_rate_network
from spikedtp.rate.online import train_online


def test_a_batch_is_its_samples(network_of):
    network = network_of(config())
    x, target = sample(network, n=4)
    batch = network.present(x, target)
    for index in range(4):
        one = network.present(x[index], target[index])
        for name in one.activity:
            np.testing.assert_allclose(batch.activity[name][index], one.activity[name], rtol=1e-5, atol=1e-6)
        for name in one.dendritic_state:
            np.testing.assert_allclose(
                batch.dendritic_state[name][index], one.dendritic_state[name], rtol=1e-5, atol=1e-5
            )
        for name in one.learned:
            np.testing.assert_allclose(batch.updates(name)[index], one.updates(name), rtol=1e-5, atol=1e-7)
            np.testing.assert_allclose(batch.updates(name, index), one.updates(name), rtol=1e-5, atol=1e-7)
            if one.notebook_update(name) is not None:
                found = batch.notebook_update(name, index)
                np.testing.assert_allclose(found, one.notebook_update(name), rtol=1e-5, atol=1e-6)
    assert one.notebook_update("OutputE_H2E") is None
    settled = network.present(x)
    np.testing.assert_array_equal(network.predict(x), settled.activity["OutputE"][:, -1].argmax(axis=1))


def test_weight_updates_leave_the_network_alone(network_of):
    network = network_of(config("BTSP_19", {}))
    x, target = sample(network, n=2)
    network.train_step(x[0], target[0])
    before = {name: value.clone() for name, value in network.state_dict().items()}
    memory = {name: {k: v.copy() for k, v in s.items()} for name, s in network.rule_state.items()}
    assert memory["H1E_InputE"]["past_pre"].any()
    changes = network.weight_updates(x, target)
    network.weight_updates(x, target, constrained=False)
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())
    for name, state in network.rule_state.items():
        for key, value in state.items():
            np.testing.assert_array_equal(value, memory[name][key])
    assert changes["H1E_InputE"].shape == (2, 11, 7)
    network.train_step(x[1], target[1])
    for name, change in changes.items():
        after = network.weights[name]
        old = before[f"module_dict.{name}.weight"].numpy()
        np.testing.assert_array_equal(after - old, change[1], err_msg=name)


def test_unconstrained_changes_are_the_rules_own(network_of):
    """Where neither bounds nor constraints bite, both kinds of change agree; where bounds bite they do not."""
    network = network_of(config("BP_like_2L", {"learning_rate": 1e-4}))
    x, target = sample(network)
    free, bound = (network.weight_updates(x, target, constrained=c)["H2E_H1E"] for c in (False, True))
    weight = network.weights["H2E_H1E"]
    inside = weight + free > 0
    np.testing.assert_allclose(bound[inside], free[inside], atol=1e-7)
    strong = network_of(config("BP_like_2E", {"learning_rate": 10.0}))
    weight = strong.weights["OutputE_H2E"]
    free, bound = (strong.weight_updates(x, 0 * target, constrained=c)["OutputE_H2E"] for c in (False, True))
    clipped = weight + free < 0
    assert clipped.any()
    np.testing.assert_allclose(bound[clipped], -weight[clipped], atol=1e-7)


def test_wrong_calls(network_of):
    network = network_of(config())
    x, target = sample(network, n=2)
    with pytest.raises(SpikedtpError, match="nudge_populations"):
        network.present(x, target, nudge_populations="some")
    with pytest.raises(SpikedtpError, match="one sample"):
        network.train_step(x, target)
    with pytest.raises(SpikedtpError, match="target"):
        network.train_step(x[0], None)
    with pytest.raises(SpikedtpError, match="without a target"):
        network.present(x).updates("H2E_H1E")
    with pytest.raises(SpikedtpError, match="has no learning rule"):
        network.present(x, target).updates("H1E_H1SomaI")
    with pytest.raises(SpikedtpError, match=r"there is no sample 2: the response has 2 samples"):
        network.present(x, target).updates("H2E_H1E", 2)
    for wrong, words in ({"seed": -1}, "seed must be a whole number"), ({"weights": 3}, "weights must be a file"):
        with pytest.raises(SpikedtpError, match=words):
            load_rate_network(network.circuit, **wrong)
    with pytest.raises(SpikedtpError, match="2 inputs and 1 targets"):
        next(iter(train_online(network, x, target[:1], n_samples=1, data_seed=0)))
    with pytest.raises(SpikedtpError, match="unknown projection"):
        network.present(x, target).updates("H9E_H1E")
    with pytest.raises(SpikedtpError, match="backward_steps"):
        network_of(config("Backprop", {}, backward_steps=0))
    values = config()
    values["projection_config"]["H2"]["E"]["H1"]["E"]["learning_rule"] = "BP_like_2E"
    with pytest.raises(SpikedtpError, match="different nudge phases"):
        network_of(values)
    values = config()
    del values["projection_config"]["H2"]["E"]["H2"]
    del values["projection_config"]["H2"]["E"]["Output"]
    with pytest.raises(SpikedtpError, match="no dendritic input"):
        network_of(values)
