"""Traces of cells that are brought up to date at a spike. Between spikes their values follow from the last one.

In a time step few cells fire, and nothing has to be done for the others. All traces of a group share the time of the
last spike, so each spike of a cell must call `at_spike` with all of them.
"""

from __future__ import annotations

__all__ = ["LAST_SPIKE", "at_spike", "since_spike"]

LAST_SPIKE = "last_spike : integer  # as a number of time steps"


def since_spike(name: str, tau: str, unit: str = "1") -> str:
    """Equations of the trace `name`: its present value, and ``name_then``, the value after the last spike.

    `tau` is a name, or an expression in brackets.
    """
    return f"{name}_then : {unit}\n{name} = {name}_then*exp(-(t_in_timesteps - last_spike)*dt/{tau}) : {unit}"


def at_spike(*names: str) -> str:
    """Code for a spike, before anything else. What the spike adds is added to ``name_then`` after it."""
    return "\n".join([*(f"{name}_then = {name}" for name in names), "last_spike = t_in_timesteps"])
