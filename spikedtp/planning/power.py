"""How small a difference between two rules N presentations can show, and how many presentations a difference needs."""

from __future__ import annotations

import math

import numpy as np

from spikedtp.errors import SpikedtpError
from spikedtp.parameters import check_whole

__all__ = ["detectable_difference", "presentations_needed", "spread_of_differences"]

MOST = 10**7


def spread_of_differences(first: np.ndarray, second: np.ndarray | None = None) -> tuple[float, float]:
    """Mean and standard deviation of the difference of two rules' cosines, from one sample to the next.

    Both rules get the same samples, each with spikes of its own.

    Parameters
    ----------
    first, second : (samples, draws)
        Cosines. Without a second rule it is taken to be as noisy as the first one, and to differ from it by as much in
        every sample.
    """
    if second is None:
        second = first
    if len(first) != len(second):
        raise SpikedtpError(f"both plans must have the same samples, got {len(first)} and {len(second)}")
    with np.errstate(invalid="ignore"):
        known = np.isfinite(first).any(axis=1) & np.isfinite(second).any(axis=1)
    if not known.any():
        return np.nan, np.nan
    first, second = first[known], second[known]
    means = np.nanmean(first, axis=1) - np.nanmean(second, axis=1)
    within = np.nanvar(first, axis=1).mean() + np.nanvar(second, axis=1).mean()
    return float(means.mean()), float(math.sqrt(means.var() + within))


def detectable_difference(spread: float, n: int, *, error_rate: float = 0.05, power: float = 0.8) -> float:
    """The smallest mean difference that a paired t-test of `n` presentations finds with probability `power`.

    Parameters
    ----------
    spread : float
        Standard deviation of single differences.
    n : int
        Presentations of each rule, at least 2.
    error_rate : float
        Probability of finding a difference where there is none, two-sided.
    power : float

    Examples
    --------
    >>> from spikedtp.planning import detectable_difference
    >>> round(detectable_difference(1.0, 34), 3)  # Cohen 1988: d = .5 needs 34 pairs
    0.495
    """
    from scipy.optimize import brentq

    _check(error_rate, power)
    n = check_whole("n", n, least=2, most=MOST)
    if not spread > 0:
        return float(spread)
    effect = brentq(lambda d: _power(d, n, error_rate) - power, 0, 1e3 / math.sqrt(n) + 1e3 * (n < 5))
    return float(effect * spread)


def presentations_needed(difference: float, spread: float, *, error_rate: float = 0.05, power: float = 0.8) -> int:
    """How many presentations of each rule a paired t-test needs to find a mean difference with probability `power`.

    Raises
    ------
    SpikedtpError
        The rules do not differ, or by so little that ten million presentations would not show it.

    Examples
    --------
    >>> from spikedtp.planning import presentations_needed
    >>> presentations_needed(0.5, 1.0)
    34
    """
    _check(error_rate, power)
    effect = abs(difference) / spread if spread > 0 else math.inf
    if not effect > 0 or _power(effect, MOST, error_rate) < power:
        raise SpikedtpError(
            f"a difference of {difference:.2g} between cosines that spread by {spread:.2g} is not shown by {MOST:,} "
            "presentations"
        )
    low, high = 2, 2
    while _power(effect, high, error_rate) < power:
        low, high = high, 2 * high
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if _power(effect, middle, error_rate) >= power else (middle + 1, high)
    return high


def _power(effect: float, n: int, error_rate: float) -> float:
    """Of a two-sided paired t-test; `effect` is in standard deviations of the differences."""
    from scipy.stats import nct, norm, t

    if not math.isfinite(effect):
        return 1.0
    shift = effect * math.sqrt(n)
    if n > 1000 or shift > 30:
        limit = t.ppf(1 - error_rate / 2, n - 1) if n <= 1000 else norm.isf(error_rate / 2)
        return float(norm.sf(limit - shift) + norm.cdf(-limit - shift))
    limit = t.ppf(1 - error_rate / 2, n - 1)
    return float(nct.sf(limit, n - 1, shift) + np.nan_to_num(nct.cdf(-limit, n - 1, shift)))


def _check(error_rate: float, power: float) -> None:
    for name, value in (("error_rate", error_rate), ("power", power)):
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < 1:
            raise SpikedtpError(f"{name} must lie between 0 and 1, got {value!r}")
    if power <= error_rate:
        raise SpikedtpError(f"power must be above the error rate of {error_rate:g}, got {power:g}")
