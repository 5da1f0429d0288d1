"""Means over seeds, and how well a few seeds know them."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

__all__ = ["interval"]


def interval(values: ArrayLike) -> tuple[float, float]:
    """95 % interval of the mean of a few values (Student's t); NaN for a single one."""
    values = np.asarray(values, float)
    if len(values) < 2:
        return np.nan, np.nan
    half = stats.t.ppf(0.975, len(values) - 1) * values.std(ddof=1) / np.sqrt(len(values))
    return float(values.mean() - half), float(values.mean() + half)
