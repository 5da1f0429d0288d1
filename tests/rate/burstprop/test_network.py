"""The rate model of whole networks: a second implementation, one step at a time, limits, and mistakes."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from spikedtp import SpikedtpError
from spikedtp.plasticity import BurstpropRates
from spikedtp.rate import BurstpropNetwork

SIZES = (7, 6, 5, 4)


def draws(n, sizes=SIZES, seed=0):
    rng = np.random.default_rng(seed)
    return rng.random((n, sizes[0])), rng.integers(0, sizes[-1], n)


def softmax(z):
    return np.exp(z - z.max()) / np.exp(z - z.max()).sum()


def plainly(network, x, labels):
    """The equations of `BurstpropRates` as they stand there, one vector for each layer; the state after all samples."""
    rule, top = network.rule, len(network.sizes) - 2
    w, bias = [a.copy() for a in network.weights], [a.copy() for a in network.biases]
    back, kind = [b.copy() for b in network.feedback], network.feedback_kind
    z, e, b, e_bar, b_bar = ([np.zeros(n) for n in network.sizes[1:]] for _ in range(5))
    p, u = [np.full(n, 0.5) for n in network.sizes[1:]], [np.zeros(n) for n in network.sizes[1:-1]]
    classes = []
    for image, label in zip(x, labels, strict=True):
        target = np.eye(network.sizes[-1])[label]
        first = [a.copy() for a in w]
        for step in range(rule.n_prediction + rule.n_teaching):
            teaches = step >= rule.n_prediction
            if step == rule.n_prediction:
                classes.append(e[top].argmax())
            old = [[a.copy() for a in each] for each in (e, b, e_bar, b_bar, p)]
            e0, b0, e_bar0, b_bar0, p0 = old
            now = [a.copy() for a in w], [a.copy() for a in bias]
            for k in range(top + 1):
                below = image if k == 0 else e0[k - 1]
                z[k] = z[k] + rule.dt / rule.tau_z * (-z[k] + now[0][k] @ below + now[1][k])
                e[k] = softmax(z[k]) if k == top else np.exp(z[k])
                e_bar[k] = e_bar0[k] + rule.dt / rule.tau_avg * (e0[k] - e_bar0[k])
                b_bar[k] = b_bar0[k] + rule.dt / rule.tau_avg * (b0[k] - b_bar0[k])
                if k < top:
                    u[k] = u[k] + rule.dt / rule.tau_u * (-u[k] + rule.beta * back[k] @ b0[k + 1])
                    p[k] = 1 / (1 + np.exp(-u[k]))
                elif teaches:
                    p[k] = 0.5 + 0.5 * np.tanh((target - e_bar0[k]) / (e_bar0[k] + 1e-8))
                else:
                    p[k] = np.full(network.sizes[-1], 0.5)
                b[k] = p[k] * e[k]
                if teaches:
                    signal = (p0[k] - b_bar0[k] / e_bar0[k]) * e0[k]
                    high = np.where((e0[k] > rule.e_max) & (k < top), 1 - rule.e_max / e0[k], 0)
                    w[k] = w[k] + rule.dt / rule.tau_w * np.outer(signal - rule.homeostasis * high, below)
                    bias[k] = bias[k] + rule.dt / rule.tau_w * signal
        decay = rule.dt / rule.tau_w * rule.weight_decay
        w = [after - decay * before for after, before in zip(w, first, strict=True)]
        if kind == "transposed":
            back = [a.T.copy() for a in w[1:]]
        if kind == "learned":
            back = [
                old * (1 - decay) + (after - (1 - decay) * before).T
                for old, after, before in zip(back, w[1:], first[1:], strict=True)
            ]
    return w, bias, back, classes


@pytest.mark.parametrize("feedback", ["random", "transposed", "learned"])
@pytest.mark.parametrize(
    "changes",
    [{}, {"tau_z": 0.3, "tau_u": 0.2, "prediction": 1.0}, {"weight_decay": 0.3, "e_max": 1.2}, {"prediction": 0.2}],
)
@pytest.mark.parametrize("sizes", [SIZES, (7, 6, 4)])
def test_the_same_as_steps_on_vectors(feedback, changes, sizes):
    rule = BurstpropRates(**({"tau_w": 10.0, "beta": 2.0} | changes))
    made = [
        BurstpropNetwork(sizes, rule=rule, feedback=feedback, feedback_scale=1.0, seed=3, dtype=np.float64)
        for _ in range(2)
    ]
    x, y = draws(12, sizes)
    w, bias, back, classes = plainly(made[0], x, y)
    assert made[1].train(x[:5], y[:5]).tolist() + made[1].train(x[5:], y[5:]).tolist() == classes
    for found, wanted in ((made[1].weights, w), (made[1].biases, bias), (made[1].feedback, back)):
        for one, other in zip(found, wanted, strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-9, atol=1e-11)
    assert np.abs(w[0] - made[0].weights[0]).max() > 1e-3


def made(sizes=SIZES, **options):
    rule = options.pop("rule", BurstpropRates(tau_w=10.0))
    return BurstpropNetwork(sizes, rule=rule, **({"feedback_scale": 1.0, "seed": 3, "dtype": np.float64} | options))


def norm(arrays):
    return np.sqrt(sum((np.asarray(a) ** 2).sum() for a in arrays))


def cosine(one, other):
    return sum(float((a * b).sum()) for a, b in zip(one, other, strict=True)) / norm(one) / norm(other)


def test_a_target_that_is_the_prediction_changes_nothing():
    network, (x, _) = made(), draws(8)
    network.rule = BurstpropRates(homeostasis=0.0)
    still = network.delta_w(x, network.event_rates(x)[-1])
    taught = network.delta_w(x, draws(8)[1])
    assert norm(still.weights + still.biases) < 1e-12 * norm(taught.weights + taught.biases)


def small(network, x):
    """Targets that hardly differ from what the network says."""
    out = network.event_rates(x)[-1]
    other = np.random.default_rng(5).dirichlet(np.ones(out.shape[1]), len(out))
    return out + 1e-4 * (other - out)


@pytest.mark.parametrize("sizes", [SIZES, (7, 6, 4)])
def test_small_errors_teach_the_gradient(sizes):
    """With transposed feedback so weak that dendrites stay where the sigmoid is straight."""
    x, _ = draws(20, sizes)
    rule = BurstpropRates(beta=1e-3, homeostasis=0.0, tau_avg=1e6, teaching=5.0)
    network = made(sizes, feedback="transposed", rule=rule)
    changes, gradients = network.delta_w(x, small(network, x)), network.gradients(x, small(network, x))
    for one, other in zip(changes.weights + changes.biases, gradients.weights + gradients.biases, strict=True):
        assert cosine([one], [other]) > 1 - 1e-5
    random = made(sizes, rule=rule)
    assert cosine(random.delta_w(x, small(random, x)).weights[:1], gradients.weights[:1]) < 0.9


def test_gradients_are_those_of_torch():
    network, (x, y) = made(), draws(6)
    weights, biases = (
        [torch.tensor(a, requires_grad=True) for a in each] for each in (network.weights, network.biases)
    )
    e = torch.tensor(x)
    for k, (w, bias) in enumerate(zip(weights, biases, strict=True)):
        z = e @ w.T + bias
        e = z if k == len(weights) - 1 else torch.exp(z)
    torch.nn.functional.cross_entropy(e, torch.tensor(y), reduction="sum").backward()
    found = network.gradients(x, y)
    for ours, theirs in zip(found.weights + found.biases, weights + biases, strict=True):
        np.testing.assert_allclose(ours.sum(axis=0), -theirs.grad.numpy(), rtol=1e-9, atol=1e-12)


def test_a_batch_adds_the_mean_of_what_samples_add_by_themselves():
    rule = BurstpropRates(tau_w=1e7, prediction=100.0)  # so slow that nothing is felt within a sample
    network, (x, y) = made(rule=rule), draws(5)
    before, alone = [w.copy() for w in network.weights], network.delta_w(x, y)
    network.train(x, y, batch_size=5)
    for w, start, changes in zip(network.weights, before, alone.weights, strict=True):
        np.testing.assert_allclose(w - start, changes.mean(axis=0), rtol=1e-4, atol=1e-14)


def test_balanced_feedback_ignores_what_all_outputs_have_in_common():
    x, y = draws(4)
    rule = BurstpropRates(balanced=True)
    one, other = made(rule=rule), made(rule=rule)
    other.feedback[-1] += 3.0
    for a, b in zip(one.delta_w(x, y).weights, other.delta_w(x, y).weights, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-15)
    np.testing.assert_allclose(one.back()[-1], other.back()[-1], atol=1e-12)


def test_rates_that_are_too_high_come_down():
    network, (x, _) = made(sizes=(7, 6, 4)), draws(1, (7, 6, 4))
    network.biases[0] += 3.0
    e, change = network.event_rates(x), network.delta_w(x, network.event_rates(x)[-1])
    high = e[0][0] > network.rule.e_max
    assert high.any() and (change.weights[0][0][high] < 0).all()


def test_single_precision_is_the_same_network():
    x, y = draws(40)
    wide, narrow = made(), made(dtype=np.float32)
    wide.train(x, y)
    narrow.train(x, y)
    assert narrow.weights[0].dtype == np.float32
    np.testing.assert_allclose(narrow.weights[0], wide.weights[0], rtol=1e-3, atol=1e-4)


def test_seeds_draw_weights_and_only_they():
    assert not np.array_equal(made(seed=1).weights[0], made(seed=2).weights[0])
    np.testing.assert_array_equal(made(seed=1).weights[0], made(seed=1, feedback="transposed").weights[0])


@pytest.mark.parametrize(
    ("call", "told"),
    [
        (lambda n, x, y: BurstpropNetwork((7, 4)), "at least one hidden layer"),
        (lambda n, x, y: BurstpropNetwork((7, 0, 4)), "a size must be a whole number of at least 1"),
        (lambda n, x, y: BurstpropNetwork((7, 5, 1)), "the number of outputs must be a whole number of at least 2"),
        (lambda n, x, y: BurstpropNetwork(SIZES, feedback="none"), "known are learned, random, transposed"),
        (lambda n, x, y: BurstpropNetwork(SIZES, feedback_scale=-1.0), "feedback_scale must be at least 0"),
        (lambda n, x, y: BurstpropNetwork(SIZES, seed=None), "seed must be a whole number"),
        (lambda n, x, y: BurstpropNetwork(SIZES, dtype=int), "float32 or float64"),
        (lambda n, x, y: n.train(x[:, :3], y), r"x must be \(samples, 7\), got \(12, 3\)"),
        (lambda n, x, y: n.train(x - 1, y), "not below 0"),
        (lambda n, x, y: n.train(np.where(x > 0.9, np.nan, x), y), "not finite"),
        (lambda n, x, y: n.train(x, y + 4), "y must be classes from 0 to 3"),
        (lambda n, x, y: n.train(x, y[:3]), "12 inputs and 3 targets"),
        (lambda n, x, y: n.train(x, y, batch_size=0), "batch_size must be a whole number of at least 1"),
        (lambda n, x, y: n.train(x, y, rate_factor=[1.0, 2.0]), "one for each of 12 samples"),
        (lambda n, x, y: n.train(x * 1e3, y), "event rates grew without bounds at sample 0"),
    ],
)
def test_mistakes_are_told_in_one_line(call, told):
    with pytest.raises(SpikedtpError, match=told) as error:
        call(made(), *draws(12))
    assert "\n" not in str(error.value)
