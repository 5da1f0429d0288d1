"""Rates, irregularity and synchrony of many spike trains."""

from __future__ import annotations

import numpy as np

__all__ = ["cell_rates", "interval_cvs", "mean_correlation"]


def _trains(i: np.ndarray, t: np.ndarray, start: float) -> tuple[np.ndarray, np.ndarray]:
    """Spikes after `start`, sorted by cell and time."""
    i, t = i[t >= start], t[t >= start]
    order = np.lexsort((t, i))
    return i[order], t[order]


def cell_rates(i: np.ndarray, t: np.ndarray, n: int, start: float, stop: float) -> np.ndarray:
    """Spikes per second of each of `n` cells from `start` to `stop` (s)."""
    return np.bincount(i[(t >= start) & (t < stop)], minlength=n) / (stop - start)


def interval_cvs(i: np.ndarray, t: np.ndarray, n: int, start: float, least: int = 5) -> np.ndarray:
    """Coefficient of variation of the intervals between spikes, of each cell with at least `least` of them."""
    i, t = _trains(i, t, start)
    same = np.diff(i) == 0
    cell, interval = i[1:][same], np.diff(t)[same]
    count = np.bincount(cell, minlength=n)
    enough = count >= least
    mean = np.bincount(cell, interval, n)[enough] / count[enough]
    square = np.bincount(cell, interval**2, n)[enough] / count[enough]
    return np.sqrt(np.maximum(square - mean**2, 0)) / mean


def mean_correlation(i: np.ndarray, t: np.ndarray, n: int, start: float, stop: float, width: float = 0.005) -> float:
    """Correlation of the counts of two cells in bins of `width` s, averaged over all pairs.

    Pairs weigh as their variances do. It follows from the variance of the count of all spikes, which is the sum of the
    cells' own if they are independent.
    """
    bins = int((stop - start) / width + 1e-9)
    place = ((t - start) / width).astype(int)
    inside = (t >= start) & (place < bins)
    place, i = place[inside], i[inside]
    pairs, counts = np.unique(i.astype(np.int64) * bins + place, return_counts=True)
    own = np.bincount(pairs // bins, counts.astype(float) ** 2, n) / bins - (np.bincount(i, minlength=n) / bins) ** 2
    of_all = np.bincount(place, minlength=bins).var()
    return float((of_all - own.sum()) / (np.sqrt(own).sum() ** 2 - own.sum()))
