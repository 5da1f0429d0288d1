"""Learning rate schedules: a factor on every learning rate for each presentation, the same in rate and in spikes."""

from __future__ import annotations

from collections.abc import Callable

from spikedtp.errors import SpikedtpError, known_names, shown

__all__ = ["DEFAULT_SCHEDULE", "SCHEDULES", "schedule_named"]

Schedule = Callable[[int, int], float]

DEFAULT_SCHEDULE = "anneal"


def _constant(index: int, total: int) -> float:
    return 1.0


def _anneal(index: int, total: int) -> float:
    # online updates keep moving by several points of accuracy between epochs; a small last fifth settles them
    return 0.3 if index >= total - total // 5 else 1.0


def _linear(index: int, total: int) -> float:
    # the steps, and the noise that they leave in the weights, become small together
    return 1 - index / total


SCHEDULES: dict[str, Schedule] = {"constant": _constant, "anneal": _anneal, "linear": _linear}


def schedule_named(name: str | Schedule) -> Schedule:
    """The schedule of this name: a function of (presentation index from 0, number of presentations).

    Parameters
    ----------
    name : {"anneal", "constant", "linear"} or callable
        "anneal": factor 1, and 0.3 during the last fifth of the presentations. "linear": from 1 to 0.

    Raises
    ------
    SpikedtpError
        Unknown name.
    """
    if callable(name):
        return name
    if not isinstance(name, str):
        raise SpikedtpError(f"a schedule is a name or a function of (index, total), got {shown(name)}")
    if name not in SCHEDULES:
        raise known_names("schedule", name, SCHEDULES)
    return SCHEDULES[name]
