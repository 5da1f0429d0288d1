"""The times of one presentation: rate steps, time steps, the two phases and the windows that are read in them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from brian2 import ms, second
from brian2.units.fundamentalunits import Quantity

from spikedtp.errors import SpikedtpError
from spikedtp.parameters import check_quantity

__all__ = ["Timeline"]


@dataclass(frozen=True)
class Timeline:
    """A presentation of `sensory_points + supervised_points` rate steps.

    As in Figure 3 of Galloni et al. 2026, the points are spread over the whole presentation: the first point is at the
    first time step, the last point at the last one. A rate step is therefore a little longer than `time_per_step`.
    Activities are interpolated linearly between the points. Recurrent inputs come `time_per_step` later.

    Attributes
    ----------
    time_per_step : Quantity (second)
    dt : Quantity (second)
    sensory_points, supervised_points : int
        How many rate steps are shown before the nudge, and from its first step on.
    wait : int
        The longest delay of the inputs, in rate steps. Read-outs that average wait for what is still on its way.
    """

    time_per_step: Quantity = None
    dt: Quantity = None
    sensory_points: int = 11
    supervised_points: int = 10
    wait: int = 0

    def __post_init__(self) -> None:
        if self.time_per_step is None:
            object.__setattr__(self, "time_per_step", 20 * ms)
        if self.dt is None:
            object.__setattr__(self, "dt", 1 * ms)
        check_quantity("Timeline", "dt", self.dt, ms, above=0 * ms)
        check_quantity("Timeline", "time_per_step", self.time_per_step, ms, above=0 * ms)
        if self.time_per_step < self.dt:
            raise SpikedtpError(
                f"time_per_step = {self.time_per_step} is shorter than dt = {self.dt}: a rate step needs at least one "
                "time step"
            )
        steps = float(self.time_per_step / self.dt)
        if abs(steps - round(steps)) > 1e-6 * steps:
            raise SpikedtpError(
                f"time_per_step = {self.time_per_step} must be a whole number of time steps of dt = {self.dt}"
            )
        if min(self.sensory_points, self.supervised_points) < 1:
            raise SpikedtpError("Timeline needs at least one sensory and one supervised rate step")

    @property
    def n_points(self) -> int:
        return self.sensory_points + self.supervised_points

    @property
    def n_steps(self) -> int:
        """Time steps of one presentation."""
        return round(self.n_points * float(self.time_per_step / self.dt))

    @property
    def lag_steps(self) -> int:
        """The number of time steps by which recurrent inputs are late."""
        return round(float(self.time_per_step / self.dt))

    @property
    def duration(self) -> Quantity:
        return self.n_steps * self.dt

    @property
    def points_per_step(self) -> float:
        """Rate steps that pass in one time step."""
        return (self.n_points - 1) / (self.n_steps - 1)

    def step_of(self, point: float) -> int:
        """First time step at or after rate step `point` (fractions allowed)."""
        return int(np.ceil(point / self.points_per_step - 1e-9))

    @property
    def settled_end(self) -> int:
        """The time step after the last one at which nothing has been nudged yet."""
        return int(np.floor((self.sensory_points - 1) / self.points_per_step + 1e-9)) + 1

    @property
    def nudge_start(self) -> int:
        """The first time step at which every activity is the nudged one."""
        return self.step_of(self.sensory_points)

    @property
    def times(self) -> np.ndarray:
        """Time of every step in second, `(n_steps,)`."""
        return np.arange(self.n_steps) * float(self.dt / second)

    def interpolate(self, points: np.ndarray, lag: int = 0) -> np.ndarray:
        """Values at every time step, `(..., n_points, n) -> (..., n_steps, n)`. 0 before a lagged signal arrives."""
        x = (np.arange(self.n_steps) - lag) * self.points_per_step
        k = np.clip(x.astype(int), 0, self.n_points - 2)
        fraction = (x - k)[:, None]
        values = points[..., k, :] * (1 - fraction) + points[..., k + 1, :] * fraction
        return np.where((x >= 0)[:, None], values, 0.0)
