"""What a closed loop gives back: activities, what the rules saw, weight changes, and records of every population."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import ClassVar

import numpy as np

from spikedtp.circuit import Projection, sees_nudge
from spikedtp.errors import SpikedtpError
from spikedtp.plasticity import Signals
from spikedtp.spiking.closed_loop import ClosedLoop
from spikedtp.spiking.response import PlasticProjection, WeightUpdates
from spikedtp.spiking.run_data import RunResults

__all__ = ["ClosedResponse"]


@dataclass
class ClosedResponse:
    """Result of a closed loop. Arrays are `(n_repeats, ...)`, with a leading sample axis if x was a batch.

    Attributes
    ----------
    activity : dict
        population -> (..., n): mean somatic voltage at the end of the settle phase, where positive: the rate network's
        activity. The input's is its spike count in the same units.
    counted : dict
        population -> (..., n): the same from spike counts, as synapses see it.
    weight_updates : WeightUpdates
        The rules' own ΔW of the `learned` projections, without bounds or constraints, float32. Needs a target.
    signals : dict
        projection -> `Signals`, arrays (samples, n_repeats, n).
    spikes : dict
        population -> bool (..., n_steps, n); where several units fire for a cell, theirs, one cell's after the other's.
    v_soma, v_dend : dict
        population -> (..., n_steps, n); not of the input.
    eligibility : dict
        presynaptic population of a learned projection -> (..., n_steps, n): what its synapses have counted so far in
        the read part of the settle phase, as an activity; it ends as `counted`. Needs recorded spikes.
    times : (n_steps,)
        Second.
    timings : dict
        Seconds per stage.
    highest_input : float
        The largest entry of x.
    learned : tuple of str
        The projections that it shows weight changes of.
    population : str or None
        Whose inputs they are; None: of the whole circuit.
    """

    readout: ClassVar[str] = "windows"

    spec: ClosedLoop
    weights: dict[str, np.ndarray] = field(repr=False)
    rule_state: dict = field(repr=False)
    batched: bool
    n_samples: int
    n_repeats: int
    results: RunResults = field(repr=False)
    highest_input: float
    learned: tuple[str, ...]
    population: str | None = None

    @property
    def activity(self) -> dict[str, np.ndarray]:
        source = self.spec.circuit.input.name
        return (
            self.counted
            | {p.name: self._vector("post_settled", p.name) for p in self.spec.populations}
            | {source: self._vector("pre_settled", source)}
        )

    @property
    def counted(self) -> dict[str, np.ndarray]:
        return {p.name: self._vector("pre_settled", p.name) for p in self.spec.circuit.populations}

    @cached_property
    def projections(self) -> dict[str, PlasticProjection]:
        """The learned projections as their synapses saw them."""
        if not self.spec.nudged:
            raise SpikedtpError("without a target nothing is learned: give respond() one")
        found = {}
        for name in self.learned:
            p, state = self.spec.circuit.projection(name), self.rule_state[name]
            found[name] = PlasticProjection(p.rule, self.weights[name], state, self._signals(p))
        return found

    @property
    def signals(self) -> dict[str, Signals]:
        return {name: projection.signals for name, projection in self.projections.items()}

    @property
    def weight_updates(self) -> WeightUpdates:
        return WeightUpdates(self.projections, self.batched)

    @property
    def spikes(self) -> dict[str, np.ndarray]:
        self._recorded("spikes")
        return {p.name: self._raster(p.name) for p in self.spec.circuit.populations}

    @property
    def v_soma(self) -> dict[str, np.ndarray]:
        return self._traces("v_soma")

    @property
    def v_dend(self) -> dict[str, np.ndarray]:
        return self._traces("v_dend")

    @property
    def eligibility(self) -> dict[str, np.ndarray]:
        self._recorded("spikes")
        first, stop = self.spec.phases.settled
        counts = {}
        for population in dict.fromkeys(self.spec.circuit.projection(name).pre for name in self.learned):
            inside = self._raster(population)
            inside[..., :first, :] = inside[..., stop:, :] = False
            spikers = self.spec.spikers.get(population, 1)
            inside = inside.reshape(*inside.shape[:-1], -1, spikers).sum(axis=-1, dtype=np.float32)
            one = float(self.spec.unit_rates[population] * self.spec.phases.dt) * (stop - first) * spikers
            counts[population] = np.cumsum(inside, axis=-2) / np.float32(one)
        return counts

    @property
    def clipped(self) -> dict[str, tuple[float, float]]:
        """Populations whose activity asks for more than the highest rate -> (highest activity, limit)."""
        activity, source = self.activity, self.spec.circuit.input.name
        highest = {p.name: float(activity[p.name].max()) for p in self.spec.populations}
        return self.spec.clipped({source: self.highest_input} | highest)

    @property
    def times(self) -> np.ndarray:
        return np.arange(self.spec.n_steps) * float(self.spec.phases.dt)

    @property
    def timings(self) -> dict[str, float]:
        return self.results.timings

    # -- helpers ---------------------------------------------------------------------------------------------------

    def _signals(self, projection: Projection) -> Signals:
        pre, post = projection.pre, projection.post

        def read(name: str, population: str) -> np.ndarray:
            values = self._values(name, population)
            return values.reshape(self.n_samples, self.n_repeats, -1)

        names = {name: pre for name in ("pre_settled", "pre_settled_previous", "pre_nudged")}
        names |= {name: post for name in ("post_settled", "dendrite_settled", "post_nudged", "plateau")}
        found = {name: read(name, population) for name, population in names.items()}
        if not sees_nudge(self.spec.circuit, projection):
            found["pre_nudged"] = found["pre_settled"]
        return Signals(**found)

    def _values(self, name: str, population: str) -> np.ndarray:
        """(presentations, n) of one population."""
        if population == self.spec.circuit.input.name:
            return self.results.vectors[f"inputs.{name}"]
        return self.results.vectors[f"cells.{name}"][:, self.spec.slices()[population]]

    def _vector(self, name: str, population: str) -> np.ndarray:
        return self._shaped(self._values(name, population))

    def _shaped(self, values: np.ndarray) -> np.ndarray:
        values = values.reshape(self.n_samples, self.n_repeats, *values.shape[1:])
        return values if self.batched else values[0]

    def _recorded(self, what: str) -> None:
        if what not in self.spec.record:
            kept = ", ".join(self.spec.record) or "nothing"
            raise SpikedtpError(f"{what!r} was not recorded (recorded: {kept}): name it in record=(...)")

    def _traces(self, what: str) -> dict[str, np.ndarray]:
        self._recorded(what)
        places = self.spec.slices()
        return {p.name: self._shaped(self.results.traces[what][..., places[p.name]]) for p in self.spec.populations}

    def _raster(self, population: str) -> np.ndarray:
        spec = self.spec
        if population == spec.circuit.input.name:
            group, place = "inputs", slice(0, spec.circuit.input.size)
        elif population in spec.spikers:
            group, place = "spikers", spec.spiker_slices()[population]
        else:
            group, place = "cells", spec.slices()[population]
        events, counts = self.results.spikes[group]
        presentation = np.repeat(np.arange(len(counts)), counts)
        mine = (events[:, 1] >= place.start) & (events[:, 1] < place.stop)
        raster = np.zeros((len(counts), spec.n_steps, place.stop - place.start), dtype=bool)
        raster[presentation[mine], events[mine, 0], events[mine, 1] - place.start] = True
        return self._shaped(raster)
