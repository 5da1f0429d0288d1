"""The backprop clone of a circuit against finite differences and online steps; angles between weight changes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from rate.digits_circuits import FORWARD

from spikedtp.circuit import read_circuit
from spikedtp.plasticity import Backprop
from spikedtp.rate import load_rate_network
from spikedtp.rate.backprop_clone import (
    BackpropClone,
    angle,
    backprop_circuit,
    feedback_projections,
    forward_projections,
    joined_angles,
)
from spikedtp.rate.online import train_online

DIGITS = ("backprop_dale", "btsp", "dtp", "hebb_weight_norm", "supervised_bcm", "temporal_contrast")


def trained(images, circuit="digits_temporal_contrast", n=60):
    network = load_rate_network(circuit, seed=3)
    for _ in train_online(network, images.train_x, images.train_t, n_samples=n, data_seed=0):
        pass
    return network


@pytest.mark.parametrize("name", DIGITS)
def test_clone_keeps_everything_but_the_rules(name):
    circuit = read_circuit(f"digits_{name}")
    clone = backprop_circuit(circuit)
    assert clone.backward_steps == 3
    for before, after in zip(circuit.projections, clone.projections, strict=True):
        rule = None if before.rule is None else Backprop(before.rule.learning_rate)
        assert after == replace(before, rule=rule)
    assert sorted(p.name for p in forward_projections(circuit)) == FORWARD
    assert backprop_circuit(replace(circuit, backward_steps=7)).backward_steps == 7


def test_feedback_projections():
    assert feedback_projections(read_circuit("digits_dtp")) == {"H2E_H1E": "H1E_H2E", "OutputE_H2E": "H2E_OutputE"}
    assert feedback_projections(read_circuit("digits_backprop_dale")) == {}


def loss(network, x, target):
    output = network.present(x).activity["OutputE"][:, -1]
    return float(np.mean((output.astype(np.float64) - target) ** 2))


def test_gradients_are_the_slopes_of_the_mean_loss(images):
    """Through all settle steps, so that nothing is a constant: against central differences of the whole network."""
    network = trained(images)
    circuit = replace(network.circuit, backward_steps=network.circuit.forward_steps)
    clone = BackpropClone(circuit)
    clone.load(network.weights, network.biases)
    x, target = images.train_x[:8], images.train_t[:8]
    slopes = clone.gradients(x, target)
    free = replace(circuit, projections=tuple(replace(p, constraint=None) for p in circuit.projections))
    weights = network.weights
    for name in FORWARD:
        assert slopes[name].shape == weights[name].shape and np.abs(slopes[name]).max() > 1e-6
        direction = slopes[name] / np.linalg.norm(slopes[name])  # the steepest: rounding matters least
        found = []
        for side in (1, -1):
            moved = load_rate_network(free)
            state = network.state_dict()
            # Dale's law is for stored weights: a negative one is none here, the clone's own bounds are not in play
            state[f"module_dict.{name}.weight"] = np.maximum(weights[name] + side * 0.02 * direction, 0)
            moved.load_state_dict(state)
            step = np.asarray(state[f"module_dict.{name}.weight"]) - weights[name]
            found.append((loss(moved, x, target), float((step * slopes[name]).sum())))
        (up, expected_up), (down, expected_down) = found
        assert up - down == pytest.approx(expected_up - expected_down, rel=0.05), name


def test_mean_loss_is_the_mean_over_samples(images):
    network = trained(images)
    clone = BackpropClone(network.circuit)
    clone.load(network.weights, network.biases)
    x, target = images.train_x[:5], images.train_t[:5]
    each = [clone.gradients(x[k : k + 1], target[k : k + 1]) for k in range(5)]
    for name, slope in clone.gradients(x, target).items():
        wanted = np.mean([one[name] for one in each], axis=0)
        np.testing.assert_allclose(slope, wanted, atol=1e-5 * np.abs(wanted).max())


@pytest.mark.parametrize("name", ["backprop_dale", "hebb_weight_norm"])
def test_a_step_is_what_an_online_step_of_the_clone_does(images, name):
    network = trained(images, f"digits_{name}")
    clone = BackpropClone(network.circuit)
    clone.load(network.weights, network.biases)
    x, target = images.train_x[0], images.train_t[0]
    steps = clone.step(clone.gradients(x[None], target[None]))
    whole = load_rate_network(clone.circuit, network.state_dict())
    wanted = whole.weight_updates(x, target)
    for key in FORWARD:
        np.testing.assert_allclose(steps[key], wanted[key], atol=2e-6)
        assert (network.weights[key] + steps[key] >= -1e-9).all()


def test_angle():
    a = np.array([[1.0, 0.0], [0.0, 0.0]])
    assert angle(a, 3 * a) == pytest.approx(0, abs=1e-5) and angle(a, -a) == pytest.approx(180)
    assert angle(a, a.T[::-1]) == pytest.approx(90)
    assert np.isnan(angle(a, 0 * a))


def test_joined_angles_give_each_projection_the_same_say():
    a = {"p": np.ones((2, 2)), "q": 1e-6 * np.ones((50, 50))}
    b = {"p": 7 * np.ones((2, 2)), "q": -np.ones((50, 50))}
    found = joined_angles(a, b)
    assert found["p"] == pytest.approx(0, abs=1e-5) and found["q"] == pytest.approx(180)
    assert found["all"] == pytest.approx(90)  # one for, one against
    assert joined_angles({}, {}) == {}
