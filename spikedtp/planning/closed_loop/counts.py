"""How many spikes a population counts in some milliseconds, as activities: what firing makes of a rate."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import numpy as np

from spikedtp.equations.firing import LEAST_LIF_RATE
from spikedtp.neurons import NudgedCell, SteadyInput

__all__ = ["COUNTS", "Counts", "Expected", "Lif", "Poisson", "Regular"]

#: Of a spike in one of the places of a count: without dead time a count is as good as a Poisson number.
LEAST_CHANCE = 1e-4


class Counts(Protocol):
    """What the units of cells count in a step, divided by what an activity of 1 gives on average."""

    def __call__(self, activity: np.ndarray, duration: float) -> np.ndarray:
        """From activities of 0 or more `(rows, n)`, which last a `duration` (second), to counted ones."""


class _Firing:
    """Of some rows of cells, each with so many units that fire at its rate.

    Parameters
    ----------
    model : NudgedCell or SteadyInput
    unit_rate : (n,)
        Rate of activity 1 (Hz).
    units : (n,) int
        That fire for each cell.
    rng : numpy.random.Generator
    rows : int
    """

    def __init__(
        self,
        model: NudgedCell | SteadyInput,
        unit_rate: np.ndarray,
        units: np.ndarray,
        rng: np.random.Generator,
        rows: int,
    ):
        self.unit_rate, self.units, self.rng = unit_rate.astype(np.float32), units, rng
        self.highest = (float(model.max_rate) / unit_rate).astype(np.float32)
        self.begin(model, rows)

    def begin(self, model: NudgedCell | SteadyInput, rows: int) -> None:
        """What is random at the start of a presentation."""


class Expected(_Firing):
    """Rates without any noise."""

    def __call__(self, activity: np.ndarray, duration: float) -> np.ndarray:
        return np.minimum(activity, self.highest)


class Poisson(_Firing):
    """A Poisson process with dead time: whole numbers, with the variance of a renewal process with the same rate.

    In a long time that is (1 - rate * dead time)**2 times the mean. A binomial number has this variance where its
    chance is 1 minus this factor. How many places it has must be whole, so it is rounded up or down at random.
    """

    def begin(self, model: NudgedCell | SteadyInput, rows: int) -> None:
        self.dead = float(model.dead_time) * self.unit_rate

    def __call__(self, activity: np.ndarray, duration: float) -> np.ndarray:
        fires = np.flatnonzero(activity > 0)  # most cells are silent
        cell = fires % activity.shape[1]
        mean = np.minimum(activity.ravel()[fires], self.highest[cell])
        spikes_of_1 = (self.units * self.unit_rate * duration)[cell]
        expected = mean * spikes_of_1
        chance = np.maximum(1 - (1 - self.dead[cell] * mean) ** 2, LEAST_CHANCE)
        places = np.maximum(np.floor(expected / chance + self.rng.random(len(fires))), np.ceil(expected))
        counted = np.zeros_like(activity)
        counted.ravel()[fires] = self.rng.binomial(places.astype(np.int64), expected / places) / spikes_of_1
        return counted


class _OfUnits(_Firing):
    """Firing in which every unit has a state of its own, `(rows, units)`."""

    def begin(self, model: NudgedCell | SteadyInput, rows: int) -> None:
        self.first = np.cumsum(self.units) - self.units
        self.state = self.rng.random((rows, int(self.units.sum())), dtype=np.float32)

    def __call__(self, activity: np.ndarray, duration: float) -> np.ndarray:
        rate = self.unit_rate * np.minimum(activity, self.highest)
        spikes = self.spikes(np.repeat(rate, self.units, axis=1), duration)
        return np.add.reduceat(spikes, self.first, axis=1) / (self.units * self.unit_rate * duration).astype(np.float32)

    def spikes(self, rate: np.ndarray, duration: float) -> np.ndarray:
        """Of every unit at its rate (Hz)."""
        raise NotImplementedError


class Regular(_OfUnits):
    """A spike whenever the integral of the rate passes the next whole number."""

    def spikes(self, rate: np.ndarray, duration: float) -> np.ndarray:
        self.state += np.float32(duration) * rate
        spikes = np.floor(self.state)
        self.state -= spikes
        return spikes


class Lif(_OfUnits):
    """A leaky integrate-and-fire unit, exactly for a drive that stays the same in a step."""

    def begin(self, model: NudgedCell | SteadyInput, rows: int) -> None:
        super().begin(model, rows)
        self.tau = np.float32(model.tau_lif)

    def spikes(self, rate: np.ndarray, duration: float) -> np.ndarray:
        slowest = np.float32(LEAST_LIF_RATE) / self.tau
        fires = rate > slowest
        interval = 1 / np.maximum(rate, slowest)
        drive = -1 / np.expm1(-interval / self.tau)
        with np.errstate(divide="ignore"):  # at threshold itself, where the drive is no higher
            since = -self.tau * np.log1p(-np.minimum(self.state, 1) / drive)
        since = np.minimum(since, interval) + np.float32(duration)
        spikes = np.floor(since / interval)
        later = -drive * np.expm1((spikes * interval - since) / self.tau)
        self.state = np.where(fires, later, self.state)
        return np.where(fires, spikes, np.float32(0))


#: By `firing` of the cell.
COUNTS: dict[str, Callable[..., Counts]] = {"poisson": Poisson, "regular": Regular, "lif": Lif}
