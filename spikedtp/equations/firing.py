"""From a wanted rate to spikes: Poisson, regular intervals, or a leaky integrate-and-fire unit. One fragment each.

Each gives the rate that is asked for, so that they differ only in the statistics of the intervals. `rate` is
an expression in Hz; it is clipped between 0 and `max_rate`.
"""

from __future__ import annotations

from dataclasses import dataclass

from brian2 import Equations

from spikedtp.equations import escape

__all__ = ["FIRING", "LEAST_LIF_RATE", "STEADY_FIRING", "Firing", "lif", "poisson", "regular", "steady_poisson"]


#: Rate times `tau_lif` up to which the drive of a leaky integrate-and-fire unit is threshold to within rounding.
LEAST_LIF_RATE = 0.05


@dataclass(frozen=True)
class Firing:
    """How a rate becomes spikes: the parts that a `Declaration` needs."""

    equations: Equations
    before_threshold: str
    threshold: str
    reset: str
    initial: dict[str, str]


def poisson(rate: str) -> Firing:
    """A Poisson process with absolute dead time, by time rescaling; needs `dead_time`."""
    return Firing(
        escape.escape_equations(rate),
        escape.INTEGRATE_HAZARD,
        escape.THRESHOLD,
        escape.REDRAW,
        {"remaining": escape.FIRST_DRAW},
    )


def steady_poisson(rate: str) -> Firing:
    """`poisson` for a rate that stays the same for a whole presentation: the same spikes for less."""
    return Firing(
        escape.steady_escape_equations(rate),
        escape.INTEGRATE_STEADY_HAZARD,
        escape.THRESHOLD,
        escape.REDRAW_STEADY,
        {"step_hazard": escape.STEADY_HAZARD, "remaining": escape.FIRST_DRAW},
    )


def regular(rate: str) -> Firing:
    """A spike whenever the integral of the rate passes the next whole number. Only its value at the start is random."""
    return Firing(
        Equations("rate = clip(wanted_rate, 0*Hz, max_rate) : Hz\nremaining : 1", wanted_rate=rate),
        "remaining -= rate*dt",
        "remaining <= 0",
        "remaining += 1",
        {"remaining": "rand()"},
    )


def lif(rate: str) -> Firing:
    """A leaky integrate-and-fire unit, threshold 1 and reset 0, whose constant drive would give the rate.

    Needs `tau_lif`. Integrated exactly inside a step; the time between the crossing and the end of the step counts for
    the next interval. At rates up to 1/(20 tau_lif) the drive is threshold to within rounding, and the unit waits where
    it is.
    """
    return Firing(
        Equations(
            """
            rate = clip(wanted_rate, 0*Hz, max_rate) : Hz
            drive_lif = 1/(1 - exp(-1/clip(rate*tau_lif, least, inf))) : 1
            membrane : 1
            """,
            wanted_rate=rate,
            least=str(LEAST_LIF_RATE),
        ),
        f"membrane = (drive_lif + (membrane - drive_lif)*exp(-dt/tau_lif))*int(rate*tau_lif > {LEAST_LIF_RATE})"
        f" + membrane*int(rate*tau_lif <= {LEAST_LIF_RATE})",
        "membrane >= 1",
        "membrane = drive_lif*(membrane - 1)/(drive_lif - 1)",
        {"membrane": "rand()"},
    )


def steady_regular(rate: str) -> Firing:
    """`regular` for a rate that stays the same for a whole presentation: the same spikes for less."""
    return _steady("rate = clip(wanted_rate, 0*Hz, max_rate) : Hz", rate, "rate*dt", "rand()")


def steady_lif(rate: str) -> Firing:
    """`lif` for such a rate: its intervals are regular, and the membrane at the start says when the first one ends."""
    return _steady(
        f"""
        rate = clip(wanted_rate, 0*Hz, max_rate) : Hz
        moves = int(rate*tau_lif > {LEAST_LIF_RATE}) : 1
        pace = clip(rate*tau_lif, {LEAST_LIF_RATE}, inf) : 1
        """,
        rate,
        "moves*rate*dt",
        "1 + moves*pace*log(1 - rand()*(1 - exp(-1/pace)))",  # rand() is the membrane
    )


def _steady(equations: str, rate: str, passing: str, remaining: str) -> Firing:
    """Regular intervals: what share of one passes in a time step, and what remains of the first."""
    variables = (
        "passing : 1  # share of an interval that passes in a time step\nremaining : 1  # of the present interval"
    )
    return Firing(
        Equations(equations, wanted_rate=rate) + Equations(variables),
        "remaining -= passing",
        "remaining <= 0",
        "remaining += 1",
        {"passing": passing, "remaining": remaining},
    )


FIRING = {"poisson": poisson, "regular": regular, "lif": lif}
STEADY_FIRING = {"poisson": steady_poisson, "regular": steady_regular, "lif": steady_lif}
