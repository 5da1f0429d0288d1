"""A circuit with its weights as what is planned: the closed loop."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
from brian2 import Hz, ms

from spikedtp.circuit import inputs_of, learned_rules
from spikedtp.errors import SpikedtpError
from spikedtp.neurons import NudgedCell
from spikedtp.planning.closed_loop.propagation import Propagation
from spikedtp.planning.reference import Reference
from spikedtp.planning.setting import MOST_CELLS, MOST_REPEATS, Drawn, Draws, Setting
from spikedtp.plasticity import Factors
from spikedtp.spiking import Phases, SpikingNetwork
from spikedtp.spiking.closed_loop.build import CircuitNumbers
from spikedtp.spiking.closed_loop.plan import ClosedLoop
from spikedtp.spiking.closed_loop.response import ClosedResponse
from spikedtp.spiking.engine.batch import RunResults

__all__ = ["ClosedScene"]

STEP, ROUGH_STEP = 5 * ms, 10 * ms
LONGEST_STEP = 100.0  # ms: presentations of 3.5 s
FASTEST = 10_000.0  # Hz, where no cell sets another limit
ROWS = 64  # presentations at once: what they need stays in the cache
NOT_PLANNED = ("trace", "target", "reset", "plateau_threshold", "silent")  # of phases
MOST_UNITS = 20_000_000  # of all presentations at once


@dataclass(frozen=True)
class ClosedScene:
    """Presentations of given samples to a circuit in which every population fires."""

    reference_of: Reference
    setting: Setting
    population: str | None  # onto which the planned projections go; None: all of them
    chosen: list[str] | str | None
    phases: Phases  # at `setting.time`
    options: dict[str, Any] = field(default_factory=dict)  # the others of `SpikingNetwork`

    names: ClassVar[dict[str, str]] = {
        "time": "time_per_step", "rate": "unit_rate", "repeats": "repeats", "cells_per_unit": "cells_per_unit"
    }  # fmt: skip
    points: ClassVar[int] = 3
    draws: ClassVar[Draws] = Draws(plan=240, search=80, least=8)

    def __post_init__(self) -> None:
        cell = self.options.get("cell")
        if cell is not None and type(cell) is not NudgedCell:
            raise SpikedtpError(
                f"no plan for {type(cell).__name__} in the closed loop: plan knows how NudgedCell hands on noise, and "
                "no other cell; simulate it (spikedtp compare --loop closed --repeats 10)"
            )
        for name in NOT_PLANNED:
            if (value := getattr(self.phases, name)) != Phases.default(name):
                raise SpikedtpError(
                    f"no plan for Phases.{name} = {value}: plan knows windows, targets as numbers and cells that are "
                    "reset; simulate it (spikedtp compare --loop closed --repeats 10)"
                )

    @cached_property
    def _first(self) -> SpikingNetwork:
        """As it was asked for: every setting is checked here."""
        return self._network(self.setting)

    @cached_property
    def _samples(self) -> tuple[np.ndarray, np.ndarray]:
        x, target = self._first.samples(self.reference_of.x, self.reference_of.target)
        assert target is not None  # `plan` needs one
        return x, target

    @cached_property
    def projections(self) -> list[str]:
        circuit = self._first.circuit
        shown = circuit.projections if self.population is None else inputs_of(circuit, self.population)
        return self.reference_of.known(list(learned_rules(shown, self.chosen)))

    @property
    def n_samples(self) -> int:
        return len(self._samples[0])

    @property
    def duration(self) -> float:
        return float(self.phases.end * self.phases.dt / self.setting.time)

    @property
    def headline(self) -> str:
        return f"{self.population or 'all'} of {self._first.circuit.name} in the closed loop"

    def draw(self, setting: Setting, *, n_draws: int, seed: int, roughly: bool = False) -> list[dict[str, Drawn]]:
        network, (x, target) = self._network(setting), self._samples
        spec = replace(network.spec, nudged=True, signals=True)
        numbers = CircuitNumbers(network.weights, network.biases, network.rule_state, network.masks)
        longest = max(round(float((ROUGH_STEP if roughly else STEP) / spec.phases.dt)), 1)
        propagation = Propagation(spec, numbers, longest)
        without = propagation.vectors(x, target, np.random.default_rng(), noise=False)
        expected = self._response(spec, numbers, without, len(x)).projections
        drawn = self._response(spec, numbers, self._vectors(propagation, n_draws, seed), len(x)).projections
        factors = {name: learned.factors() for name, learned in drawn.items()}

        def of(sample: int, name: str) -> Drawn:
            one = Factors(*(tuple((post[sample, None], pre[sample, None]) for post, pre in p) for p in factors[name]))
            return Drawn(drawn[name], expected[name].update(sample, 0), one)

        return [{name: of(sample, name) for name in drawn} for sample in range(len(x))]

    def _vectors(self, propagation: Propagation, n_draws: int, seed: int) -> dict[str, np.ndarray]:
        """What is read in so many presentations of every sample."""
        x, target = self._samples
        shown = np.repeat(np.arange(len(x)), n_draws)
        rows, parts = int(max(1, min(ROWS, MOST_UNITS // propagation.units.sum()))), []
        for first in range(0, len(shown), rows):
            some = shown[first : first + rows]
            parts.append(propagation.vectors(x[some], target[some], np.random.default_rng([seed, first])))
        return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}

    def _response(
        self, spec: ClosedLoop, numbers: CircuitNumbers, vectors: dict[str, np.ndarray], n_samples: int
    ) -> ClosedResponse:
        """What a simulation that reads these vectors would give back."""
        return ClosedResponse(
            spec=spec, batched=True, n_samples=n_samples, n_repeats=len(vectors["post_settled"]) // n_samples,
            results=RunResults(vectors), weights=numbers.weights, rule_state=numbers.rule_state, masks=numbers.masks,
            highest_input=float(np.abs(self._samples[0]).max()), learned=tuple(self.projections),
            population=self.population,
        )  # fmt: skip

    def reference(self, projection: str, sample: int) -> np.ndarray | None:
        return self.reference_of.of(projection, sample)

    def _network(self, setting: Setting) -> SpikingNetwork:
        network = self._in_spikes(setting, self.options)
        if setting.cells_per_unit == 1:
            return network
        units = {p.name: network.spec.spikers.get(p.name, 1) for p in network.spec.populations}
        more = {name: setting.cells_per_unit * n for name, n in units.items()}
        return self._in_spikes(setting, self.options | {"spikers": more})

    def _in_spikes(self, setting: Setting, options: dict[str, Any]) -> SpikingNetwork:
        longer = float(setting.time / self.setting.time)
        times = {name: math.floor(longer * n + 0.5 + 1e-9) * self.phases.dt for name, n in self._steps.items()}
        phases = replace(self.phases, **times, time_per_step=setting.time)
        return SpikingNetwork(
            self.reference_of.network, unit_rate=setting.rate, phases=phases, device="runtime", **options
        )

    def limits(self, knob: str) -> tuple[float, float]:
        if knob == "time":
            return self._first_time, LONGEST_STEP
        if knob == "rate":
            spec, own = self._first.spec, self.options.get("unit_rates") or {}
            activity = self.reference_of.rate.activity
            highest = {name: float(np.abs(a).max()) for name, a in activity.items() if name not in own}
            # faster, and the highest rate clips the most active cell: that is systematic error and no noise
            shares = [float(spec.unit_rates[name] / self.setting.rate) * most for name, most in highest.items()]
            fastest = float(spec.inputs.max_rate / Hz) / max([*shares, 1e-9])
            return min(1.0, fastest), min(fastest, FASTEST)
        return 1.0, float({"repeats": MOST_REPEATS, "cells_per_unit": MOST_CELLS}[knob])

    @property
    def _steps(self) -> dict[str, int]:
        """Of the phases at `setting.time`."""
        return {name: self.phases.steps(name) for name in ("settle", "read", "nudge", "wait")}

    @property
    def _first_time(self) -> float:
        """The shortest step of the rate network in which phases that differ still do (ms)."""
        steps = self._steps
        parts = len(self._first.spec.hidden_layers) if self.phases.latch else 1
        apart = [*steps.values(), steps["settle"] - steps["read"], steps["nudge"] // max(parts, 1) - steps["wait"]]
        return self._rounded_time(float(self.setting.time / ms) / min(n for n in apart if n > 0))

    def _rounded_time(self, value: float) -> float:
        step = float(self.phases.dt / ms)
        return math.ceil(value / step - 1e-9) * step

    def rounded(self, knob: str, value: float) -> float:
        if knob == "time":
            return self._rounded_time(value)
        return value if knob == "rate" else float(math.ceil(value - 1e-9))
