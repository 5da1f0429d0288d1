"""Cells that fire when they are told to: a table of bits, read 64 cells at a time."""

from __future__ import annotations

import numpy as np
from brian2 import Clock, NeuronGroup

from spikedtp.spiking.code_objects import code_object_class

__all__ = ["given_spikes", "packed"]


def packed(raster: np.ndarray) -> np.ndarray:
    """`(n_steps, n)` spikes as the table of `given_spikes`: `(n_steps, words)`, cell 0 the lowest bit."""
    fired = np.pad(np.asarray(raster) != 0, ((0, 0), (0, -raster.shape[1] % 64)))
    return np.packbits(fired, axis=1, bitorder="little").view("<u8").astype(np.uint64)


def given_spikes(n: int, n_steps: int, *, clock: Clock, name: str) -> NeuronGroup:
    """`n` cells whose spikes are in their array ``spike_table``, filled by `packed` for each presentation."""
    cells = NeuronGroup(n, "", threshold="False", reset="", clock=clock, name=name, namespace={})
    words = -(-n // 64)
    cells.variables.add_array("spike_table", size=n_steps * words, dtype=np.uint64)
    finder = cells.thresholder["spike"]
    finder.template, finder.codeobj_class = "given_spikes", code_object_class()
    finder.template_kwds |= {"n": n, "words": words, "n_steps": n_steps}
    finder.needed_variables += ["spike_table", "t_in_timesteps"]
    return cells
