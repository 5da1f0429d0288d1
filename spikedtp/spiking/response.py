"""What a spiking simulation gives back: signals, weight changes, spikes, voltages and traces."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np

from spikedtp.arithmetic import underflow_is_zero
from spikedtp.errors import SpikedtpError, known_names
from spikedtp.plasticity import DendriticState, Factors, LearningRule, Signals
from spikedtp.spiking.open_loop import OpenLoop
from spikedtp.spiking.run_data import RunResults
from spikedtp.spiking.signals import SignalReader

__all__ = ["SpikingResponse", "WeightUpdates"]


@dataclass(frozen=True)
class PlasticProjection:
    """A learned projection as the spiking network saw it.

    Attributes
    ----------
    rule : LearningRule
    weight : (n_post, n_pre)
    state : dict
        What the rule remembers of earlier presentations, as the rate network has it.
    signals : Signals
        Over (sample, repeat).
    reader : SignalReader or None
        How the signals were read; None in a closed loop.
    """

    rule: LearningRule
    weight: np.ndarray
    state: dict[str, np.ndarray]
    signals: Signals
    reader: SignalReader | None = None

    def change(self, signals: Signals) -> Factors:
        """ΔW that the rule makes of such signals, without bounds or constraints."""
        linear = self.reader is not None and not self.reader.clipped
        if linear and isinstance(self.rule, DendriticState):
            # Figure 3's form: neither the dendritic voltage nor the trace is clipped
            return Factors(((self.rule.learning_rate * signals.plateau, signals.pre_nudged),))
        return self.rule.factors(signals, self.state)

    @underflow_is_zero
    def update(self, *index) -> np.ndarray:
        """ΔW of the presentations that `index` selects."""
        chosen = Factors(*(tuple((post[index], pre[index]) for post, pre in part) for part in self.factors()))
        return np.asarray(chosen.dense(self.weight), dtype=np.float32)

    @underflow_is_zero
    def factors(self) -> Factors:
        """ΔW of all presentations in factored form, `(samples, repeats, n)`."""
        factors = self.change(self.signals)
        leading = self.signals.plateau.shape[:2]
        return Factors(
            *(
                tuple(tuple(np.broadcast_to(v, (*leading, np.shape(v)[-1])) for v in pair) for pair in part)
                for part in factors
            )
        )


class WeightUpdates(Mapping):
    """ΔW by projection name, made from their factors when asked for, so that many samples take little memory.

    ``updates['H2E_H1E']`` is `(n_repeats, n_post, n_pre)`, with a leading sample axis for a batch;
    ``updates.of('H2E_H1E', sample, repeat)`` is one of them, `(n_post, n_pre)`.
    """

    def __init__(self, projections: dict[str, PlasticProjection], batched: bool):
        self._projections = projections
        self._batched = batched

    def __getitem__(self, name: str) -> np.ndarray:
        return self._find(name).update(*(() if self._batched else (0,)))

    def __contains__(self, name: object) -> bool:
        return name in self._projections

    def get(self, name: str, default=None):
        return self[name] if name in self else default

    def of(self, name: str, sample: int = 0, repeat: int = 0) -> np.ndarray:
        """ΔW of one presentation, `(n_post, n_pre)`."""
        return self._find(name).update(sample, repeat)

    def _find(self, name: str) -> PlasticProjection:
        if name not in self._projections:
            raise known_names("projection of this simulation", name, self._projections)
        return self._projections[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._projections)

    def __len__(self) -> int:
        return len(self._projections)


@dataclass
class SpikingResponse:
    """Result of `simulate`. Arrays are `(n_repeats, ...)`, with a leading sample axis if x was a batch.

    Attributes
    ----------
    population : str
        The target population.
    readout : str
    weight_updates : WeightUpdates
        The rule's own ΔW, without bounds or constraints, float32.
    signals : dict
        projection -> `Signals`, arrays (samples, n_repeats, n).
    spikes : dict
        population -> bool (..., n_steps, n): the target's output spikes and those of every presynaptic population. Off
        cells, where there are any, are under ``POPULATION_off``.
    v_soma, v_dend : dict
        population -> (..., n_steps, n): without units in the linear cell, else in volt.
    eligibility : dict
        presynaptic population -> (..., n_steps, n); the trace of the on cell less that of the off cell.
    times : (n_steps,)
        Time of every step in second.
    timings : dict
        Seconds per stage.
    replayed : (samples, n_points, n_inputs) or None
        The activities that the inputs replayed; None if spikes were given.
    """

    population: str
    readout: str
    spec: OpenLoop
    projections: dict[str, PlasticProjection]
    batched: bool
    n_samples: int
    n_repeats: int
    results: RunResults = field(repr=False)
    replayed: np.ndarray | None = field(repr=False, default=None)

    @property
    def weight_updates(self) -> WeightUpdates:
        return WeightUpdates(self.projections, self.batched)

    @property
    def signals(self) -> dict[str, Signals]:
        return {name: projection.signals for name, projection in self.projections.items()}

    @property
    def clipped(self) -> dict[str, tuple[float, float]]:
        """Presynaptic populations whose activity asks for more than the highest rate -> (highest activity, limit)."""
        highest = self.highest
        limit = float(self.spec.inputs.max_rate / self.spec.inputs.unit_rate) if highest else 0.0
        return {name: (activity, limit) for name, activity in highest.items() if activity > limit}

    @property
    def highest(self) -> dict[str, float]:
        """Presynaptic population -> the highest activity that its cells replay; empty if spikes were given."""
        if self.replayed is None:
            return {}
        slices = self.spec.slices()
        return {s.population: float(self.replayed[..., slices[s.projection]].max()) for s in self.spec.sources}

    @property
    def times(self) -> np.ndarray:
        return self.spec.timeline.times

    @property
    def timings(self) -> dict[str, float]:
        return self.results.timings

    @property
    def spikes(self) -> dict[str, np.ndarray]:
        self._recorded("spikes")
        cells = {self.population: self._raster("cells", slice(0, self.spec.n_cells), self.spec.n_cells)}
        slices = self.spec.slices()
        for source in self.spec.sources:
            inputs = self._raster("inputs", slices[source.projection], self.spec.n_inputs)
            cells |= {name: inputs[..., place] for name, place in source.groups.items()}
        return cells

    @property
    def v_soma(self) -> dict[str, np.ndarray]:
        return {self.population: self._trace("v_soma")}

    @property
    def v_dend(self) -> dict[str, np.ndarray]:
        return {self.population: self._trace("v_dend")}

    @property
    def eligibility(self) -> dict[str, np.ndarray]:
        slices, trace = self.spec.slices(), self._trace("eligibility")
        return {s.population: s.joined(trace[..., slices[s.projection]]) for s in self.spec.sources}

    def _recorded(self, what: str) -> None:
        if what not in self.spec.record:
            kept = ", ".join(self.spec.record) or "nothing"
            raise SpikedtpError(f"{what!r} was not recorded (recorded: {kept}): add it to simulate(record=...)")

    def _shaped(self, values: np.ndarray) -> np.ndarray:
        values = values.reshape(self.n_samples, self.n_repeats, *values.shape[1:])
        return values if self.batched else values[0]

    def _trace(self, what: str) -> np.ndarray:
        self._recorded(what)
        return self._shaped(self.results.traces[what])

    def _raster(self, group: str, cells: slice, n: int) -> np.ndarray:
        events, counts = self.results.spikes[group]
        raster = np.zeros((len(counts), self.spec.timeline.n_steps, n), dtype=bool)
        raster[np.repeat(np.arange(len(counts)), counts), events[:, 0], events[:, 1]] = True
        return self._shaped(raster[..., cells])
