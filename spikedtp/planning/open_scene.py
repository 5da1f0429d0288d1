"""A circuit with its weights as what is planned: the open loop of one population."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
from brian2 import ms
from brian2.units.fundamentalunits import Quantity

from spikedtp.neurons import PoissonInput
from spikedtp.planning.open_draws import OPEN_DRAWS, drawn_open
from spikedtp.planning.reference import Reference
from spikedtp.planning.setting import MOST_CELLS, MOST_REPEATS, Drawn, Draws, Setting
from spikedtp.rate import RateNetwork, RateResponse
from spikedtp.spiking.open_loop.prepare import Prepared, prepare_open
from spikedtp.spiking.open_loop.timeline import Timeline

__all__ = ["OpenScene"]

#: Time steps for each rate step that a search needs.
ENOUGH_STEPS = 6
LONGEST_STEP = 400.0  # ms: presentations of 8.4 s


class _Presented:
    """A rate network that has been presented its samples: asked again, it gives the same response."""

    def __init__(self, network: RateNetwork, x: Any, target: Any):
        self._network, self._given = network, (x, target)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._network, name)

    @cached_property
    def _response(self) -> RateResponse:
        return self._network.present(*map(np.atleast_2d, self._given), nudge_populations="all")

    def present(self, *_: Any, **__: Any) -> RateResponse:
        return self._response


@dataclass(frozen=True)
class OpenScene:
    """Presentations of given samples to one population in the open loop."""

    reference_of: Reference
    setting: Setting
    dt: Quantity
    options: dict[str, Any]  # the others of `simulate_open`

    names: ClassVar[dict[str, str]] = {
        "time": "time_per_step", "rate": "unit_rate", "repeats": "repeats", "cells_per_unit": "cells_per_unit"
    }  # fmt: skip

    points: ClassVar[int] = 5
    draws: ClassVar[Draws] = OPEN_DRAWS

    @cached_property
    def _presented(self) -> _Presented:
        of = self.reference_of
        return _Presented(of.network, of.x, of.target)

    @cached_property
    def _first(self) -> Prepared:
        """As it was asked for: every setting is checked here."""
        return self._prepared(self.setting)

    @cached_property
    def projections(self) -> list[str]:
        return self.reference_of.known(list(self._first.projections))

    @property
    def n_samples(self) -> int:
        return self._first.n_samples

    @property
    def duration(self) -> float:
        return float(Timeline().n_points)

    @property
    def headline(self) -> str:
        return f"{self.options['population']} of {self.reference_of.network.circuit.name} in the open loop"

    def draw(self, setting: Setting, *, n_draws: int, seed: int, roughly: bool = False) -> list[dict[str, Drawn]]:
        same = setting.time == self.setting.time and setting.rate == self.setting.rate
        prepared = self._first if same else self._prepared(setting)
        if roughly and self._drive_alone:
            prepared = self._coarse(prepared)
        return drawn_open(prepared, self.projections, setting.cells_per_unit, n_draws=n_draws, seed=seed)

    def _coarse(self, prepared: Prepared) -> Prepared:
        """A presentation in fewer time steps: windows of spikes do not need short ones."""
        spec = prepared.spec
        factor = spec.timeline.lag_steps / ENOUGH_STEPS
        if factor <= 1:
            return prepared
        timeline = replace(spec.timeline, dt=factor * spec.timeline.dt)
        bias = None if spec.bias is None else factor * spec.bias  # it arrives in every step
        coarse = replace(spec, timeline=timeline, kernels=prepared.readout.kernels(timeline), bias=bias)
        return replace(prepared, spec=coarse)

    def _prepared(self, setting: Setting) -> Prepared:
        return prepare_open(
            self._presented, self.reference_of.x, self.reference_of.target, unit_rate=setting.rate,
            time_per_step=setting.time, dt=self.dt, **self.options,
        )  # fmt: skip

    @cached_property
    def _drive_alone(self) -> bool:
        """Whether the read-out sees spikes alone and no voltage that decays within a step."""
        return not any(np.any(v) for (_, _, kind), v in self._first.spec.kernels.weights.items() if kind == "state")

    def reference(self, projection: str, sample: int) -> np.ndarray | None:
        return self.reference_of.of(projection, sample)

    def limits(self, knob: str) -> tuple[float, float]:
        if knob == "time":
            return float(self.dt / ms), LONGEST_STEP if self._drive_alone else LONGEST_STEP / 2
        if knob == "rate":
            replayed, inputs = self._first.replayed, self.options["inputs"] or PoissonInput()
            assert replayed is not None
            # faster, and the dead time clips the fastest cell: that is systematic error and no noise
            fastest = float(inputs.max_rate) / max(float(replayed.max()), 1e-9)
            return min(1.0, fastest), max(fastest, min(1.0, fastest))
        return 1.0, float({"repeats": MOST_REPEATS, "cells_per_unit": MOST_CELLS}[knob])

    def rounded(self, knob: str, value: float) -> float:
        step = float(self.dt / ms) if knob == "time" else 1.0
        whole = math.ceil(value / step - 1e-9) * step
        return value if knob == "rate" and whole > self.limits(knob)[1] else whole
