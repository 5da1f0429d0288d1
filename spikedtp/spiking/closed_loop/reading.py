"""How a presentation averages what it reads of the settle phase: over a window, or by exponential traces."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from brian2 import ms

from spikedtp.spiking.closed_loop.phases import Phases

__all__ = ["Reading"]


@dataclass(frozen=True)
class Reading:
    """The weight of each time step.

    A trace that decays between spikes and is read at one time is a sum over spikes, each with a weight that depends on
    its own time alone. So a trace costs no more than a count. Weights are 1 at the last step before the onset.

    Attributes
    ----------
    phases : Phases

    Examples
    --------
    >>> from brian2 import ms
    >>> from spikedtp.spiking import Phases
    >>> from spikedtp.spiking.closed_loop.reading import Reading
    >>> Reading(Phases(settle=3 * ms, read=2 * ms)).weights(3).tolist()
    [0.0, 1.0, 1.0]
    >>> Reading(Phases(settle=3 * ms, read=2 * ms, trace=2 * ms)).weights(4).round(2).tolist()
    [0.37, 0.61, 1.0, 1.65]
    """

    phases: Phases

    @property
    def traces(self) -> bool:
        return bool(self.phases.trace > 0 * ms)

    @property
    def window(self) -> tuple[int, int]:
        """The steps up to the onset that count: first, last + 1."""
        return (0, self.phases.onset) if self.traces else self.phases.settled

    @property
    def code(self) -> str:
        """The weight of the present step, for what goes on after the onset too."""
        first, stop = self.window
        if not self.traces:
            return f"int(t_in_timesteps >= {first} and t_in_timesteps < {stop})"
        return f"exp((t_in_timesteps - {stop - 1})*{float(self.phases.dt / self.phases.trace)!r})"

    def left(self, n_steps: int) -> float:
        """What is left of a sum when the next presentation begins, where cells are not reset."""
        goes_on = self.traces and not self.phases.reset
        return float(np.exp(-n_steps * float(self.phases.dt / self.phases.trace))) if goes_on else 0.0

    def weights(self, read: int) -> np.ndarray:
        """Weights of the steps before `read`, ``(read,)``."""
        steps, (first, stop) = np.arange(read), self.window
        if not self.traces:
            return ((steps >= first) & (steps < stop)).astype(float)
        return np.exp((steps - stop + 1) * float(self.phases.dt / self.phases.trace))

    def total(self, read: int, again_after: int | None = None) -> float:
        """What a spike in every step before `read` adds up to, with those of earlier presentations if they count.

        Spikes count in all steps of those; of what is read up to `read` alone, as voltages are, `again_after` is the
        number of steps of a presentation.
        """
        return float(self.weights(read).sum()) / (1 - self.left(read if again_after is None else again_after))
