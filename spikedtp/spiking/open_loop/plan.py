"""Open loop, as in Figure 3: one population in spikes, its inputs replayed. Plain data here, Brian2 in `build`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, cast

import numpy as np
from brian2.units.fundamentalunits import Quantity

from spikedtp.neurons import CellModel, PoissonInput, SpikeTrainInput
from spikedtp.spiking.open_loop.readout import Kernels
from spikedtp.spiking.open_loop.timeline import Timeline

__all__ = ["Driven", "OpenLoop", "Source"]


@dataclass(frozen=True)
class Source:
    """The presynaptic cells of one projection.

    Attributes
    ----------
    projection, population : str
    compartment : {"soma", "dend"}
    lag : int
        By how many rate steps its activity comes late: its delay, and one step along R.
    weight : (n_post, n_pre)
    on_off : bool
        A firing rate is never negative. An on and an off cell stand for each presynaptic cell, all on cells first: they
        fire at the positive and the negative part of its activity, and the weights of the off cells have the opposite
        sign.
    """

    projection: str
    population: str
    compartment: str
    lag: int
    weight: np.ndarray
    on_off: bool = False

    @property
    def size(self) -> int:
        """How many cells replay the activities."""
        return self.weight.shape[1] * (1 + self.on_off)

    @property
    def groups(self) -> dict[str, slice]:
        """Where the cells of each kind lie among those of this source; off cells are named ``POPULATION_off``."""
        n = self.weight.shape[1]
        on = {self.population: slice(0, n)}
        return on | {f"{self.population}_off": slice(n, 2 * n)} if self.on_off else on

    @property
    def cell_weights(self) -> np.ndarray:
        """Weights of the cells that replay, `(n_post, size)`."""
        return np.hstack([self.weight, -self.weight]) if self.on_off else self.weight

    def split(self, activity: np.ndarray) -> np.ndarray:
        """Activities of the population as its cells replay them: `(..., n_pre) -> (..., size)`."""
        if not self.on_off:
            return activity
        return np.concatenate([activity.clip(0, None), (-activity).clip(0, None)], axis=-1)

    def joined(self, values: np.ndarray) -> np.ndarray:
        """The opposite, for anything linear in spikes: `(..., size) -> (..., n_pre)`."""
        n = self.weight.shape[1]
        return values[..., :n] - values[..., n:] if self.on_off else values


class Driven(Protocol):
    """A cell in which a spike of weight 1 is a pulse of this height and width."""

    @property
    def weight_scale(self) -> float: ...

    @property
    def spike_width(self) -> Quantity: ...


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
    bias : (n_cells,) or None
        What the population's bias adds in each time step to what arrives at the somas, in the units of weights.
    record : tuple of str
        What to keep at every time step: any of ``spikes, v_soma, v_dend, eligibility``.
    plain : bool
        Brian2's own objects alone: slower, the reference for those of this package.
    """

    population: str
    cell: CellModel
    inputs: PoissonInput | SpikeTrainInput
    sources: tuple[Source, ...]
    timeline: Timeline
    kernels: Kernels
    bias: np.ndarray | None = None
    record: tuple[str, ...] = ()
    plain: bool = False

    @property
    def driven(self) -> Driven:
        """The cell, as the read-out of a drive knows it."""
        return cast(Driven, self.cell)

    @property
    def replaying(self) -> PoissonInput:
        """The inputs, where they replay activities."""
        assert isinstance(self.inputs, PoissonInput)
        return self.inputs

    @property
    def duration(self) -> Quantity:
        return self.timeline.duration

    @property
    def times(self) -> np.ndarray:
        """Of every time step, in second."""
        return self.timeline.times

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
            cells, lag = self.slices()[source.projection], self.timeline.lag_steps * source.lag
            if found and found[-1][2] == lag:
                found[-1] = (found[-1][0], cells.stop, lag)
            else:
                found.append((cells.start, cells.stop, lag))
        return found

    def weights(self, compartment: str) -> np.ndarray:
        """Weights onto one compartment, `(n_post, sum of sizes)`."""
        blocks = [s.cell_weights for s in self.sources if s.compartment == compartment]
        return np.hstack(blocks) if blocks else np.zeros((self.n_cells, 0))
