"""The firing rate that comes out where a time step holds one spike at most.

Spikes that want to come while a step is taken queue for the next ones, and those that still wait when a presentation
ends never come. In units of the step, spike n wants to come at U_n and comes in step ceil(U_n + W_n), where W is the
waiting time of a queue with service time 1, W_(n+1) = max(0, W_n + 1 - X_n), and X the intervals: dead time + Exp(1/h).
By Spitzer's identity its mean, from an empty queue on, is E[W_n] = sum over j < n of E[(j - X_1 - ... - X_j)+]/j.
"""

from __future__ import annotations

import numpy as np
from scipy.special import gammainc

from spikedtp.equations.escape import LEAST_FREE_TIME
from spikedtp.equations.firing import LEAST_LIF_RATE

__all__ = ["poisson_rate", "regular_rate"]


def waiting_time(hazard: float, dead_time: float, n: int) -> float:
    """How many steps the `n`-th spike of a Poisson process with dead time comes late on average; times in steps."""
    j = np.arange(1, max(n, 1))
    free = j * (1 - dead_time)  # of j steps, what their dead times leave
    if dead_time >= 1:
        return 0.0
    late = free * gammainc(j, hazard * free) - j / hazard * gammainc(j + 1, hazard * free)
    return float(np.sum(late / j))


def poisson_rate(rate: float, dead_time: float, dt: float, duration: float) -> float:
    """Mean rate of `equations.firing.poisson` over a presentation that is asked for a constant `rate` (Hz, second).

    A cell that begins free, without dead time to sit out, has up to half a spike more.
    """
    hazard = rate / np.clip(1 - rate * dead_time, LEAST_FREE_TIME, 1)
    if not hazard:
        return 0.0
    fires = 1 / (dead_time + 1 / hazard)
    # of those that wait, one goes in each step
    waiting = min(fires * dt, 1) * waiting_time(hazard * dt, dead_time / dt, round(fires * duration))
    return max(fires - waiting / duration, 0.0)


def regular_rate(rate: float, dt: float, tau_lif: float | None = None) -> float:
    """Mean rate of `equations.firing.regular` and, with its time constant, of `equations.firing.lif`."""
    if tau_lif is not None and rate * tau_lif <= LEAST_LIF_RATE:
        return 0.0
    return min(rate, 1 / dt)
