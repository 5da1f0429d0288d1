"""The response of an open loop."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np

from spikedtp.plasticity import BiasRule, Plateau
from spikedtp.spiking.open_loop.plan import OpenLoop
from spikedtp.spiking.open_loop.signal_reader import SignalReader
from spikedtp.spiking.responses.response import Response
from spikedtp.spiking.responses.weight_updates import PlasticProjection

__all__ = ["SpikingResponse"]


@dataclass(kw_only=True, repr=False)
class SpikingResponse(Response):
    """Result of `simulate` in the open loop. `Response` describes everything that is not described here.

    Attributes
    ----------
    population : str
        The target population.
    readout : str
    spikes : dict
        population -> bool (..., n_steps, n). The output spikes of the target population and the spikes of every
        presynaptic population. Off cells, if there are any, are under ``POPULATION_off``.
    v_soma, v_dend : dict
        The voltages of the target population.
    eligibility : dict
        presynaptic population -> (..., n_steps, n). With on and off cells it is the trace of the on cell minus that of
        the off cell.
    replayed : (samples, n_points, n_inputs) or None
        The activities that the inputs replayed. It is None if spikes were given.
    bias_rule : BiasRule or None
        How the bias of the target population learns, if it learns from plateaus.
    readers : dict
        projection -> the reader of its signals.

    Examples
    --------
    >>> import numpy as np
    >>> from spikedtp import load_rate_network, simulate
    >>> from spikedtp.models import weights_file
    >>> network = load_rate_network("digits_dtp", weights_file("digits_dtp"))
    >>> x, target = np.full(64, 0.2), np.eye(10)[3]
    >>> response = simulate(network, x, target, population="H2E", device="runtime", record=("spikes", "v_dend"))
    >>> response.readout, response.v_dend["H2E"].shape
    ('best', (1, 420, 200))
    >>> sorted(response.spikes)  # the target population and its inputs
    ['H1E', 'H2DendI', 'H2E', 'H2SomaI', 'OutputE']
    """

    loop: ClassVar[Literal["open"]] = "open"

    population: str
    readout: str
    spec: OpenLoop
    readers: dict[str, SignalReader]
    plastic: dict[str, PlasticProjection]
    replayed: np.ndarray | None = None
    bias_rule: BiasRule | None = None

    @property
    def projections(self) -> dict[str, PlasticProjection]:
        return self.plastic

    @property
    def clipped(self) -> dict[str, tuple[float, float]]:
        highest = self.highest
        limit = float(self.spec.replaying.max_rate / self.spec.replaying.unit_rate) if highest else 0.0
        return {name: (activity, limit) for name, activity in highest.items() if activity > limit}

    @property
    def highest(self) -> dict[str, float]:
        """Presynaptic population -> the highest activity that its cells replay; empty if spikes were given."""
        if self.replayed is None:
            return {}
        slices = self.spec.slices()
        return {s.population: float(self.replayed[..., slices[s.projection]].max()) for s in self.spec.sources}

    @property
    def spikes(self) -> dict[str, np.ndarray]:
        self._check_recorded("spikes")
        cells = {self.population: self._raster("cells", slice(0, self.spec.n_cells))}
        slices = self.spec.slices()
        for source in self.spec.sources:
            inputs = self._raster("inputs", slices[source.projection])
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

    def _instructed_biases(self) -> dict[str, tuple[BiasRule, np.ndarray]]:
        if self.bias_rule is None:
            return {}
        plateau = next(iter(self.signals.values())).plateau  # the same along every projection
        return {self.population: (self.bias_rule, Plateau.clip(plateau))}  # Figure 3's read-out leaves it as it is

    def _parts(self) -> dict[str, str]:
        return {"readout": self.readout, **super()._parts()}

    def _recorded(self) -> dict[str, dict[str, int]]:
        cells = {self.population: self.spec.n_cells}
        inputs = {name: place.stop - place.start for s in self.spec.sources for name, place in s.groups.items()}
        traces = {s.population: s.weight.shape[1] for s in self.spec.sources}
        known = {"spikes": cells | inputs, "v_soma": cells, "v_dend": cells, "eligibility": traces}
        return {what: known[what] for what in known if what in self.spec.record}
