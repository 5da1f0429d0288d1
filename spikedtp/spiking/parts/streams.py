"""Tables with a row for every time step, of which a network holds a window: memory does not grow with time.

The rows come from a file (compiled) or from whatever gives them (runtime), when time reaches them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from brian2 import Clock, NetworkOperation
from brian2.groups.group import CodeRunner, Group
from numpy.typing import DTypeLike

from spikedtp.spiking.parts.code_objects import CompiledCodeObject, code_object_class

__all__ = ["Rows", "Stream", "rows_held", "stream_table"]

#: Of a window: stays in the cache, and is read with one call.
WINDOW = 1 << 17  # bytes


@dataclass(frozen=True)
class Rows:
    """Rows that are made when they are asked for: ``rows[start:stop]`` is ``make(start, stop)``."""

    make: Callable[[int, int], np.ndarray]

    def __getitem__(self, part: slice) -> np.ndarray:
        return self.make(part.start, part.stop)


@dataclass
class Stream:
    """A window and what fills it.

    Attributes
    ----------
    variable : Variable
        The window, `held` rows of the table; step k is in its row ``k % held``.
    held : int
    rows : object
        On the runtime device the table of the present presentation, by ``rows[start:stop]``: an array or `Rows`.
    """

    variable: Any
    held: int
    rows: Any = None

    def load(self, step: int) -> None:
        if step % self.held == 0:
            values = np.ravel(self.rows[step : step + self.held])
            self.variable.get_value()[: len(values)] = values


def rows_held(row_bytes: int, n_steps: int) -> int:
    """How many rows a window has: a power of 2, so that finding a step's row costs nothing."""
    fit = max(1, min(WINDOW // row_bytes, n_steps))
    return 1 << (fit.bit_length() - 1)


def stream_table(
    group: Group, table: str, width: int, n_steps: int, *, dtype: DTypeLike = None, name: str, clock: Clock
) -> Stream:
    """Give the group an array `table`, a window of rows of `width` values that is filled as time goes on.

    Parameters
    ----------
    dtype : numpy dtype, optional
        Default that of all numbers in Brian2.
    name : str
        In `BuiltNetwork.streams`.
    """
    held = rows_held(width * np.dtype(dtype or np.float64).itemsize, n_steps)
    group.variables.add_array(table, size=held * width, dtype=dtype)
    stream = Stream(group.variables[table], held)
    schedule = {"clock": clock, "when": "start", "order": -2, "name": f"{group.name}_{table}_stream"}
    if code_object_class() is CompiledCodeObject:
        loader = CodeRunner(
            group,
            "stream_rows",
            needed_variables=[table, "t_in_timesteps"],
            template_kwds={"table": table, "stream": name, "held": held, "width": width},
            codeobj_class=CompiledCodeObject,
            **schedule,
        )
    else:
        step = clock.variables["timestep"]
        loader = NetworkOperation(lambda: stream.load(int(step.get_value()[0])), **schedule)
    group.contained_objects.append(loader)
    return stream
