"""Masks: sparse connections and receptive fields."""

import copy
import pickle

import numpy as np
import pytest

from spikedtp.errors import SpikedtpError
from spikedtp.plasticity import Mask, ReceptiveFields


def test_receptive_fields():
    fields = ReceptiveFields(2, scale=4.0)
    mask = fields.mask(np.array([[0, 0], [1, 2]]), 16)
    assert [np.flatnonzero(row).tolist() for row in mask] == [[0, 1, 4, 5], [6, 7, 10, 11]]
    weight = np.ones((2, 16), np.float32)
    fields.apply(weight, mask, recurrent=False)
    np.testing.assert_array_equal(weight, mask)
    colour = ReceptiveFields(1, image_dims=(3, 2, 2)).mask(np.array([[1, 0]]), 12)
    assert np.flatnonzero(colour).tolist() == [2, 6, 10]


def test_only_connected_cells_have_weights():
    connected = np.array([[1, 0, 1], [0, 0, 0]])
    weight = np.array([[1.0, 2.0, -3.0], [4.0, 5.0, 6.0]], np.float32)
    Mask(connected, scale=2.0).apply(weight, connected.astype(np.float32), recurrent=False)
    assert weight.tolist() == [[0.5, 0.0, -1.5], [0.0, 0.0, 0.0]]


def test_random_masks():
    mask = Mask.random(300, 400, 0.2, seed=3)
    n, p = mask.connected.size, 0.2
    assert abs(mask.connected.sum() - n * p) < 4 * np.sqrt(n * p * (1 - p))  # binomial
    for side, other in ((0, 1), (1, 0)):
        degrees, m = mask.connected.sum(axis=side), mask.connected.shape[side]
        spread = degrees.var() / (m * p * (1 - p))
        assert abs(spread - 1) < 4 * np.sqrt(2 / mask.connected.shape[other])  # of a variance
    assert mask == Mask.random(300, 400, 0.2, seed=3) and mask != Mask.random(300, 400, 0.2, seed=4)
    assert mask == Mask(mask.connected.astype(int)) and mask != Mask(mask.connected, scale=1.0)
    assert mask != "mask" and hash(mask) == hash(Mask(mask.connected))
    assert not Mask.random(9, 9, 1.0, autapses=False).connected.diagonal().any()
    assert Mask.random(2, 3, 0).connected.sum() == 0 and Mask.random(2, 3, 1).connected.all()
    # the same everywhere and always
    assert np.flatnonzero(Mask.random(3, 4, 0.5, seed=7).connected).tolist() == [3, 4, 6, 9, 10, 11]


def test_a_mask_does_not_change():
    given = np.eye(3)
    mask = Mask(given)
    given[:] = 1
    assert mask.connected.sum() == 3
    with pytest.raises(ValueError, match="read-only"):
        mask.connected[0, 1] = True
    for other in (copy.deepcopy(mask), pickle.loads(pickle.dumps(mask))):
        assert other == mask


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: ReceptiveFields(0), "size must be a positive whole number"),
        (lambda: ReceptiveFields(2, image_dims=(4,)), r"image_dims must be \(height, width\)"),
        (lambda: ReceptiveFields(2, image_dims=(4, 0)), r"image_dims must be .*got \(4, 0\)"),
        (lambda: ReceptiveFields(9).dims(64), "do not fit 64 inputs"),
        (lambda: ReceptiveFields(2).dims(63), "do not fit 63 inputs"),
        (lambda: Mask([0, 1]), r"Mask: connected must hold 0 or 1 in \(n_post, n_pre\)"),
        (lambda: Mask([[0, 2]]), "Mask: connected must hold 0 or 1"),
        (lambda: Mask([["a"]]), "Mask: connected must be an array of numbers"),
        (lambda: Mask(np.eye(2), scale=0), "Mask: scale must be a positive number, got 0"),
        (lambda: Mask.random(3, 4, 1.5), "Mask: probability must lie between 0 and 1, got 1.5"),
        (lambda: Mask.random(3, 4, "x"), "Mask: probability must be a finite number"),
        (lambda: Mask.random(3, 0, 0.5), "Mask: n_pre must be a whole number"),
        (lambda: Mask.random(3, 4, 0.5, seed=-1), "Mask: seed must be a whole number"),
        (lambda: Mask.random(3, 4, 0.5, autapses=3), "Mask: autapses must be true or false"),
    ],
)
def test_mistakes_are_named(make, words):
    with pytest.raises(SpikedtpError, match=words):
        make()
