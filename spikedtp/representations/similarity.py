"""How alike the patterns of a population are, how well they can be told apart, and in how many dimensions they lie."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from spikedtp.arithmetic import underflow_is_zero
from spikedtp.errors import known_names
from spikedtp.representations.patterns import activities, row_scaled

__all__ = ["dimensionality", "discriminability", "similarity"]

_NO_DIMENSION = 1e-10  # eigenvalues of a similarity matrix up to this are rounding


@underflow_is_zero
def similarity(A: ArrayLike, *, of: str = "patterns") -> np.ndarray:
    """Cosine similarity of each pair of patterns, or of units.

    Parameters
    ----------
    A : (patterns, units)
        Activities or spike counts.
    of : {"patterns", "units"}

    Returns
    -------
    ndarray, (patterns, patterns) or (units, units)
        float32 if A is, else float64. What is silent has similarity 0 with everything, itself too.

    Raises
    ------
    SpikedtpError
        A is not of this form, or `of` is unknown.

    Examples
    --------
    >>> from spikedtp.representations import similarity
    >>> similarity([[1, 0], [3, 0], [1, 1], [0, 0]]).round(3).tolist()[0]
    [1.0, 1.0, 0.707, 0.0]
    """
    from sklearn.metrics.pairwise import cosine_similarity  # slow to import

    A = activities(A)
    if of not in ("patterns", "units"):
        raise known_names("kind of similarity", of, ("patterns", "units"))
    return cosine_similarity(row_scaled(A if of == "patterns" else A.T))


def discriminability(A: ArrayLike) -> np.ndarray:
    """One minus the cosine similarity of each pair of patterns.

    Parameters
    ----------
    A : (patterns, units)
        Activities or spike counts.

    Returns
    -------
    ndarray, (patterns * (patterns - 1) / 2,)
        The pairs (1, 0), (2, 0), (2, 1), (3, 0), ... as in ``numpy.tril_indices(patterns, -1)``. A pair with a silent
        pattern has 0: nothing tells it apart.

    Raises
    ------
    SpikedtpError
        A is not of this form, or has one pattern only.

    Examples
    --------
    >>> from spikedtp.representations import discriminability
    >>> discriminability([[1, 0], [0, 2], [1, 1]]).round(3).tolist()
    [1.0, 0.293, 0.293]
    """
    A = activities(A, least=2)
    rows, columns = np.tril_indices(len(A), -1)
    active = np.abs(A).max(axis=1) > 0
    return np.where(active[rows] & active[columns], 1 - similarity(A)[rows, columns], 0)


@underflow_is_zero
def dimensionality(A: ArrayLike, *, of: str = "activity") -> float:
    """Participation ratio (Σ λ)² / Σ λ² of eigenvalues λ: in how many dimensions activities vary.

    Parameters
    ----------
    A : (patterns, units)
        Activities or spike counts.
    of : {"activity", "patterns", "units"}
        Eigenvalues of the units' covariance over patterns, or of the matrix that `similarity` gives.

    Returns
    -------
    float
        Between 1 and the number of units (or patterns); 0 if nothing varies.

    Raises
    ------
    SpikedtpError
        A is not of this form, has one pattern only, or `of` is unknown.

    Examples
    --------
    >>> import numpy as np
    >>> from spikedtp.representations import dimensionality
    >>> rng = np.random.default_rng(0)
    >>> round(dimensionality(rng.random((5000, 10)))), round(dimensionality(np.outer(rng.random(50), rng.random(10))))
    (10, 1)
    """
    A = activities(A, least=2)
    if of not in ("activity", "patterns", "units"):
        raise known_names("kind of dimensionality", of, ("activity", "patterns", "units"))
    if of == "activity":
        A = A.astype(np.float64)
        (scaled,) = row_scaled(A.reshape(1, -1))  # of all alike: their variances are compared
        deviation = scaled.reshape(A.shape)
        deviation = np.where(np.ptp(deviation, axis=0) > 0, deviation - deviation.mean(axis=0), 0)
        # the eigenvalues of the covariance, but for a factor
        values = np.linalg.svd(deviation, compute_uv=False) ** 2
    else:
        values = np.linalg.eigvalsh(similarity(A.astype(np.float64), of=of))
        values = values[values > _NO_DIMENSION]
    square = float((values**2).sum())
    return float(values.sum()) ** 2 / square if square > 0 else 0.0
