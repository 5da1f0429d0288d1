"""One line of the validation table, and how its tolerance is set."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from figures.validation import Curve
from scipy import stats

__all__ = ["FALSE_ALARM", "SIGMAS", "Curve", "Row", "Scale", "exact", "ks", "mean_of", "skipped", "statistical"]

#: Probability that a statistical line fails although all is right (seeds are fixed: a pass stays a pass).
FALSE_ALARM = 1e-5
SIGMAS = float(stats.norm.isf(FALSE_ALARM / 2))


class Scale(NamedTuple):
    """How large the checks are and where they run."""

    quick: bool
    seed: int
    device: str

    def pick(self, quick, full):
        return quick if self.quick else full


@dataclass(frozen=True)
class Row:
    """A claim with the number that theory or another simulator gives, and the number that was found.

    Attributes
    ----------
    tolerance : float
        Largest ``|measured - expected|`` that passes.
    judged : str
        Where the tolerance comes from.
    reason : str
        Why the line was left out; empty if it was not.
    """

    claim: str
    expected: float
    measured: float
    tolerance: float
    judged: str
    curve: Curve | None = None
    reason: str = ""

    @property
    def error(self) -> float:
        return abs(self.measured - self.expected)

    @property
    def verdict(self) -> str:
        if self.reason:
            return f"left out: {self.reason}"
        return "pass" if self.error <= self.tolerance else "FAIL"  # NaN fails


def exact(claim: str, expected, measured, tolerance: float, judged: str, curve: Curve | None = None) -> Row:
    """A line without chance in it. Arrays are compared element by element: the largest difference counts."""
    if np.ndim(measured):
        expected, measured = 0.0, np.max(np.abs(np.asarray(measured) - expected))
    return Row(claim, float(expected), float(measured), float(tolerance), judged, curve)


def statistical(claim: str, expected, measured, error, *, bias=0.0, why="", curve: Curve | None = None) -> Row:
    """A line with a known standard error; `bias` is what is known to remain without noise, explained in `why`."""
    judged = f"{SIGMAS:.2f} standard errors{f', and {bias:.1g}: {why}' if why else ''}"
    return Row(claim, float(expected), float(measured), float(SIGMAS * error + bias), judged, curve)


def mean_of(claim: str, expected: float, samples, curve: Curve | None = None) -> Row:
    """Student's t: the mean of independent samples against an expected value."""
    n = len(samples)
    error = stats.t.isf(FALSE_ALARM / 2, n - 1) * np.std(samples, ddof=1) / np.sqrt(n)
    return Row(claim, float(expected), float(np.mean(samples)), float(error), f"Student's t, {n} samples", curve)


def ks(claim: str, distance: float, n: int, *, grid: float = 0.0, curve: Curve | None = None) -> Row:
    """Kolmogorov and Smirnov's distance of `n` samples from a law; `grid` is what the time step adds to it."""
    judged = f"Kolmogorov-Smirnov, {n} samples" + (f", and {grid:.2g} for the time step" if grid else "")
    return Row(claim, 0.0, float(distance), float(stats.kstwo.isf(FALSE_ALARM, n) + grid), judged, curve)


def skipped(claim: str, reason: str) -> Row:
    return Row(claim, np.nan, np.nan, np.nan, "", reason=reason)
