"""Cells that fire when they are told to: a table of bits, read 64 cells at a time, and given or drawn."""

from __future__ import annotations

import numpy as np
from brian2 import Clock, NeuronGroup
from brian2.groups.group import CodeRunner

from spikedtp.brian2_internals import GENERATOR
from spikedtp.spiking.parts.code_objects import code_object_class
from spikedtp.spiking.parts.streams import Stream, stream_table

__all__ = ["draw_spikes", "given_spikes", "packed", "streamed_spikes"]


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
    for name, dtype, shared in (("_active", bool, True), ("_chance", np.float64, False)):
        cells.variables.add_auxiliary_variable(name, dtype=dtype, scalar=shared)
    drawer = CodeRunner(
        cells,
        "draw_spikes",
        code=f"_active = {at}\n_chance = {chance}",
        clock=cells.clock,
        when="start",
        order=-1,
        name=f"{cells.name}_draws",
        needed_variables=["spike_table"],
        template_kwds={"words": _words(cells.N), "n_steps": n_steps, "generator": GENERATOR},
        codeobj_class=code_object_class(),
    )
    cells.contained_objects.append(drawer)


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
