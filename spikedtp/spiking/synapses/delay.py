"""Spikes on their way along dense synapses: how many steps they take, and the ring buffer in which they wait.

The spikes in slot `_turn` of the ring arrive in this step. A slot is a list of cells, followed by their number.
"""

from __future__ import annotations

import logging

import numpy as np
from brian2 import get_device, ms, prefs
from brian2.core.variables import Variables
from brian2.devices.cpp_standalone.device import CPPStandaloneDevice
from brian2.units.fundamentalunits import Quantity

from spikedtp.errors import SpikedtpError, shown
from spikedtp.parameters import check_quantity

__all__ = ["Delay", "warn_of_delays"]

logger = logging.getLogger(__name__)


def warn_of_delays(owner: str, delay: np.ndarray | float, steps: np.ndarray | int, dt: float, end: float) -> None:
    """Say that delays (in seconds) are rounded to other ones, or that no spike arrives before the run ends (`end`)."""
    acting = np.asarray(steps) * dt
    off = float(np.abs(acting - delay).max(initial=0.0))
    if off > 1e-3 * dt:
        logger.warning(
            "%s: delays that are no multiples of dt = %g ms are rounded, by up to %g ms: give multiples, or a smaller "
            "dt",
            owner, dt * 1e3, off * 1e3,
        )  # fmt: skip
    longest = float(acting.max(initial=0.0))
    if longest >= end > 0:
        logger.warning(
            "%s: spikes with a delay of %g ms do not arrive before the run ends, at %g ms: run longer, or give delays "
            "in second or ms",
            owner, longest * 1e3, end * 1e3,
        )  # fmt: skip


class Delay:
    """The same delay for all synapses: a time, which is rounded to steps as in Brian2, or a number of steps.

    Parameters
    ----------
    owner : str
    delay : Quantity (second) or None
    delay_steps : int

    Raises
    ------
    SpikedtpError
    """

    def __init__(self, owner: str, delay: Quantity | None, delay_steps: float | np.ndarray):
        self.owner = owner
        self.time: float | None = None
        self.steps = self._whole(delay_steps)
        if delay is None:
            return
        if self.steps:
            raise SpikedtpError(f"{owner}: give delay or delay_steps, not both")
        check_quantity(owner, "delay", delay, 1 * ms, least=0 * ms)
        self.time = float(np.asarray(float(delay), prefs.core.default_float_dtype))  # as stock synapses store it

    def _whole(self, steps: float | np.ndarray) -> int:
        where = f"{self.owner}: delay_steps must be a whole number of time steps"
        if isinstance(steps, Quantity) and not steps.is_dimensionless:
            raise SpikedtpError(f"{where}, got {shown(steps)}: give a time as delay=")
        real = isinstance(steps, (int, float, np.integer, np.floating)) and not isinstance(steps, bool)
        if not (real and 0 <= steps < 2**31 and steps == int(steps)):
            raise SpikedtpError(f"{where}, 0 or more, got {shown(steps)}")
        return int(steps)

    def __bool__(self) -> bool:
        return bool(self.steps) or self.time is not None

    def in_steps(self, dt: float) -> int:
        return self.steps if self.time is None else int(self.time / dt + 0.5)

    def in_seconds(self, dt: float) -> float:
        return self.steps * dt if self.time is None else self.time

    def add_ring(self, variables: Variables) -> list[str]:
        """Add the variables of the ring and return their names in code. The ring gets its size before the first run."""
        variables.add_dynamic_array("_ring", size=0, dtype=np.int32, index="_ring_idx")
        variables.add_auxiliary_variable("_ring_idx", dtype=np.int32)
        variables.add_array("_turn", size=1, dtype=np.int32, scalar=True, index="0")
        # time step, slots and cells in a slot of the ring as it is; no code reads them, so that they are known here
        variables.add_array("_ring_layout", size=3, dtype=np.float64, index="_ring_idx")
        self._ring, self._turn, self._layout = (variables[name] for name in ("_ring", "_turn", "_ring_layout"))
        return ["_ring", "_turn"]

    def prepare(self, dt: float, n_cells: int, mask: np.ndarray | None = None) -> tuple[int, int]:
        """Give the ring its size for the run that begins: the number of slots, and of cells in a slot."""
        before, slots, room = (int(n) if k else n for k, n in enumerate(self._layout.get_value()))
        wanted = self.in_steps(dt) + 1
        if (before, slots) == (dt, wanted) or (slots and self.time is None):
            return slots, room
        if slots and self.time is not None and isinstance(get_device(), CPPStandaloneDevice):
            raise SpikedtpError(
                f"{self.owner}: the time step cannot change between runs on cpp_standalone while spikes of delay "
                f"{self.time * 1e3:g} ms may be on their way: keep dt, or use the runtime device"
            )
        waiting = self._waiting(slots, room, before / dt) if slots else {}
        room = n_cells + max(map(len, waiting.values()), default=0)
        self._ring.resize(wanted * (room + 1))
        self._ring.set_value(0)
        if waiting:
            ring = self._ring.get_value().reshape(wanted, room + 1)
            for slot, cells in waiting.items():
                ring[slot, : len(cells)], ring[slot, -1] = cells, len(cells)
        self._turn.set_value(0)
        self._layout.set_value(np.array([dt, wanted, room], dtype=float))
        return wanted, room

    def _waiting(self, slots: int, room: int, ratio: float) -> dict[int, list[int]]:
        """Number of steps from now, of the new length -> the cells whose spikes then arrive."""
        ring = self._ring.get_value().reshape(slots, room + 1)
        turn = int(self._turn.get_value()[0])
        arrivals: dict[int, list[int]] = {}
        for k in range(slots):
            row = ring[(turn + k) % slots]
            if row[-1]:
                arrivals.setdefault(int(k * ratio + 0.5), []).extend(row[: row[-1]])
        return arrivals

    def forget(self) -> None:
        """Remove all spikes that are on their way."""
        self._ring.set_value(0)
