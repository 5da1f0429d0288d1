"""Measures of similarity against numpy and scipy, and the bootstrap of medians."""

import numpy as np
import pytest
from scipy import stats

from spikedtp.compare import bootstrap_median, similarity
from spikedtp.errors import SpikedtpError


@pytest.fixture
def changes():
    rng = np.random.default_rng(0)
    rate = rng.normal(size=(7, 11))
    rate[:, 3] = 0
    return rate, 1.3 * rate + 0.4 * rng.normal(size=rate.shape) + 0.2


def test_against_other_implementations(changes):
    rate, spiking = changes
    found, fit = similarity(rate, spiking), stats.linregress(rate.ravel(), spiking.ravel())
    assert found["pearson_r"] == pytest.approx(fit.rvalue)
    assert found["slope"] == pytest.approx(fit.slope)
    cosine = np.vdot(rate, spiking) / np.linalg.norm(rate) / np.linalg.norm(spiking)
    assert found["cosine"] == pytest.approx(cosine)
    assert np.cos(np.radians(found["angle"])) == pytest.approx(cosine)
    kept = rate != 0
    assert found["sign_agreement"] == np.mean(np.sign(rate[kept]) == np.sign(spiking[kept]))
    assert found["n_synapses"] == 77


def test_identical_and_opposite(changes):
    rate, _ = changes
    same, opposite = similarity(rate, 2 * rate), similarity(rate, -rate)
    assert (same["pearson_r"], same["sign_agreement"]) == (pytest.approx(1), 1)
    assert same["slope"] == pytest.approx(2)
    assert same["angle"] == pytest.approx(0, abs=1e-5) and opposite["angle"] == pytest.approx(180, abs=1e-5)


def test_no_change_is_not_a_number():
    found = similarity(np.zeros((2, 3)), np.ones((2, 3)))
    assert all(np.isnan(found[k]) for k in ("pearson_r", "slope", "cosine", "angle", "sign_agreement"))


def test_bootstrap_interval_covers_the_median_and_respects_groups():
    rng = np.random.default_rng(1)
    groups = np.repeat(np.arange(30), 5)
    values = rng.normal(size=30)[groups] + 0.01 * rng.normal(size=150)
    median, low, high = bootstrap_median(values, groups)
    assert low <= median <= high and median == np.median(values)
    # 150 values that are nearly 30 values five times: an interval over all 150 would be about sqrt(5) too narrow
    _, naive_low, naive_high = bootstrap_median(values, np.arange(150))
    assert high - low > 1.5 * (naive_high - naive_low)
    assert bootstrap_median(values, groups) == (median, low, high)


def test_bootstrap_leaves_out_nan():
    assert bootstrap_median(np.array([np.nan, 1, 2, 3]), np.arange(4))[0] == 2
    assert all(np.isnan(bootstrap_median(np.array([np.nan]), np.arange(1))))


def test_what_cannot_be_compared_is_named(changes):
    rate, spiking = changes
    assert rate.ndim == 2 and rate.shape[0] != rate.shape[1]
    with pytest.raises(SpikedtpError, match="are not the same synapses"):  # was a number
        similarity(rate, spiking.T)
    with pytest.raises(SpikedtpError, match="entries are masked"):  # were compared
        similarity(np.ma.array(rate, mask=rate > 0), spiking)
    with pytest.raises(SpikedtpError, match=r"each of the values \(3,\) needs its group, got \(2,\)"):
        bootstrap_median([1, 2, 3], [1, 2])
    with pytest.raises(SpikedtpError, match="level must lie between 0 and 1, got 95"):
        bootstrap_median([1, 2, 3], [1, 2, 3], level=95)
