"""Times as floating-point numbers: what is the same time, and in which time step it lies."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from spikedtp.errors import SpikedtpError

__all__ = ["before", "exact", "since_onset", "slack", "slack_in_steps", "steps_of"]

#: Part of a time step by which a time may miss the beginning of the step and still belong to it.
PART, MOST = 1e-6, 0.1
EPS = float(np.finfo(float).eps)


def slack(times: ArrayLike) -> Any:
    """What rounding may have done to times, in second."""
    return 1e-12 + 8 * EPS * np.abs(times)


def before(times: ArrayLike, limit: ArrayLike) -> np.ndarray:
    """Whether `times` are before `limit`, and not only by rounding. `limit` may be infinite."""
    return np.asarray(times) < np.asarray(limit) - slack(np.where(np.isfinite(limit), limit, 0.0))


def slack_in_steps(start: float, stop: float, dt: float) -> float:
    """What rounding may have done to times from `start` to `stop`, in time steps.

    Raises
    ------
    SpikedtpError
        It is so much that time steps cannot be told apart, as with seconds since 1970.
    """
    part = max(PART, 8 * EPS * max(abs(start), abs(stop)) / dt)
    if part > MOST:
        raise SpikedtpError(
            f"times such as {stop:.16g} s are known to no more than {part:.2g} steps of {dt:g} s: subtract the "
            "beginning of the recording"
        )
    return part


def steps_of(x: np.ndarray, part: float) -> np.ndarray:
    """`x` in time steps, rounded down, but up where it misses a whole number by `part` or less."""
    nearest = np.round(x)
    return np.where(np.abs(x - nearest) <= part, nearest, np.floor(x)).astype(np.int64)


def since_onset(times: np.ndarray, onsets: np.ndarray) -> np.ndarray:
    """`times` - `onsets`, at least 0, in the digits that are known of both: what is left of large times is rounded."""
    known = slack(np.max(np.abs(times), initial=0.0))
    return np.maximum(np.round(times - onsets, int(np.floor(-np.log10(known)))), 0.0)


def exact(times: Any) -> Any:
    """Times of single precision as the decimal numbers that they stand for: 0.0003 and not 0.00029999999."""
    if getattr(times, "dtype", None) != np.float32:
        return times
    return np.asarray(np.asarray(times).astype(str), dtype=np.float64)
