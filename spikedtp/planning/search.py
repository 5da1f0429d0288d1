"""Backwards: which setting reaches a wanted cosine. The tangent of the angle is nearly a power of every setting."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

__all__ = ["Found", "least_value"]

CLOSE = 0.01  # of the value that is searched, relative
MOST_TRIES = 12


@dataclass(frozen=True)
class Found:
    """The least value, or None where none reaches the cosine; and the cosine there, or the highest that was seen."""

    value: float | None
    cosine: float


def least_value(
    cosine_at: Callable[[float], float],
    wanted: float,
    start: float,
    limits: tuple[float, float],
    rounded: Callable[[float], float],
) -> Found:
    """The least value of a setting that reaches a cosine, which never falls where the setting grows.

    Parameters
    ----------
    cosine_at : callable
        The cosine at a value.
    wanted : float
    start : float
        Where the search begins: a value that is already known is a good one.
    limits : (float, float)
        The least and the greatest value.
    rounded : callable
        The next greater value that can be set.
    """
    known: dict[float, float] = {}

    def over(value: float) -> float:
        """How far the angle is above the wanted one: the logarithm of the ratio of their tangents."""
        if value not in known:
            known[value] = cosine_at(value)
        return _steepness(known[value]) - _steepness(wanted)

    low, high = rounded(limits[0]), limits[1]
    at = min(max(rounded(start), low), high)
    below = above = at
    least = 1.1  # noise falls with the square root, which the first guesses take for granted; others go further
    while over(above) > 0:
        if above == high:
            return Found(None, max(known.values()))
        ratio = max(math.exp(min(2.2 * over(above), 50)), least)
        below, above, least = above, min(max(rounded(above * ratio), above), high), 4 * least
        if above == below:  # rounded up, it is beyond the limit
            above = high
    least = 1.1
    while over(below) <= 0:
        if below == low:
            return Found(low, known[low])
        ratio = max(math.exp(min(-2.2 * over(below), 50)), least)
        above, below, least = below, max(rounded(below / ratio), low), 4 * least
        if below == above:
            below = low
    for turn in range(MOST_TRIES):
        if above <= below * (1 + CLOSE) or above <= rounded(below * (1 + 1e-9)):
            break
        share = over(below) / (over(below) - over(above))
        if turn % 3 == 2:  # a side that never moves would make the steps small
            share = 0.5
        value = rounded(math.exp(math.log(below) + min(max(share, 0.02), 0.98) * math.log(above / below)))
        if not below < value < above:
            value = rounded((below + above) / 2)
            if not below < value < above:
                break
        if over(value) > 0:
            below = value
        else:
            above = value
    return Found(above, known[above])


def _steepness(cosine: float) -> float:
    """Logarithm of the tangent of the angle; a straight line against the logarithm of time, rate or number."""
    cosine = min(max(cosine, 1e-6), 1 - 1e-12) if math.isfinite(cosine) else 1e-6
    return 0.5 * math.log(1 / cosine**2 - 1)
