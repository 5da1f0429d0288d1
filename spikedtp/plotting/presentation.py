"""One presentation from a rate and a spiking response, and the choice of the cells that a figure shows."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from spikedtp.errors import SpikedtpError, known_names
from spikedtp.neurons import PoissonInput
from spikedtp.spiking.open_loop.prepare import replayed_points

if TYPE_CHECKING:
    from spikedtp.rate import RateResponse
    from spikedtp.spiking import SpikingResponse
    from spikedtp.spiking.open_loop.timeline import Timeline

__all__ = ["Shown", "population_correlation", "rate_dendritic_states", "spiking_dendritic_states"]


@dataclass(frozen=True)
class Shown:
    """One presentation of one sample, in rate and in spikes side by side.

    Parameters
    ----------
    rate : RateResponse
        The response to the same samples, with targets. The inputs replay `present(..., nudge_populations="all")`.
    spiking : SpikingResponse
    sample, repeat : int
    """

    rate: RateResponse
    spiking: SpikingResponse
    sample: int = 0
    repeat: int = 0

    def __post_init__(self) -> None:
        n_samples = 1 if self.rate.n_samples is None else self.rate.n_samples
        if n_samples != self.spiking.n_samples:
            raise SpikedtpError(
                f"the rate response has {n_samples} sample(s), the spiking one {self.spiking.n_samples}: "
                "plot responses to the same samples"
            )
        for what, index, n in (
            ("sample", self.sample, n_samples),
            ("repeat", self.repeat, self.spiking.n_repeats),
        ):
            if not 0 <= index < n:
                raise SpikedtpError(f"no {what} {index} to plot: there are {n}, numbered from 0")
        if self.rate.target is None:
            raise SpikedtpError("the rate response has no nudge phase: call present(x, target)")

    @property
    def population(self) -> str:
        return self.spiking.population

    @property
    def timeline(self) -> Timeline:
        return self.spiking.spec.timeline

    @property
    def times(self) -> np.ndarray:
        """Time of every step in ms, `(n_steps,)`."""
        return self.spiking.times * 1e3

    @property
    def gain(self) -> float:
        """The value that an activity of 1 gives in a trace or a dendritic voltage after it has settled."""
        return gain(self.spiking)

    def sources(self, compartment: str) -> list[str]:
        """Presynaptic populations onto a compartment, excitatory ones first."""
        found = [s.population for s in self.spiking.spec.sources if s.compartment == compartment]
        return sorted(found, key=lambda name: not name.endswith("E"))

    def one(self, values: np.ndarray) -> np.ndarray:
        """This presentation's part of an array of the spiking response."""
        return values[self.sample, self.repeat] if self.spiking.batched else values[self.repeat]

    @cached_property
    def spikes(self) -> dict[str, np.ndarray]:
        """Population -> bool (n_steps, n)."""
        return {name: self.one(raster) for name, raster in self.spiking.spikes.items()}

    def eligibility(self, population: str) -> np.ndarray:
        return self.one(self.spiking.eligibility[self._presynaptic(population)])

    def voltage(self, compartment: str) -> tuple[np.ndarray, str]:
        """Voltages of the target population `(n_steps, n)`, and their unit: "" or "mV"."""
        values = self.one((self.spiking.v_dend if compartment == "dend" else self.spiking.v_soma)[self.population])
        return (values * 1e3, "mV") if has_volts(self.spiking) else (values, "")

    def activity(self, population: str) -> np.ndarray:
        """The replayed activity at every time step, (n_steps, n), without the lag of recurrent inputs."""
        one = slice(self.sample, self.sample + 1)
        steps = batched(self.rate.activity, self.rate)
        if population in steps.activity:
            steps = steps._replace(activity={population: steps.activity[population][one]})
        return self.timeline.interpolate(
            replayed_points(steps, population, self.timeline, np.atleast_2d(self.rate.x)[one])
        )[0]

    def presynaptic_rate(self, population: str) -> np.ndarray:
        """The activity that the spikes of the population carry, (n_steps, n), with lag and highest rate."""
        source = next(s for s in self.spiking.spec.sources if s.population == self._presynaptic(population))
        activity = self.activity(population)
        if source.lag:
            lag = self.timeline.lag_steps * source.lag
            activity = np.concatenate([np.zeros_like(activity[:lag]), activity[: len(activity) - lag]])
        model = self.spiking.spec.inputs
        highest = float(model.max_rate / model.unit_rate) if isinstance(model, PoissonInput) else np.inf
        return activity.clip(0, highest)

    def most_active(self, population: str, n: int) -> np.ndarray:
        """Up to n cells with the highest mean activity in the rate network, the highest first; silent cells never."""
        mean = self.activity(population).mean(axis=0)
        order = np.argsort(-mean, kind="stable")
        return order[mean[order] > 0][:n]

    def active(self, population: str, share: float = 0.05) -> np.ndarray:
        """The cells with at least this share of the highest mean activity in their population, the highest first."""
        mean = self.activity(population).mean(axis=0)
        order = np.argsort(-mean, kind="stable")
        return order[(mean[order] > 0) & (mean[order] >= share * mean.max(initial=0))]

    def opposed_units(self) -> tuple[int, int]:
        """A unit with a clearly positive and one with a clearly negative dendritic state, both with an active soma.

        Among the units that learn (settled activity above 0), and of these the more active half, those with the highest
        and the lowest dendritic state at the end of the nudge phase in the rate network.

        Raises
        ------
        SpikedtpError
            Fewer than two units are active.
        """
        settled = self.activity_settled()
        active = np.flatnonzero(settled > 0)
        if len(active) < 2:
            raise SpikedtpError(
                f"{self.population} has {len(active)} active unit(s) in sample {self.sample}: a unit with positive and "
                "one with negative dendritic state need two"
            )
        state = rate_dendritic_states(self.rate, self.spiking, self.sample)[-1]
        brisk = active[settled[active] >= np.median(settled[active])]
        candidates = brisk if len(brisk) > 1 else active
        # where the more active half has one sign only, any active unit of the other will do
        highest, lowest = candidates[np.argmax(state[candidates])], candidates[np.argmin(state[candidates])]
        if state[highest] <= 0:
            highest = active[np.argmax(state[active])]
        if state[lowest] >= 0:
            lowest = active[np.argmin(state[active])]
        return int(highest), int(lowest)

    def activity_settled(self) -> np.ndarray:
        """The target population's activity at the end of the settle phase, (n,)."""
        activity = batched(self.rate.activity, self.rate).activity[self.population]
        return activity[self.sample, self.rate.forward_steps - 1]

    def _presynaptic(self, population: str) -> str:
        names = [s.population for s in self.spiking.spec.sources]
        if population not in names:
            raise known_names(f"presynaptic population of {self.population}", population, names)
        return population


class _Steps(NamedTuple):
    """What `replayed_points` reads: values by population, (samples, steps, n)."""

    activity: dict[str, np.ndarray]
    forward_steps: int


def batched(values: dict[str, np.ndarray], rate: RateResponse) -> _Steps:
    """Arrays of a rate response with their sample axis, whether or not they had one."""
    single = rate.n_samples is None
    return _Steps({name: v[None] if single else v for name, v in values.items()}, rate.forward_steps)


def has_volts(spiking: SpikingResponse) -> bool:
    """Whether the cells' voltages are in volt; those of the linear cell are numbers."""
    return not spiking.spec.cell.declaration().equations["v_dend"].dim.is_dimensionless


def gain(spiking: SpikingResponse) -> float:
    """What an activity of 1 gives in a trace, or through a weight of 1 in a dendritic state, once it has settled."""
    model = spiking.spec.inputs
    # given spikes have no unit rate of their own: the output cell's, or the one that `simulate` takes by default
    known = (getattr(m, "unit_rate", None) for m in (model, spiking.spec.cell, PoissonInput()))
    unit_rate = next(rate for rate in known if rate is not None)
    return float(model.weight_scale * unit_rate * model.spike_width)


def spiking_dendritic_states(spiking: SpikingResponse, sample: int) -> np.ndarray:
    """The dendritic state that plasticity reads, at every time step, `(repeats, n_steps, n)`, without units.

    It is the cell model's own expression: the dendritic voltage in the linear cell, the dendrite's synaptic
    depolarisation in a cell with a threshold.
    """
    at = sample if spiking.batched else slice(None)
    names = {"v_dend": spiking.v_dend[spiking.population][at], "v_soma": spiking.v_soma[spiking.population][at]}
    # in SI, as the arrays
    constants: dict[str, Any] = {name: float(value) for name, value in spiking.spec.cell.quantities().items()}
    expression = spiking.spec.cell.declaration().equations["dendritic_state"].expr.code
    return eval(expression, {"__builtins__": {}}, constants | names)


def rate_dendritic_states(rate: RateResponse, spiking: SpikingResponse, sample: int) -> np.ndarray:
    """The rate network's dendritic state at every time step, `(n_steps, n)`; not clipped."""
    states = batched(rate.dendritic_state, rate)
    if spiking.population not in states.activity:
        raise SpikedtpError(f"{spiking.population} has no dendrite: nothing to plot")
    one = states._replace(activity={spiking.population: states.activity[spiking.population][sample : sample + 1]})
    points = replayed_points(one, spiking.population, spiking.spec.timeline, np.atleast_2d(rate.x))
    return spiking.spec.timeline.interpolate(points)[0]


def population_correlation(rate: RateResponse, spiking: SpikingResponse) -> np.ndarray:
    """Pearson r over the population between the two dendritic states, at every time step of every presentation.

    Returns
    -------
    (samples * repeats, n_steps)
        NaN where one of the two is the same in all cells.
    """
    rows = []
    for sample in range(spiking.n_samples):
        expected = rate_dendritic_states(rate, spiking, sample).astype(np.float64)
        expected -= expected.mean(axis=-1, keepdims=True)
        for found in spiking_dendritic_states(spiking, sample):
            found = found - found.mean(axis=-1, keepdims=True, dtype=np.float64)
            norm = np.sqrt((expected**2).sum(axis=-1) * (found**2).sum(axis=-1))
            product = (expected * found).sum(axis=-1)
            rows.append(np.divide(product, norm, out=np.full_like(norm, np.nan), where=norm > 0))
    return np.array(rows)
