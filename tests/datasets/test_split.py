"""The held-out third: of every class, never another sample, and no more than the labels and their order decide it."""

import numpy as np
import pytest

from spikedtp.datasets import load
from spikedtp.datasets.split import train_and_test


@pytest.mark.parametrize("seed", range(8))
def test_a_third_of_each_class(seed):
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, rng.integers(1, 9), rng.integers(1, 300))
    train, test = train_and_test(labels)
    assert sorted([*train, *test]) == list(range(len(labels)))
    for label in np.unique(labels):
        n = (labels == label).sum()
        assert (labels[test] == label).sum() == round(n / 3)
        assert (labels[train] == label).any()


def test_the_split_never_changes():
    """Golden: weights that somebody trained must not meet their training samples in a test."""
    train, test = train_and_test(np.repeat([0, 1, 2], 50))
    assert test[:10].tolist() == GOLDEN[0] and train[:10].tolist() == GOLDEN[1]
    assert load("sklearn:iris", scale="minmax").test_y[:12].tolist() == GOLDEN[2]


def test_parts_are_mixed():
    """The first samples, which `compare` takes, are of all classes although the file is sorted."""
    _, test = train_and_test(np.repeat(np.arange(5), 60))
    assert set(np.repeat(np.arange(5), 60)[test[:25]]) == set(range(5))


GOLDEN = (
    [11, 92, 113, 3, 20, 111, 13, 108, 2, 146],
    [31, 44, 144, 135, 148, 19, 75, 121, 72, 106],
    [0, 1, 2, 0, 0, 2, 0, 2, 0, 2, 1, 1],
)
