"""What is simulated: plain data, the same for every contestant. How a contestant does it is its own file's matter."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import ClassVar

import numpy as np
from brian2 import ms

from spikedtp.neurons import PoissonInput, TwoCompartment
from spikedtp.plasticity import MSTDPET, STDP, TimedRule
from spikedtp.spiking.open_loop.plan import Source
from spikedtp.spiking.open_loop.timeline import Timeline

__all__ = ["DT", "Case", "Feedforward", "Learning", "PairRule", "Presentations", "shortened"]

DT = 1.0  # ms


@dataclass(frozen=True)
class Case:
    """Base: `seed` decides weights and given spikes; spikes that a contestant draws are its own.

    Attributes
    ----------
    unit : str
        What times are given in.
    """

    seed: int = 0
    unit: ClassVar[str] = ""

    def per_unit(self, seconds: float) -> float:
        """Seconds for the whole case, in `unit`."""
        raise NotImplementedError

    def expected(self) -> dict[str, tuple[float, float]]:
        """Mean and standard deviation (Poisson statistics) of what is found after a run, by name."""
        return {}


@dataclass(frozen=True)
class Feedforward(Case):
    """Poisson cells onto the dendrites of `TwoCompartment` cells, all to all. The cells do not fire."""

    n_pre: int = 500
    n_post: int = 500
    rate: float = 20.0  # Hz
    seconds: float = 20.0
    unit: ClassVar[str] = "µs per step"

    @property
    def n_steps(self) -> int:
        return round(1000 * self.seconds / DT)

    def per_unit(self, seconds: float) -> float:
        return 1e6 * seconds / self.n_steps

    @cached_property
    def weights(self) -> np.ndarray:
        """(n_post, n_pre), positive."""
        return np.random.default_rng(self.seed).uniform(0, 0.02, (self.n_post, self.n_pre))

    def expected(self) -> dict[str, tuple[float, float]]:
        p, onto = self.rate * DT / 1000, self.weights.mean(axis=0)
        responses = TwoCompartment().impulse_responses(self.n_steps, DT * ms)
        found = {"spikes": (p * self.n_pre * self.n_steps, (p * self.n_pre * self.n_steps) ** 0.5)}
        for name, signal in (("v_dend", "dendrite"), ("v_soma", "soma")):
            response = responses[signal, "dend"]
            variance = p * (response**2).sum() * (onto**2).sum()
            found[name] = (p * response.sum() * onto.sum(), variance**0.5)
        return found


@dataclass(frozen=True)
class Presentations(Case):
    """Figure 3's presentation of every cell of a population: replayed rates in, two phases, read-outs (`best`) out.

    Attributes
    ----------
    sources : tuple of Source
        Those onto the soma first.
    points : (n, n_points, n_inputs)
        Activities of all inputs, sources side by side.
    """

    sources: tuple[Source, ...] = ()
    points: np.ndarray = None
    inputs: PoissonInput = None
    cell: TwoCompartment = None
    timeline: Timeline = None
    unit: ClassVar[str] = "ms per presentation"

    def per_unit(self, seconds: float) -> float:
        return 1e3 * seconds / len(self)

    def __len__(self) -> int:
        return len(self.points)

    @property
    def n_cells(self) -> int:
        return self.sources[0].weight.shape[0]

    def shown(self) -> Iterator[tuple[Source, np.ndarray]]:
        """Each source with its expected spikes per step, `(n, n_steps, n_pre)`."""
        first, unit = 0, float(self.inputs.unit_rate * DT * ms)
        for source in self.sources:
            points = self.points[:, :, first : first + source.size]
            activity = self.timeline.interpolate(points, self.timeline.lag_steps * source.lag)
            yield source, (unit * activity).clip(0, float(self.inputs.max_rate * DT * ms))
            first += source.size

    def expected(self) -> dict[str, tuple[float, float]]:
        responses = self.cell.impulse_responses(self.timeline.n_steps, DT * ms)
        n_spikes, means, variances = 0.0, {"v_soma": 0.0, "v_dend": 0.0}, {"v_soma": 0.0, "v_dend": 0.0}
        for source, p in self.shown():
            n_spikes += p.sum()
            onto = source.weight.mean(axis=0)
            for name, signal in (("v_soma", "soma"), ("v_dend", "dendrite")):
                response = responses.get((signal, source.compartment))
                if response is not None:
                    means[name] += np.einsum("kti,t,i->", p, response[::-1], onto) / len(self)
                    variances[name] += np.einsum("kti,t,i->", p, response[::-1] ** 2, onto**2) / len(self) ** 2
        voltages = {name: (float(means[name]), float(variances[name]) ** 0.5) for name in means}
        return {"spikes": (float(n_spikes), float(n_spikes) ** 0.5)} | voltages


@dataclass(frozen=True)
class PairRule(Case):
    """A rule of spike pairs on given Poisson trains, all to all, online.

    STDP's weights stay between 0 and `w_max`; MSTDPET's are free, and its reward is +1 or -1 for 100 ms at a time.
    """

    name: str = "STDP"
    n_pre: int = 784
    n_post: int = 500
    rate: float = 20.0  # Hz
    seconds: float = 10.0
    w_max: float = 1.0
    unit: ClassVar[str] = "µs per step"

    def per_unit(self, seconds: float) -> float:
        return 1e6 * seconds / self.n_steps

    @property
    def rule(self) -> TimedRule:
        if self.name == "STDP":
            return STDP(a_plus=1.0, a_minus=-1.05, learning_rate=0.01)
        return MSTDPET(a_plus=1.0, a_minus=-1.0, learning_rate=0.01)

    @property
    def n_steps(self) -> int:
        return round(1000 * self.seconds / DT)

    @cached_property
    def _drawn(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        rng = np.random.default_rng(self.seed)
        pre, post = (rng.random((self.n_steps, n)) < self.rate * DT / 1000 for n in (self.n_pre, self.n_post))
        reward = rng.choice((-1.0, 1.0), size=-(-self.n_steps // 100)).repeat(100)[: self.n_steps]
        return pre, post, rng.uniform(0, self.w_max, (self.n_post, self.n_pre)), reward

    @property
    def pre(self) -> np.ndarray:
        """(n_steps, n_pre) bool."""
        return self._drawn[0]

    @property
    def post(self) -> np.ndarray:
        """(n_steps, n_post) bool."""
        return self._drawn[1]

    @property
    def w0(self) -> np.ndarray:
        """(n_post, n_pre)."""
        return self._drawn[2]

    @property
    def reward(self) -> np.ndarray:
        """(n_steps,)."""
        return self._drawn[3]


@dataclass(frozen=True)
class Learning(Case):
    """`n_events` outer products added to a matrix within bounds.

    kind "normalised": after each, every row is scaled to a sum of `scale`; "tied": a copy `scale * w.T` is kept.
    """

    kind: str = "bounded"
    n_post: int = 500
    n_pre: int = 500
    n_events: int = 400
    low: float = 0.0
    high: float = 1.0
    scale: float = 4.0
    unit: ClassVar[str] = "ns per weight"
    n_vectors: ClassVar[int] = 16  # different events, used in turn

    def per_unit(self, seconds: float) -> float:
        return 1e9 * seconds / (self.n_events * self.n_post * self.n_pre)

    @cached_property
    def _drawn(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        rng = np.random.default_rng(self.seed)
        pre = rng.uniform(0, 1, (self.n_vectors, self.n_pre))
        post = 0.05 * rng.standard_normal((self.n_vectors, self.n_post))
        return pre, post, rng.uniform(self.low, self.high, (self.n_post, self.n_pre))

    @property
    def pre(self) -> np.ndarray:
        """(n_vectors, n_pre)."""
        return self._drawn[0]

    @property
    def post(self) -> np.ndarray:
        """(n_vectors, n_post), learning rate included."""
        return self._drawn[1]

    @property
    def w0(self) -> np.ndarray:
        """(n_post, n_pre)."""
        return self._drawn[2]


def shortened(case: Case, *, seconds: float, presentations: int, events: int) -> Case:
    """At most that much of a case."""
    if isinstance(case, (Feedforward, PairRule)):
        return replace(case, seconds=min(seconds, case.seconds))
    if isinstance(case, Presentations):
        return replace(case, points=case.points[:presentations])
    return replace(case, n_events=min(events, case.n_events))
