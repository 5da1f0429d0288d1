"""Torch modules as rate networks: the same answers, dendrites that hold errors, and backprop's own gradients."""

from itertools import pairwise

import numpy as np
import pytest
import torch
from rate.torch_modules.drawn_modules import Drawn, Settled
from torch import nn

from spikedtp import SpikedtpError, from_torch, load_rate_network
from spikedtp.plasticity import BTSP, DendriticState, TopDownHebb


def perceptron(seed=0, sizes=(8, 12, 9, 4)):
    torch.manual_seed(seed)
    layers = [part for a, b in pairwise(sizes) for part in (nn.Linear(a, b), nn.ReLU())]
    return nn.Sequential(*layers[:-1])


def samples(n, n_in, seed=0):
    return np.random.default_rng(seed).uniform(size=(n, n_in)).astype(np.float32)


def settled(network, x):
    return network.present(x).activity["OutputE"][:, network.circuit.forward_steps - 1]


def cosine(a, b):
    return float((a * b).sum() / np.linalg.norm(a) / np.linalg.norm(b))


@pytest.mark.parametrize("dale", [False, True])
@pytest.mark.parametrize("seed", range(25))
def test_drawn_modules_have_the_same_logits(seed, dale):
    module, x = Drawn(seed).eval(), samples(6, 6, seed)
    with torch.no_grad():
        wanted = module(torch.from_numpy(x)).numpy()
    for normalise in (None, samples(50, 6, 1)):
        found = settled(from_torch(module, dale=dale, normalise=normalise), x)
        assert np.allclose(found, wanted, rtol=0, atol=1e-5 * max(1, np.abs(wanted).max()))


@pytest.mark.parametrize("dale", [False, True])
@pytest.mark.parametrize("seed", range(8))
def test_recurrent_modules_settle_where_they_would(seed, dale):
    module, x = Settled(seed).eval(), samples(5, 4, seed)
    with torch.no_grad():
        wanted = module(torch.from_numpy(x)[:, None].repeat(1, 500, 1)).numpy()
    network = from_torch(module, example=np.zeros((1, 7, 4)), dale=dale, normalise=samples(50, 4))
    assert np.allclose(settled(network, x), wanted, rtol=0, atol=1e-5 * max(1, np.abs(wanted).max()))


def test_a_recurrent_network_that_grows_is_refused():
    module = Settled(0)
    with torch.no_grad():
        module.rnn.weight_hh_l0.copy_(torch.eye(5) * 1.2)
    with pytest.raises(SpikedtpError, match="has not settled"):
        from_torch(module)


@pytest.mark.parametrize("dale", [False, True])
@pytest.mark.parametrize("feedback", ["tied", "random", "learned"])
@pytest.mark.parametrize("make", [perceptron, lambda: Drawn(9).eval(), lambda: Settled(3).eval()])
def test_dendrites_hold_nothing_until_the_nudge(make, feedback, dale):
    module = make()
    network = from_torch(module, feedback=feedback, dale=dale)
    x = samples(4, network.circuit.input.size)
    response = network.present(x, np.eye(network.circuit.output.size)[[0, 1, 2, 0]])
    for name, state in response.dendritic_state.items():
        above = max(float(np.abs(a).max()) for a in response.activity.values())
        assert np.abs(state[:, response.forward_steps - 1]).max() < 1e-5 * max(above, 1)
        assert np.abs(state[:, -1]).max() > 0.01, name


def test_with_tied_feedback_a_small_error_learns_as_backprop_does():
    """Nothing is clipped and no cell is pushed through its threshold: both are the same direction."""
    x = samples(5, 8)
    network = from_torch(perceptron(), normalise=1.5 * samples(200, 8, 2), output_scale=0.1)  # no activity above 1
    target = settled(network, x) + 1e-3 * np.random.default_rng(3).normal(size=(5, 4))
    response = network.present(x, target)
    for name in response.learned:
        ours, theirs = response.updates(name), response.backprop_update(name)
        for k in range(5):
            assert cosine(ours[k], theirs[k]) > 0.999
            # L is the mean over 4 outputs of the squared error, whose slope is twice the error
            assert np.allclose(ours[k], theirs[k] * 2, atol=2e-2 * np.abs(ours[k]).max())


def test_random_feedback_does_not_at_first():
    x = samples(20, 8)
    network = from_torch(perceptron(), feedback="random", normalise=x, output_scale=0.1)
    response = network.present(x, settled(network, x) + 0.1 * np.eye(4)[[0, 1, 2, 3] * 5])
    ours, theirs = response.updates("H1E_InputE"), response.backprop_update("H1E_InputE")
    assert abs(np.median([cosine(a, b) for a, b in zip(ours, theirs, strict=True)])) < 0.8
    ours, theirs = response.updates("OutputE_H2E"), response.backprop_update("OutputE_H2E")
    assert np.median([cosine(a, b) for a, b in zip(ours, theirs, strict=True)]) > 0.999


@pytest.mark.parametrize("seed", range(6))
def test_the_gradient_is_that_of_torch(seed):
    module = perceptron(seed)
    network, x = from_torch(module), samples(3, 8, seed)
    target = np.eye(4)[[0, 2, 3]]
    response = network.present(x, target)
    for k in range(3):
        module.zero_grad()
        torch.mean((module(torch.from_numpy(x[k])) - torch.tensor(target[k], dtype=torch.float32)) ** 2).backward()
        for name, layer in (("H1E_InputE", 0), ("H2E_H1E", 2), ("OutputE_H2E", 4)):
            slope = module[layer].weight.grad.numpy()
            change = -network.circuit.projection(name).learned_by.learning_rate * slope
            assert np.allclose(response.backprop_update(name, k), change, atol=1e-6 * np.abs(change).max() + 1e-12)


def test_what_the_output_does_not_see_has_no_gradient():
    network = from_torch(perceptron(), feedback="learned")
    response = network.present(samples(1, 8)[0], np.eye(4)[0])
    assert isinstance(network.circuit.projection("H1E_H2E").rule, TopDownHebb)
    assert response.backprop_update("H1E_H2E") is None
    assert response.backprop_update("H2E_H1E").shape == (9, 12)


def test_feedback_follows_the_weights_that_learn():
    network = from_torch(perceptron())
    for _ in range(5):
        network.train_step(samples(1, 8)[0], np.eye(4)[1])
    w = network.weights
    assert np.array_equal(w["H2E_OutputE"], w["OutputE_H2E"].T) and np.array_equal(
        w["H2E_H2DendI"], -w["OutputE_H2E"].T
    )
    assert np.array_equal(w["H1DendI_H1E"], w["H2E_H1E"])
    response = network.present(samples(1, 8)[0], np.eye(4)[1])
    assert max(np.abs(d[response.forward_steps - 1]).max() for d in response.dendritic_state.values()) < 1e-5


def test_every_synapse_has_one_sign_under_dales_law():
    for seed in range(5):
        network = from_torch(Drawn(seed).eval(), dale=True)
        signs = {}
        for p in network.circuit.projections:
            lower, upper = p.bounds
            assert (lower, upper) in ((0, None), (None, 0))
            signs.setdefault(p.pre, set()).add(lower == 0)
        assert all(len(found) == 1 for found in signs.values())


def test_normalised_activities_reach_one():
    x = samples(400, 8)
    network = from_torch(perceptron(), normalise=x)
    activity = network.present(x).activity
    for name in ("H1E", "H2E"):
        assert np.percentile(activity[name][:, -1], 99.9) == pytest.approx(1, abs=1e-4)


def test_the_output_can_be_scaled():
    x, module = samples(4, 8), perceptron()
    plain, scaled = settled(from_torch(module), x), settled(from_torch(module, output_scale=0.05), x)
    assert np.allclose(scaled, 0.05 * plain, atol=1e-6)


def test_rules_can_be_chosen():
    btsp, one = BTSP(learning_rate=0.1), DendriticState(learning_rate=0.2, one_pass=True)
    network = from_torch(perceptron(), rules={"H1E_InputE": one})
    assert network.circuit.projection("H1E_InputE").rule == one
    network = from_torch(perceptron(), rules=btsp)
    assert all(network.circuit.projection(n).rule == btsp for n in ("H1E_InputE", "H2E_H1E", "OutputE_H2E"))


@pytest.mark.parametrize(
    ("options", "wrong"),
    [
        ({"feedback": "none"}, "unknown feedback 'none': known are learned, random, tied"),
        ({"rules": {"H9E_H1E": BTSP(learning_rate=1)}}, "unknown projection 'H9E_H1E'"),
        ({"rules": {"H1E_InputE": "BTSP"}}, "must be a learning rule"),
        ({"rules": {"H1E_H2E": BTSP(learning_rate=1)}}, "these weights are copies"),
        ({"rules": 3}, "rules must be a learning rule"),
        ({"normalise": np.zeros((3, 7))}, "normalise has 7 numbers for each sample, the module takes 8"),
        ({"normalise": np.full((3, 8), np.nan)}, "not finite"),
        ({"output_scale": 0}, "output_scale must be a number above 0"),
        ({"seed": -1}, "seed"),
        ({"example": np.zeros((3, 7))}, "cannot be applied"),
        ({"example": np.zeros(8)}, "must be a batch of inputs"),
    ],
)
def test_what_does_not_fit_is_said_in_one_line(options, wrong):
    with pytest.raises(SpikedtpError, match=wrong) as caught:
        from_torch(perceptron(), **options)
    assert "\n" not in str(caught.value)


class Pictures(nn.Module):
    """A convolutional network as tutorials have it, with average pooling."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(4)
        self.first, self.second = nn.Conv2d(1, 3, 3, stride=2), nn.Conv2d(3, 4, 3, padding=1)
        self.norm, self.pool, self.read = nn.BatchNorm2d(3), nn.AvgPool2d(2), nn.Linear(4 * 2 * 2, 5)
        self.norm.running_mean.normal_()

    def forward(self, x):
        x = torch.relu(self.norm(self.first(x)))
        x = self.pool(torch.relu(self.second(x)))
        return self.read(torch.flatten(x, 1))


@pytest.mark.parametrize("dale", [False, True])
def test_convolutions_are_sparse_projections(dale):
    module = Pictures().eval()
    x = samples(3, 10 * 10).reshape(3, 1, 10, 10)
    network = from_torch(module, example=x, dale=dale)
    flat = x.reshape(3, -1)
    with torch.no_grad():
        wanted = module(torch.from_numpy(x)).numpy()
    assert np.allclose(settled(network, flat), wanted, atol=1e-5)
    connected = network.masks["H1E_InputE"]
    assert connected.shape == (3 * 4 * 4, 100) and connected.sum(axis=1).max() <= 9
    for _ in range(3):
        network.train_step(flat[0], np.eye(5)[2])
    assert not network.weights["H1E_InputE"][~connected].any()
    assert "H2E_H1E" in network.masks and "OutputE_H2E" not in network.masks  # average pooling reaches every cell
    response = network.present(flat[0], np.eye(5)[2])
    assert max(np.abs(d[response.forward_steps - 1]).max() for d in response.dendritic_state.values()) < 1e-5


def test_a_convolution_needs_the_shape_of_its_input():
    with pytest.raises(SpikedtpError, match="the shape of its input is unknown: give example="):
        from_torch(Pictures())
    with pytest.raises(SpikedtpError, match=r"layer 'read' \(Linear\) cannot be applied"):
        from_torch(Pictures(), example=np.zeros((1, 1, 16, 16)))
    with pytest.raises(SpikedtpError, match="Input would have 150528 cells in 3 x 224 x 224"):
        from_torch(nn.Sequential(nn.Conv2d(3, 64, 3, padding=1)), example=np.zeros((1, 3, 224, 224)))
    with pytest.raises(SpikedtpError, match=r"layer '0' \(Conv2d\): 3072 x 65536 weights do not fit"):
        from_torch(nn.Sequential(nn.Conv2d(3, 64, 3, padding=1)), example=np.zeros((1, 3, 32, 32)))


def test_seeded_afresh_the_interneurons_still_predict():
    """What the circuit says is enough: weights and biases of the predicting cells are copies."""
    circuit = from_torch(perceptron()).circuit
    network, x = load_rate_network(circuit, seed=3), samples(3, 8)
    own = settled(network, x)
    response = network.present(x, own)  # an output that is where it should be
    assert max(np.abs(response.updates(name)).max() for name in response.learned) < 1e-8
    changed = {key: value.numpy() + (0.3 if "DendI_bias" in key else 0) for key, value in network.state_dict().items()}
    network.load_state_dict(changed)
    assert np.array_equal(network.biases["H2DendI"], network.biases["OutputE"])


@pytest.mark.parametrize("dale", [False, True])
def test_inputs_may_have_any_sign(dale):
    module, x = perceptron(), np.random.default_rng(1).normal(size=(6, 8)).astype(np.float32)
    with torch.no_grad():
        wanted = module(torch.from_numpy(x)).numpy()
    assert np.allclose(settled(from_torch(module, dale=dale), x), wanted, atol=1e-5)


def test_rules_of_sparse_projections_can_be_chosen():
    rule = DendriticState(learning_rate=0.5, one_pass=True)
    network = from_torch(Pictures().eval(), example=np.zeros((1, 1, 10, 10)), rules={"H1E_InputE": rule})
    assert network.circuit.projection("H1E_InputE").rule == rule
