"""What a closed loop gives back: activities, what the rules saw, weight changes, and records of every population."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar, Literal

import numpy as np

from spikedtp.circuit import Projection, sees_nudge
from spikedtp.errors import SpikedtpError
from spikedtp.plasticity import BiasRule, Signals
from spikedtp.spiking.closed_loop.plan import ClosedLoop
from spikedtp.spiking.responses.response import Response
from spikedtp.spiking.responses.weight_updates import PlasticProjection
from spikedtp.summaries import shapes

__all__ = ["ClosedResponse"]


@dataclass(kw_only=True, repr=False)
class ClosedResponse(Response):
    """Result of a closed loop. `Response` describes everything that is not described here.

    Attributes
    ----------
    activity : dict
        population -> (..., n). The mean somatic voltage at the end of the settle phase, or 0 where it is negative and
        there are no off cells; for cells without `somatic_activity`, what their spikes say. It corresponds to the
        activity of the rate network. For the input it is the spike count in the same units.
    counted : dict
        population -> (..., n). The same activity from spike counts, which is what synapses see.
    weight_updates, signals
        Those of the projections in `learned`. They exist only if a target was given.
    spikes : dict
        population -> bool (..., n_steps, n). Where several units fire for a cell there is a column for each unit: first
        all units of the first cell, then those of the second, and so on. In a population with on and off cells the off
        cells follow all on cells.
    v_soma, v_dend : dict
        Those of every population except the input.
    eligibility : dict
        presynaptic population of a learned projection -> (..., n_steps, n). The spikes that its synapses have counted
        so far in the read part of the settle phase, expressed as an activity. With traces a spike counts for what is
        left of it when synapses read it. The last value is `counted`, but for what earlier presentations have left
        where cells are not reset. Spikes must have been recorded.
    highest_input : float
        The largest size of an entry of x.
    learned : tuple of str
        The projections whose weight changes the response shows.
    population : str or None
        The population onto which these projections go, or None for the whole circuit.

    Examples
    --------
    >>> import numpy as np
    >>> from brian2 import ms
    >>> from spikedtp import load_rate_network, simulate
    >>> from spikedtp.models import weights_file
    >>> from spikedtp.spiking import Phases
    >>> network = load_rate_network("digits_dtp", weights_file("digits_dtp"))
    >>> x, target = np.full(64, 0.2), np.eye(10)[3]
    >>> short = Phases(settle=40 * ms, read=20 * ms, nudge=20 * ms, wait=5 * ms)  # too short to be of use
    >>> options = dict(loop="closed", phases=short, device="runtime", record=("spikes",))
    >>> response = simulate(network, x, target, population="H2E", **options)
    >>> response.activity["OutputE"].shape, response.spikes["H1E"].shape
    ((1, 10), (1, 60, 200))
    >>> ends_as_counted = response.eligibility["H1E"][:, -1] - response.counted["H1E"]
    >>> bool(np.abs(ends_as_counted).max() < 1e-6)
    True
    """

    loop: ClassVar[Literal["closed"]] = "closed"
    readout: ClassVar[str] = "windows"

    population: str | None = None
    spec: ClosedLoop
    weights: dict[str, np.ndarray]
    rule_state: dict
    masks: dict[str, np.ndarray]
    highest_input: float
    learned: tuple[str, ...]

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
            raise SpikedtpError("without a target nothing is learned: call respond(x, target)")
        found = {}
        for name in self.learned:
            p, state = self.spec.circuit.projection(name), self.rule_state[name]
            exists = self.masks.get(name)
            found[name] = PlasticProjection(
                p.learned_by, self.weights[name], state, signals=self._signals(p), exists=exists
            )
        return found

    @property
    def spikes(self) -> dict[str, np.ndarray]:
        self._check_recorded("spikes")
        return {p.name: self._spikes_of(p.name) for p in self.spec.circuit.populations}

    @property
    def v_soma(self) -> dict[str, np.ndarray]:
        return self._traces("v_soma")

    @property
    def v_dend(self) -> dict[str, np.ndarray]:
        return self._traces("v_dend")

    @property
    def eligibility(self) -> dict[str, np.ndarray]:
        self._check_recorded("spikes")
        reading, counts = self.spec.reading, {}
        for population in dict.fromkeys(self.spec.circuit.projection(name).pre for name in self.learned):
            inside = self._spikes_of(population)
            spikers = self.spec.spikers.get(population, 1)
            inside = inside.reshape(*inside.shape[:-1], -1, spikers).sum(axis=-1, dtype=np.float32)
            if population in self.spec.signed | ({self.spec.circuit.input.name} if self.spec.signed_input else set()):
                on, off = np.split(inside, 2, axis=-1)
                inside = on - off
            read = self.spec.read_after(population)
            inside[..., :read, :] *= reading.weights(read)[:, None].astype(np.float32)
            inside[..., read:, :] = 0
            one = float(self.spec.unit_rates[population] * self.spec.phases.dt) * reading.total(read) * spikers
            counts[population] = np.cumsum(inside, axis=-2) / np.float32(one)
        return counts

    @property
    def clipped(self) -> dict[str, tuple[float, float]]:
        """Populations whose activity asks for more than the highest rate -> (highest activity, limit)."""
        activity, source = self.activity, self.spec.circuit.input.name
        highest = {p.name: float(np.abs(activity[p.name]).max()) for p in self.spec.populations}
        return self.spec.clipped({source: self.highest_input} | highest)

    def _instructed_biases(self) -> dict[str, tuple[BiasRule, np.ndarray]]:
        if not self.spec.nudged:
            raise SpikedtpError("without a target nothing is learned: call respond(x, target)")
        return {
            p.name: (p.bias_rule, self._values("plateau", p.name).reshape(self.n_samples, self.n_repeats, -1))
            for p in self.spec.populations
            if p.bias_rule is not None and self.population in (None, p.name)
        }

    def _recorded(self) -> dict[str, dict[str, int]]:
        spec = self.spec
        cells = {p.name: p.size for p in spec.populations}
        places = spec.spiker_slices()
        units = {
            p.name: places[p.name].stop - places[p.name].start if p.name in places else p.size
            for p in spec.circuit.populations
        }
        units[spec.circuit.input.name] *= len(spec.input_halves())
        known = {"spikes": units, "v_soma": cells, "v_dend": cells}
        return {what: known[what] for what in known if what in spec.record}

    def _parts(self) -> dict[str, str]:
        leading = (*((self.n_samples,) if self.batched else ()), self.n_repeats)
        sizes = {p.name: (*leading, p.size) for p in self.spec.circuit.populations}
        return {"readout": self.readout, **super()._parts(), "activity": shapes(sizes)}

    def _shapes_of_updates(self) -> str:
        return super()._shapes_of_updates() if self.spec.nudged else "none, for there was no target"

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
            return self.results.vectors[f"inputs.{name}"][:, : self.spec.n_inputs]
        return self.results.vectors[f"cells.{name}"][:, self.spec.slices()[population]]

    def _vector(self, name: str, population: str) -> np.ndarray:
        return self._shaped(self._values(name, population))

    def _traces(self, what: str) -> dict[str, np.ndarray]:
        trace, places = self._trace(what), self.spec.slices()
        return {p.name: trace[..., places[p.name]] for p in self.spec.populations}

    def _spikes_of(self, population: str) -> np.ndarray:
        spec = self.spec
        if population == spec.circuit.input.name:
            return self._raster("inputs", slice(0, spec.n_inputs * len(spec.input_halves())))
        if population in spec.spiker_slices():
            return self._raster("spikers", spec.spiker_slices()[population])
        return self._raster("cells", spec.slices()[population])
