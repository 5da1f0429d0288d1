"""Which samples of a data set without parts of its own are held out for testing."""

from __future__ import annotations

import numpy as np

__all__ = ["raw_order", "train_and_test"]

SPLIT_SEED = 0  # nothing was tried to choose it
HELD_OUT = 3  # one sample in so many


def raw_order(n: int, seed: int) -> np.ndarray:
    """An order of `n` samples that never changes: a stable sort of raw PCG64 words.

    numpy promises that this stream stays the same, while the algorithms behind `shuffle` and `permutation` may change.
    """
    return np.argsort(np.random.PCG64(seed).random_raw(n), kind="stable")


def train_and_test(labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Indices of the training and the test part: a third of each class is held out, rounded to the nearest number.

    Both parts are in the order of `raw_order`, so that their first samples are of all classes. The parts depend on the
    labels and their order alone.

    Examples
    --------
    >>> train, test = train_and_test(np.repeat([0, 1, 2], 50))
    >>> np.bincount(np.repeat([0, 1, 2], 50)[test])
    array([17, 17, 17])
    """
    order = raw_order(len(labels), SPLIT_SEED)
    held_out = np.zeros(len(labels), bool)
    for label in np.unique(labels):
        members = order[labels[order] == label]
        held_out[members[: (len(members) + 1) // HELD_OUT]] = True
    return order[~held_out[order]], order[held_out[order]]
