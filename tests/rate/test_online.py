"""Order of samples, online training."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch

from spikedtp.errors import SpikedtpError
from spikedtp.rate import load_rate_network
from spikedtp.rate.online import sample_order, train_online


def test_order_of_samples():
    generator = torch.Generator().manual_seed(257)
    expected = []
    for _ in range(3):
        torch.empty((), dtype=torch.int64).random_(generator=generator)
        expected += torch.randperm(10, generator=generator).tolist()
    assert sample_order(10, 25, 257).tolist() == expected[:25]
    assert sorted(expected[:10]) == list(range(10)) and expected[:10] != expected[10:20]
    # EIANN's last training samples after 500, 3,000 and 8,000 steps
    assert [sample_order(8000, n, 257)[-1] for n in (500, 3000, 8000)] == [1179, 744, 1220]
    assert len(sample_order(10, 0, 1)) == 0
    with pytest.raises(SpikedtpError):
        sample_order(0, 3, 1)


@pytest.mark.parametrize("factor", [float("nan"), float("inf"), None, "1", 1j, np.ones(2)])
def test_a_rate_factor_is_a_finite_number(factor):
    """NaN would have left weights of NaN."""
    network = load_rate_network("digits_dtp", seed=2)
    x, target = np.ones(64), np.eye(10)[3]
    with pytest.raises(SpikedtpError, match="rate_factor must be one finite number"):
        network.train_step(x, target, rate_factor=factor)
    with pytest.raises(SpikedtpError, match="rate_factor must be one finite number"):
        list(train_online(network, x[None], target[None], n_samples=1, data_seed=0, schedule=lambda k, n: factor))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"start": 4}, "start must be at most 3, got 4"),
        ({"start": -1}, "start must be a whole number of at least 0"),
        ({"n_samples": 2.5}, "n_samples must be a whole number"),
        ({"T": [1, 2]}, "class numbers become one-hot rows with numpy.eye"),
        ({"X": np.zeros((2, 8, 8))}, "pixels are flattened row by row"),
        ({"X": np.zeros((0, 64)), "T": np.zeros((0, 10))}, "n must be a whole number of at least 1, got 0"),
    ],
)
def test_what_cannot_be_trained_on_is_named(change, words):
    given = {"X": np.zeros((2, 64)), "T": np.eye(10)[:2], "n_samples": 3, "data_seed": 0} | change
    with pytest.raises(SpikedtpError, match=words):
        list(train_online(load_rate_network("digits_dtp", seed=2), given.pop("X"), given.pop("T"), **given))


def test_tables_and_tensors_train_as_arrays_do():
    rng = np.random.default_rng(0)
    x, target = rng.random((5, 64)).astype(np.float16), np.eye(10)[:5]
    trained = [load_rate_network("digits_dtp", seed=2) for _ in range(3)]
    given = [
        (x, target),
        (pd.DataFrame(x, index=[9, 1, 5, 3, 7]), pd.DataFrame(target)),
        (torch.tensor(x), target.tolist()),
    ]
    for network, pair in zip(trained, given, strict=True):
        list(train_online(network, *pair, n_samples=7, data_seed=3))
    for other in trained[1:]:
        assert all(np.array_equal(w, trained[0].weights[name]) for name, w in other.weights.items())


def test_training_is_its_steps():
    rng = np.random.default_rng(0)
    x = rng.random((5, 64), dtype=np.float32)
    target = np.eye(10, dtype=np.float32)[:5]
    trained, stepped = (load_rate_network("digits_dtp", seed=2) for _ in range(2))
    progress = list(train_online(trained, x, target, n_samples=7, data_seed=3, schedule="anneal"))
    assert [step for step, _, _ in progress] == list(range(1, 8))
    assert [sample for _, sample, _ in progress] == sample_order(5, 7, 3).tolist()
    for _, sample, factor in progress:
        stepped.train_step(x[sample], target[sample], rate_factor=factor)
    for name, weight in stepped.weights.items():
        np.testing.assert_array_equal(trained.weights[name], weight)
    full = load_rate_network("digits_dtp", seed=2)
    list(train_online(full, x, target, n_samples=7, data_seed=3, schedule="constant"))
    assert any(not np.array_equal(full.weights[name], trained.weights[name]) for name in full.weights)


def test_learning_rates_scale_with_the_schedule():
    network = load_rate_network("digits_dtp", seed=2)
    rng = np.random.default_rng(1)
    x, target = rng.random(64, dtype=np.float32), np.eye(10, dtype=np.float32)[3]
    before = network.weights["OutputE_H2E"]
    small, whole = (load_rate_network("digits_dtp", seed=2) for _ in range(2))
    small.train_step(x, target, rate_factor=1e-3)
    whole.train_step(x, target)
    change = small.weights["OutputE_H2E"] - before
    assert np.abs(change).max() > 0
    free = network.weight_updates(x, target, constrained=False)["OutputE_H2E"]
    inside = (before + free > 0) & (before > 0)
    np.testing.assert_allclose(change[inside], 1e-3 * free[inside], atol=5e-8)


def test_digits_are_learned():
    """A short run on scikit-learn's digits is far above chance."""
    from sklearn.datasets import load_digits

    digits = load_digits()
    x = (digits.data / 16).astype(np.float32)
    target = np.eye(10, dtype=np.float32)[digits.target]
    network = load_rate_network("digits_dtp", seed=0)
    assert (network.predict(x[1200:]) == digits.target[1200:]).mean() < 0.4
    for _ in train_online(network, x[:1200], target[:1200], n_samples=1200, data_seed=0):
        pass
    assert (network.predict(x[1200:]) == digits.target[1200:]).mean() > 0.6
