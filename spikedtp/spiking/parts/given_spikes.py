"""Cells that fire when they are told to: a table of bits, read 64 cells at a time, and given, drawn or regular."""

from __future__ import annotations

import numpy as np
from brian2 import Clock, NeuronGroup
from brian2.groups.group import CodeRunner

from spikedtp.brian2_internals import GENERATOR
from spikedtp.spiking.parts.code_objects import code_object_class
from spikedtp.spiking.parts.streams import Stream, stream_table

__all__ = ["draw_spikes", "given_spikes", "packed", "regular_spikes", "streamed_spikes"]


def packed(raster: np.ndarray) -> np.ndarray:
    """`(n_steps, n)` spikes as the table of `given_spikes`: `(n_steps, words)`, cell 0 the lowest bit."""
    fired = np.pad(np.asarray(raster) != 0, ((0, 0), (0, -raster.shape[1] % 64)))
    return np.ascontiguousarray(np.packbits(fired, axis=1, bitorder="little")).view("<u8").astype(np.uint64)


def given_spikes(n: int, n_steps: int, *, clock: Clock, name: str) -> NeuronGroup:
    """`n` cells whose spikes are in their array ``spike_table``, filled by `packed` for each presentation."""
    cells = _cells(n, clock, name)
    cells.variables.add_array("spike_table", size=n_steps * _words(n), dtype=np.uint64)
    _find_spikes(cells, n_steps, n_steps)
    return cells


def streamed_spikes(n: int, n_steps: int, *, clock: Clock, name: str) -> tuple[NeuronGroup, Stream]:
    """The same cells with a table that is filled as time goes on, the stream NAME.spikes."""
    cells = _cells(n, clock, name)
    stream = stream_table(cells, "spike_table", _words(n), n_steps, dtype=np.uint64, name=f"{name}.spikes", clock=clock)
    _find_spikes(cells, n_steps, stream.held)
    return cells, stream


def draw_spikes(cells: NeuronGroup, chance: str, *, at: str, n_steps: int) -> None:
    """Draw the table of `given_spikes` in steps where `at` is true: each step has a spike with probability `chance`.

    The number of steps from one spike to the next is drawn, and not each step, so the work is that of the spikes alone.
    Cells come one after the other, and numbers are the same on every device.
    """
    _fill(cells, "draw_spikes", at, n_steps, chance=chance, name=f"{cells.name}_draws", generator=GENERATOR)


def regular_spikes(cells: NeuronGroup, first: str, interval: str, *, at: str, n_steps: int) -> None:
    """Let cells fire regularly, and at no other time: from steps where `at` is true on, until the table ends.

    A spike comes when `first` time steps have passed, and then after every `interval` of them. Both are expressions
    without units that are infinite for silent cells; an interval is at least 1.
    """
    cells.variables.add_array("spike_table", size=n_steps * _words(cells.N), dtype=np.uint64)
    _find_spikes(cells, n_steps, n_steps)
    _fill(cells, "regular_spikes", at, n_steps, first=first, interval=interval, name=f"{cells.name}_times")


def _fill(
    cells: NeuronGroup, template: str, at: str, n_steps: int, *, name: str, generator: str = "", **numbers: str
) -> None:
    """Fill the table in steps where `at` is true, from numbers of each cell."""
    for variable, dtype, shared in (
        ("_active", bool, True),
        *((f"_{number}", np.float64, False) for number in numbers),
    ):
        cells.variables.add_auxiliary_variable(variable, dtype=dtype, scalar=shared)
    filler = CodeRunner(
        cells,
        template,
        code="\n".join([f"_active = {at}", *(f"_{number} = {code}" for number, code in numbers.items())]),
        clock=cells.clock,
        when="start",
        order=-1,
        name=name,
        needed_variables=["spike_table"],
        template_kwds={"words": _words(cells.N), "n_steps": n_steps, "generator": generator},
        codeobj_class=code_object_class(),
    )
    cells.contained_objects.append(filler)


def _words(n: int) -> int:
    return -(-n // 64)


def _cells(n: int, clock: Clock, name: str) -> NeuronGroup:
    return NeuronGroup(n, "", threshold="False", reset="", clock=clock, name=name, namespace={})


def _find_spikes(cells: NeuronGroup, n_steps: int, held: int) -> None:
    """Step k is in row ``k % held`` of the table."""
    finder = cells.thresholder["spike"]
    finder.template, finder.codeobj_class = "given_spikes", code_object_class()
    finder.template_kwds |= {"n": cells.N, "words": _words(cells.N), "n_steps": n_steps, "held": held}
    finder.needed_variables += ["spike_table", "t_in_timesteps"]
