"""A delay for every synapse. Spikes wait in a ring of time steps; lists say whom a spike reaches at which age.

A cell's postsynaptic cells are sorted by delay. A spike that was fired `a` steps ago reaches those from `_starts[a]` to
`_starts[a + 1]` of its cell. Weights are read when spikes arrive, as in Brian2, and absent synapses are in no list.
Slot (`_turn` - 1 - a) of the ring holds the spikes of age a; it is filled anew when its spikes have reached everybody.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from brian2 import ms, prefs
from brian2.core.variables import Variables
from brian2.units.fundamentalunits import Quantity, get_dimensions

from spikedtp.errors import SpikedtpError, shown

__all__ = ["DelayMatrix", "delay_lists"]

#: Slots of the ring: more would be a slip of units.
_MOST_STEPS = 10**6


class DelayMatrix:
    """Delays `(n_post, n_pre)`: times, which are rounded to steps as in Brian2, or numbers of steps.

    Parameters
    ----------
    owner : str
    delay : (n_post, n_pre) Quantity (second) or None
    delay_steps : (n_post, n_pre) int or 0
    shape : (int, int)
        n_post, n_pre.

    Raises
    ------
    SpikedtpError
    """

    def __init__(self, owner: str, delay: Quantity | None, delay_steps: Any, shape: tuple[int, int]):
        self.owner = owner
        if delay is not None and np.any(delay_steps):
            raise SpikedtpError(f"{owner}: give delay or delay_steps, not both")
        name, given = ("delay_steps", delay_steps) if delay is None else ("delay", delay)
        if delay is not None and get_dimensions(delay) != ms.dim:
            raise SpikedtpError(f"{owner}: {name} must be a matrix of times (such as d*ms), got {shown(delay)}")
        values = np.asarray(given)
        if values.shape != shape:
            turned = ": give its transpose" if values.shape == shape[::-1] else ""
            raise SpikedtpError(
                f"{owner}: {name} must be one for all synapses or (n_post, n_pre) = {shape}, got {values.shape}{turned}"
            )
        if values.dtype.kind not in "fiu" or not np.isfinite(values).all() or values.min(initial=0) < 0:
            raise SpikedtpError(f"{owner}: {name} must be finite numbers of at least 0, got {shown(given)}")
        if delay is None and (values != np.round(values)).any():
            raise SpikedtpError(f"{owner}: {name} must be whole numbers of time steps: give times as delay=")
        # as stock synapses store them
        self.times: np.ndarray | None = None
        if delay is not None:
            self.times = values.astype(prefs.core.default_float_dtype).astype(np.float64)
        self.steps = values.astype(np.int64)  # if they are no times

    def __bool__(self) -> bool:
        return True

    @property
    def prepared(self) -> bool:
        """Whether ring and lists are made, after which pairs cannot change."""
        return hasattr(self, "_layout") and bool(self._layout.get_value()[1])

    def in_steps(self, dt: float) -> np.ndarray:
        return self.steps if self.times is None else np.floor(self.times / dt + 0.5).astype(np.int64)

    def in_seconds(self, dt: float) -> np.ndarray:
        return self.steps * dt if self.times is None else self.times

    def add_ring(self, variables: Variables) -> list[str]:
        """Add the variables of the ring and the lists and return their names in code. `prepare` sets them."""
        types = {"_ring": np.int32, "_starts": np.int64, "_reached": np.int32}
        for name, dtype in types.items():
            variables.add_dynamic_array(name, size=0, dtype=dtype, index=f"{name}_idx")
            variables.add_auxiliary_variable(f"{name}_idx", dtype=np.int32)
        variables.add_array("_turn", size=1, dtype=np.int32, scalar=True, index="0")
        # time step and slots of the ring as it is; no code reads them, so that they are known here
        variables.add_array("_ring_layout", size=2, dtype=np.float64, index="_ring_idx")
        self._ring, self._turn, self._layout = (variables[name] for name in ("_ring", "_turn", "_ring_layout"))
        self._starts, self._reached = variables["_starts"], variables["_reached"]
        return [*types, "_turn"]

    def prepare(self, dt: float, n_cells: int, mask: np.ndarray | None) -> tuple[int, int]:
        """Make ring and lists for the run that begins, and return the number of slots, and of cells in a slot."""
        before, slots = self._layout.get_value()
        if slots and before == dt:
            return int(slots), n_cells
        if slots:
            raise SpikedtpError(
                f"{self.owner}: the time step cannot change between runs, from {before * 1e3:g} to {dt * 1e3:g} ms, "
                "where synapses have delays of their own: keep dt, or give one delay for all"
            )
        steps = self.in_steps(dt)
        exists = np.ones(steps.shape, bool) if mask is None else mask
        slots = int(steps.max(initial=0, where=exists)) + 1
        if slots > _MOST_STEPS:
            raise SpikedtpError(
                f"{self.owner}: the longest delay, {slots - 1} time steps of {dt * 1e3:g} ms, is above {_MOST_STEPS}: "
                "give delays in second or ms"
            )
        self._set(steps.T, exists.T, slots)
        self._ring.resize(slots * (n_cells + 1))
        self._ring.set_value(0)
        self._turn.set_value(0)
        self._layout.set_value(np.array([dt, slots], dtype=float))
        return slots, n_cells

    def _set(self, steps: np.ndarray, exists: np.ndarray, slots: int) -> None:
        for name, values in delay_lists(steps, exists, slots).items():
            variable = getattr(self, name)
            variable.resize(len(values))
            variable.set_value(values)

    def forget(self) -> None:
        """Remove all spikes that are on their way."""
        self._ring.set_value(0)


def delay_lists(steps: np.ndarray, exists: np.ndarray, slots: int) -> dict[str, np.ndarray]:
    """The lists by name: postsynaptic cells in the order of presynaptic cell, delay and their own number.

    Parameters
    ----------
    steps : (n_pre, n_post) int
    exists : (n_pre, n_post) bool
    slots : int
        Delays are below it.
    """
    pre, post = np.nonzero(exists)
    late = steps[pre, post]
    counts = np.bincount(pre * slots + late, minlength=len(steps) * slots)
    reached = post[np.lexsort((post, late, pre))] if len(post) else np.zeros(1)
    return {"_starts": np.concatenate([[0], np.cumsum(counts)]), "_reached": reached.astype(np.int32)}
