"""Poisson spikes with dead time, by time rescaling: one random number per spike, exact for time-varying rates.

A cell fires when the integral of its hazard passes an exponential draw. The dead time begins inside the step, at the
moment of the crossing, so it is exact at any dt. With a dead time of at least dt a cell fires at most once per step.
"""

from brian2 import Equations

__all__ = [
    "FIRST_DRAW",
    "INTEGRATE_HAZARD",
    "INTEGRATE_STEADY_HAZARD",
    "REDRAW",
    "REDRAW_STEADY",
    "STEADY_HAZARD",
    "THRESHOLD",
    "escape_equations",
    "steady_escape_equations",
]

#: The share of free time below which the hazard stops growing: a rate of 1/dead_time would need an infinite hazard.
LEAST_FREE_TIME = 1e-3


def escape_equations(rate: str) -> Equations:
    """Hazard of a renewal process with absolute dead time whose mean rate is `rate` (an expression in Hz)."""
    return _hazard(rate) + Equations(
        """
        remaining : 1      # hazard left until the next spike
        dead_steps : 1     # steps of dead time left; below 0: time left over from the step of the last spike
        """
    )


def steady_escape_equations(rate: str) -> Equations:
    """The same for a rate that does not change: its hazard is found once, at the start of a presentation."""
    return _hazard(rate) + Equations(
        """
        step_hazard : 1    # hazard of a time step
        remaining : 1      # hazard left until the next spike
        """
    )


def _hazard(rate: str) -> Equations:
    return Equations(
        """
        rate = clip(wanted_rate, 0*Hz, max_rate) : Hz
        hazard = rate/clip(1 - rate*dead_time, least_free_time, 1) : Hz
        """,
        wanted_rate=rate,
        least_free_time=str(LEAST_FREE_TIME),
    )


#: Before the thresholds of every step. Only the free part of the step counts.
INTEGRATE_HAZARD = """
remaining -= hazard*dt*clip(1 - dead_steps, 0, inf)
dead_steps = clip(dead_steps - 1, 0, inf)
"""

INTEGRATE_STEADY_HAZARD = "remaining -= step_hazard"

THRESHOLD = "remaining <= 0"

#: At a spike: `remaining` is now minus the hazard integrated since the crossing, i.e. since dead time began.
REDRAW = """
dead_steps = dead_time/dt + remaining/(hazard*dt)
remaining = exponential()
"""

#: At the start of a presentation, so that the first interval is exponential too.
FIRST_DRAW = "exponential()"

#: With a steady rate, what dead time takes away is known when it begins.
STEADY_HAZARD = "hazard*dt"
REDRAW_STEADY = "remaining += exponential() + step_hazard*dead_time/dt"
