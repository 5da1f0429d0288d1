"""How few units answer a pattern, and how few patterns drive a unit."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from spikedtp.arithmetic import underflow_is_zero
from spikedtp.errors import SpikedtpError
from spikedtp.representations.patterns import activities, row_scaled

__all__ = ["selectivity", "sparsity"]


def sparsity(A: ArrayLike) -> np.ndarray:
    """Population sparseness of each pattern: 0 if all units are equally active, 1 if a single unit is.

    It is (1 - (Σ a / n)² / (Σ a² / n)) / (1 - 1/n) over the n units. A silent pattern has 0. The value does not depend
    on the scale, so that activities and spike counts can be compared.

    Parameters
    ----------
    A : (patterns, units)
        Activities or spike counts, none negative.

    Returns
    -------
    ndarray, (patterns,), float64

    Raises
    ------
    SpikedtpError
        A is not of this form, has a negative entry, or has one unit only.

    Notes
    -----
    Vinje & Gallant 2000, Science 287:1273. EIANN adds 1e-10 to the mean square, so that its values differ for patterns
    whose activities are below .001.

    Examples
    --------
    >>> from spikedtp.representations import sparsity
    >>> sparsity([[1, 0, 0, 0], [2, 2, 2, 2], [3, 1, 0, 0], [0, 0, 0, 0]]).round(3).tolist()
    [1.0, 0.0, 0.8, 0.0]
    """
    return _sparseness(_not_negative(A), "sparsity", "units")


def selectivity(A: ArrayLike) -> np.ndarray:
    """Lifetime sparseness of each unit: 0 if all patterns drive it equally, 1 if a single pattern does.

    It is the measure of `sparsity` over patterns in place of units. A silent unit has 0.

    Parameters
    ----------
    A : (patterns, units)
        Activities or spike counts, none negative.

    Returns
    -------
    ndarray, (units,), float64

    Raises
    ------
    SpikedtpError
        A is not of this form, has a negative entry, or has one pattern only.

    Examples
    --------
    >>> from spikedtp.representations import selectivity
    >>> selectivity([[5, 1, 0], [0, 1, 0], [0, 1, 0]]).round(6).tolist()
    [1.0, 0.0, 0.0]
    """
    return _sparseness(_not_negative(A).T, "selectivity", "patterns")


def _not_negative(A: ArrayLike) -> np.ndarray:
    found = activities(A)
    if found.min() < 0:
        raise SpikedtpError(
            f"A must not be negative here, got {found.min():.3g}: take the positive part, or the size, of signed "
            "activities"
        )
    return found.astype(np.float64)


@underflow_is_zero
def _sparseness(rows: np.ndarray, measure: str, over: str) -> np.ndarray:
    n = rows.shape[1]
    if n < 2:
        raise SpikedtpError(f"{measure} needs at least 2 {over}, got {n}")
    rows = row_scaled(rows)
    square = (rows**2).mean(axis=1)
    active = square > 0
    ratio = np.divide(rows.mean(axis=1) ** 2, square, out=np.ones(len(rows)), where=active)
    return ((1 - ratio) / (1 - 1 / n)).clip(0, 1)  # rounding alone leads beyond
