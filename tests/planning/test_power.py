"""Power against tables, and against many simulated tests."""

import numpy as np
import pytest
from scipy import stats

from spikedtp.errors import SpikedtpError
from spikedtp.planning import detectable_difference, presentations_needed
from spikedtp.planning.power import spread_of_differences


# Cohen 1988, t test for paired means (two-sided, 5 %): pairs for power .8; G*Power 3.1 gives the same
@pytest.mark.parametrize(("effect", "pairs"), [(0.2, 199), (0.5, 34), (0.8, 15)])
def test_numbers_of_pairs_in_tables(effect, pairs):
    assert presentations_needed(effect, 1.0) == pairs
    assert presentations_needed(-3 * effect, 3.0) == pairs


@pytest.mark.parametrize("seed", range(5))
def test_forwards_and_backwards_are_one(seed):
    rng = np.random.default_rng(seed)
    spread, error, power = rng.uniform(0.1, 3), rng.uniform(0.001, 0.2), rng.uniform(0.4, 0.99)
    n = int(rng.integers(3, 3000))
    smallest = detectable_difference(spread, n, error_rate=error, power=power)
    assert presentations_needed(smallest * (1 + 1e-6), spread, error_rate=error, power=power) <= n
    assert presentations_needed(smallest * 0.97, spread, error_rate=error, power=power) > n - (n < 30)


def test_the_stated_share_of_tests_finds_the_difference():
    rng, n, n_tests = np.random.default_rng(3), 25, 4000
    smallest = detectable_difference(2.0, n, error_rate=0.01, power=0.7)
    samples = rng.normal(smallest, 2.0, (n_tests, n))
    found = int(np.sum(stats.ttest_1samp(samples, 0, axis=1).pvalue < 0.01))
    low, high = stats.binomtest(found, n_tests).proportion_ci(0.999)
    assert low < 0.7 < high


def test_the_spread_has_noise_and_images():
    rng = np.random.default_rng(1)
    means = rng.normal(0, 0.3, (400, 1))
    first = 0.9 + means + rng.normal(0, 0.1, (400, 50))
    second = 0.8 - means + rng.normal(0, 0.2, (400, 50))
    difference, spread = spread_of_differences(first, second)
    assert difference == pytest.approx(0.1, abs=0.08)
    assert spread == pytest.approx(np.sqrt(0.6**2 + 0.1**2 + 0.2**2), rel=0.1)
    assert spread_of_differences(first)[1] == pytest.approx(np.sqrt(2) * 0.1, rel=0.05)


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (dict(difference=0.0, spread=1.0), "is not shown by 10,000,000 presentations"),
        (dict(difference=1e-9, spread=1.0), "is not shown"),
        (dict(difference=1.0, spread=1.0, power=1.0), "power must lie between 0 and 1"),
        (dict(difference=1.0, spread=1.0, error_rate=0), "error_rate must lie between 0 and 1"),
        (dict(difference=1.0, spread=1.0, power=0.01), "power must be above the error rate"),
    ],
)
def test_what_cannot_be_shown(arguments, line):
    with pytest.raises(SpikedtpError, match=line):
        presentations_needed(**arguments)
