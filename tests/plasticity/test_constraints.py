"""What weights are held to, against plain loops."""

from __future__ import annotations

import numpy as np
import pytest

from spikedtp.errors import SpikedtpError
from spikedtp.plasticity import Bounds, NoAutapses, NormalizeRows, Tied
from spikedtp.plasticity.constraints import SignMask


def weights(shape=(4, 4), seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def test_bounds():
    for lower, upper in ((0, None), (None, 0), (-0.1, 0.2), (None, None)):
        weight = weights()
        expected = np.clip(weight, -np.inf if lower is None else lower, np.inf if upper is None else upper)
        Bounds(lower, upper).apply(weight)
        np.testing.assert_allclose(weight, expected, rtol=1e-7)


def test_normalised_rows():
    weight = weights()
    weight[2] = 0
    before = weight.copy()
    NormalizeRows(3.0).apply(weight, recurrent=False)
    for row, old in zip(weight, before, strict=True):
        total = sum(abs(w) for w in old)
        np.testing.assert_allclose(row, 0 if total == 0 else [3 * w / total for w in old], rtol=1e-6)
    NormalizeRows(3.0).apply(weight, recurrent=True)
    assert not np.diag(weight).any()
    np.testing.assert_allclose(np.abs(weight).sum(axis=1), [3, 3, 0, 3], rtol=1e-6)
    kept = weights()
    NormalizeRows(3.0, autapses=True).apply(kept, recurrent=True)
    assert np.diag(kept).all()


def test_signs_by_presynaptic_cell():
    mask, weight = SignMask((1, -1, 0, -1)), weights()
    clipped = weight.copy()
    mask.apply(clipped)
    reflected = mask.reflect(weight)
    assert reflected.dtype == np.float32
    for j, sign in enumerate(mask.signs):
        for w, kept, turned in zip(weight[:, j], clipped[:, j], reflected[:, j], strict=True):
            assert kept == (w if sign == 0 or sign * w > 0 else 0)
            assert turned == (w if sign == 0 else sign * abs(w))
    assert SignMask.free(3).signs == (0, 0, 0)
    for n, share, expected in ((5, 0.5, 2), (4, 0, 0), (4, 1, 4)):
        assert SignMask.by_index(n, share).signs == (-1,) * expected + (1,) * (n - expected)
        drawn = SignMask.at_random(n, share, np.random.default_rng(1)).signs
        assert sorted(drawn) == sorted(SignMask.by_index(n, share).signs)
    assert len({SignMask.at_random(20, 0.5, np.random.default_rng(seed)).signs for seed in range(3)}) == 3


def test_no_autapses():
    weight = weights()
    NoAutapses().apply(weight, recurrent=False)
    assert np.diag(weight).all()
    NoAutapses().apply(weight, recurrent=True)
    assert not np.diag(weight).any() and np.count_nonzero(weight) == 12


@pytest.mark.parametrize("transpose", [False, True])
def test_tied(transpose):
    sources = {"a": weights((3, 2), 1), "b": weights((3, 2), 2)}
    found = Tied("a", "b", sign=-1, scale=0.5, transpose=transpose).value(sources)
    for i in range(3):
        for j in range(2):
            expected = -0.5 * sources["a"][i, j] * sources["b"][i, j]
            assert found[(j, i) if transpose else (i, j)] == pytest.approx(expected, rel=1e-6)
    np.testing.assert_allclose(Tied("a").value(sources), sources["a"])


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: NormalizeRows(-1.0), "scale must be a positive number, got -1.0"),
        (lambda: NormalizeRows("big"), "scale"),
        (lambda: NormalizeRows(0.0), "scale must be a positive number, got 0.0"),
        (lambda: SignMask(()), r"signs must be -1, 0 or 1 for each presynaptic cell, got \(\)"),
        (lambda: SignMask((1, 2)), "signs must be"),
        (lambda: SignMask((1, -2)), "signs must be"),
        (lambda: SignMask.by_index(4, 1.01), "inhibitory must be a fraction from 0 to 1, got 1.01"),
        (lambda: SignMask.by_index(4, -0.01), "inhibitory must be a fraction"),
        (lambda: SignMask((1, -1)).apply(weights((2, 3))), r"2 signs do not fit weights \(n_post, n_pre\) \(2, 3\)"),
        (lambda: SignMask((1, -1)).reflect(weights((3, 1))), "2 signs do not fit"),
        (lambda: Tied("a", sign=3), "sign must be 1 or -1"),
    ],
)
def test_mistakes_are_named(make, words):
    with pytest.raises(SpikedtpError, match=words):
        make()
