"""How much repeats of one sample differ, and which cosine one of them can therefore reach."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import partial

import numpy as np

from spikedtp.arithmetic import underflow_is_zero
from spikedtp.spiking import Response

__all__ = ["ceiling_of", "repeat_ceiling", "repeat_cosines"]


@underflow_is_zero
def repeat_ceiling(response: Response, projection: str, sample: int = 0) -> float:
    r"""Median cosine of one spiking ΔW with its own expectation, measured from repeats.

    The direction u of each repeat is compared with the sum S of the others. S has noise of its own, which lowers every
    cosine by the same factor. Let c be the mean cosine of pairs of n repeats, and E the expectation. The factor is
    (Spearman-Brown's formula)

    .. math:: \cos(S, E) = \sqrt{(n - 1) c / (1 + (n - 2) c)}

    and two repeats give :math:`\sqrt{c}`. The median is taken, as in the open loop: an output error near 0 changes its
    sign from one presentation to the next, and the cosines are skewed.

    Parameters
    ----------
    response : Response
        From `simulate`.
    projection : str
        A learned projection, e.g. ``"H2E_H1E"``.
    sample : int
        Index of the sample in the response.

    Returns
    -------
    float
        NaN with fewer than two repeats in which any weight changes. It is 0 where repeats are no more alike than by
        chance.

    Examples
    --------
    >>> import numpy as np
    >>> from spikedtp import load_rate_network, simulate
    >>> from spikedtp.compare import repeat_ceiling
    >>> from spikedtp.models import weights_file
    >>> network = load_rate_network("digits_dtp", weights_file("digits_dtp"))
    >>> x, target = np.full(64, 0.2), np.eye(10)[3]
    >>> spiking = simulate(network, x, target, population="H2E", n_repeats=3, device="runtime", record=())
    >>> 0 < repeat_ceiling(spiking, "H2E_H1E") < 1
    True
    """
    return ceiling_of(partial(_changes, response, projection, sample))


def ceiling_of(changes: Callable[[], Iterable[np.ndarray]]) -> float:
    """`repeat_ceiling` of any changes, one for each repeat, which `changes()` gives again each time."""
    with_others, share = _with_others(changes)
    return float(np.clip(np.median(with_others) / share, 0, 1)) if with_others.size else np.nan


def repeat_cosines(response: Response, projection: str, sample: int = 0) -> np.ndarray:
    """The cosines of single repeats, one for each in which any weight changes. `repeat_ceiling` is their median.

    Returns
    -------
    ndarray
        It is empty with fewer than two such repeats. It is a single 0 where they are no more alike than by chance.
    """
    with_others, share = _with_others(partial(_changes, response, projection, sample))
    return np.clip(with_others / share, 0, 1)


def _with_others(changes: Callable[[], Iterable[np.ndarray]]) -> tuple[np.ndarray, float]:
    """Cosine of each repeat with the sum of the others, and which share of it their own noise leaves."""
    total: np.ndarray = np.zeros(())
    n = 0
    for direction in _directions(changes()):
        total, n = total + direction, n + 1
    if n < 2:
        return np.empty(0), 1.0
    length = float((total**2).sum())
    pairs = (length - n) / (n * (n - 1))
    if pairs <= 0:
        return np.zeros(1), 1.0
    along = np.array([(direction * total).sum() for direction in _directions(changes())])
    with_others = (along - 1) / np.sqrt(np.maximum(length - 2 * along + 1, 1e-12))
    return with_others, float(np.sqrt((n - 1) * pairs / (1 + (n - 2) * pairs)))


def _changes(response: Response, projection: str, sample: int) -> Iterator[np.ndarray]:
    """ΔW of each repeat, made again each time, since all at once may not fit in memory."""
    return (response.weight_updates.of(projection, sample, repeat) for repeat in range(response.n_repeats))


def _directions(changes: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
    """Those that are not 0, with length 1."""
    for change in changes:
        length = np.linalg.norm(change.astype(np.float64))
        if length > 0:
            yield change.astype(np.float64) / length
