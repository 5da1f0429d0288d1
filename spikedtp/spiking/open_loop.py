"""Open loop, as in Figure 3: one population in spikes, its inputs replayed. Plain data here, Brian2 in `network`."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from brian2.units.fundamentalunits import Quantity

from spikedtp.neurons import CellModel
from spikedtp.spiking.readout import Kernels
from spikedtp.spiking.timeline import Timeline

__all__ = ["RECORDABLE", "OpenLoop", "Source"]

RECORDABLE = ("spikes", "v_soma", "v_dend", "eligibility")


@dataclass(frozen=True)
class Source:
    """The presynaptic cells of one projection.

    Attributes
    ----------
    projection, population : str
    compartment : {"soma", "dend"}
    lagged : bool
        Recurrent: its activity comes one rate step late.
    weight : (n_post, n_pre)
    """

    projection: str
    population: str
    compartment: str
    lagged: bool
    weight: np.ndarray

    @property
    def size(self) -> int:
        return self.weight.shape[1]


@dataclass(frozen=True)
class OpenLoop:
    """A target population with all its inputs.

    Attributes
    ----------
    population : str
    cell, inputs : CellModel
    sources : tuple of Source
        Those onto the soma first.
    kernels : Kernels
        What is read out of the presentation.
    record : tuple of str
        Which of `RECORDABLE` to keep at every time step.
    plain : bool
        Brian2's own objects alone: slower, the reference for those of this package.
    """

    population: str
    cell: CellModel
    inputs: CellModel
    sources: tuple[Source, ...]
    timeline: Timeline
    kernels: Kernels
    record: tuple[str, ...] = ()
    plain: bool = False

    @property
    def duration(self) -> Quantity:
        return self.timeline.duration

    @property
    def n_cells(self) -> int:
        return self.sources[0].weight.shape[0]

    @property
    def n_inputs(self) -> int:
        return sum(source.size for source in self.sources)

    def slices(self) -> dict[str, slice]:
        """Where each projection's cells lie among the inputs."""
        ends = np.cumsum([source.size for source in self.sources]).tolist()
        return {s.projection: slice(end - s.size, end) for s, end in zip(self.sources, ends, strict=True)}

    def blocks(self) -> list[tuple[int, int, int]]:
        """Neighbouring input cells that replay with the same lag: (first, last + 1, lag in time steps)."""
        found: list[tuple[int, int, int]] = []
        for source in self.sources:
            cells, lag = self.slices()[source.projection], self.timeline.lag_steps * source.lagged
            if found and found[-1][2] == lag:
                found[-1] = (found[-1][0], cells.stop, lag)
            else:
                found.append((cells.start, cells.stop, lag))
        return found

    def weights(self, compartment: str) -> np.ndarray:
        """Weights onto one compartment, `(n_post, sum of n_pre)`."""
        blocks = [s.weight for s in self.sources if s.compartment == compartment]
        return np.hstack(blocks) if blocks else np.zeros((self.n_cells, 0))
