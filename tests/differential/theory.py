"""What spikes should give, from definitions alone: no code of the package's own predictions is used here."""

from __future__ import annotations

import itertools

import numpy as np

from spikedtp.plasticity import Signals

__all__ = ["corner_bound", "replayed_activity", "window_moments"]


def replayed_activity(points: np.ndarray, n_steps: int, lag: int) -> np.ndarray:
    """Activities at every time step, `(n_points, n) -> (n_steps, n)`: linear between points, 0 before they come."""
    place = (np.arange(n_steps) - lag) * (len(points) - 1) / (n_steps - 1)
    columns = [np.interp(place, np.arange(len(points)), column) for column in points.T]
    return np.where(place[:, None] >= 0, np.stack(columns, axis=1), 0.0)


def window_moments(
    activity: np.ndarray, kernel: np.ndarray, unit_rate: float, dead_time: float, dt: float, highest: float
):
    """Mean and variance of a weighted spike count in units of activity: a renewal process with dead time, per cell.

    A cell of activity a fires at the rate r = a unit_rate; the count in a step has the mean r dt and, in the long run,
    the variance r dt (1 - r dead_time)². Kernels change slowly beside the intervals.
    """
    rate = activity.clip(0, highest) * unit_rate
    scale = unit_rate * dt
    mean = kernel @ (rate * dt) / scale
    variance = kernel**2 @ (rate * dt * (1 - rate * dead_time) ** 2) / scale**2
    # one spike more or less at either end of the window
    return mean, variance + (kernel.max() / scale) ** 2 / 6 * (mean > 0)


def corner_bound(change, signals: Signals, off: dict[str, np.ndarray]) -> np.ndarray:
    """The largest change of ΔW when every signal is off by as much as `off` allows, `(n_post, n_pre)`.

    A synapse sees its own two cells alone, and rules are products of functions of one signal each: the worst case lies
    at a corner of the box, or, where a clip or a square lies inside the box, near it; half-way points are tried too.
    """
    names = [name for name, value in off.items() if getattr(signals, name) is not None and np.any(value > 0)]
    middle = change(signals)
    worst = np.zeros_like(middle)
    for signs in itertools.product((-1.0, 0.0, 1.0), repeat=len(names)):
        moved = {name: getattr(signals, name) + sign * off[name] for name, sign in zip(names, signs, strict=True)}
        worst = np.maximum(worst, np.abs(change(Signals(**{**vars(signals), **moved})) - middle))
    return worst
