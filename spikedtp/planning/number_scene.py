"""Numbers alone as what is planned: cells and their rates, and no circuit."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import ClassVar

import numpy as np
from brian2 import Hz, ms
from brian2.units.fundamentalunits import Quantity

from spikedtp.arrays import as_numbers
from spikedtp.errors import SpikedtpError
from spikedtp.neurons import PoissonInput, TwoCompartment
from spikedtp.parameters import Parameters, check_quantity, check_whole, parameter
from spikedtp.planning.open_draws import OPEN_DRAWS, drawn_open
from spikedtp.planning.setting import MOST_CELLS, MOST_REPEATS, Drawn, Draws, Setting
from spikedtp.plasticity import DendriticState, Plateau
from spikedtp.spiking.open_loop.plan import OpenLoop, Source
from spikedtp.spiking.open_loop.prepare import Prepared
from spikedtp.spiking.open_loop.readout import Kernels, Readout
from spikedtp.spiking.open_loop.signal_reader import SignalReader
from spikedtp.spiking.open_loop.timeline import Timeline
from spikedtp.spiking.responses.weight_updates import LearnedProjection

__all__ = ["NumberScene", "Numbers"]

NAME = "post_pre"
STEPS = 400  # time steps of a described presentation; more where a time constant is short
PER_TIME_CONSTANT = 20
MOST_STEPS = 20_000
MOST_IN_ALL = 20_000  # cells
FASTEST = 1000.0  # Hz, where no dead time sets another limit
LONGEST = 60_000.0  # ms


#: No cell fires faster.
HIGHEST = 1e4 * Hz


@dataclass(frozen=True)
class Numbers(Parameters):
    """Cells that fire at given rates, from which synapses learn ΔW = dendritic state ⊗ presynaptic trace.

    Each postsynaptic cell has `fan_in` inputs to its dendrite, whose weights are random with mean 0: they carry an
    error. These inputs have the rates in `rates` as well, and fire independently of the presynaptic cells. All rates
    are constant.

    Parameters
    ----------
    cells : int
        Presynaptic cells.
    rates : Quantity (Hz)
        One rate for all cells, or several, which the cells take in turn.
    duration : Quantity (second)
        How long a presentation lasts.
    fan_in : int
        Inputs to each dendrite.
    n_post : int
        Postsynaptic cells.
    tau_eligibility, tau_dend : Quantity (second)
        Time constants of the presynaptic trace and of the dendrite.
    dead_time : Quantity (second)
        Shortest interval between two spikes of a cell. It makes spikes more regular.
    read : {"last", "mean"}
        What is read: trace and dendrite in the last moment, or the spikes of the whole presentation.
    repeats, cells_per_unit : int
        As in `plan`.

    Examples
    --------
    >>> from brian2 import Hz, ms
    >>> from spikedtp.planning import Numbers
    >>> Numbers(cells=50, rates=[2, 5, 20] * Hz, duration=2000 * ms).fan_in
    100
    """

    cells: int = 100
    rates: Quantity = field(default_factory=lambda: 20 * Hz)
    duration: Quantity = parameter(420 * ms, least=1 * ms, most=1e7 * ms)
    fan_in: int = 100
    n_post: int = 100
    tau_eligibility: Quantity = parameter(60 * ms, least=1 * ms, most=1e6 * ms)
    tau_dend: Quantity = parameter(20 * ms, least=1 * ms, most=1e6 * ms)
    dead_time: Quantity = parameter(0 * ms, least=0 * ms, most=1e6 * ms)
    read: str = "last"
    repeats: int = 1
    cells_per_unit: int = 1

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("cells", "fan_in", "n_post"):
            check_whole(name, getattr(self, name), least=1, most=MOST_IN_ALL)
        if self.read not in ("last", "mean"):
            raise SpikedtpError(f"read must be 'last' or 'mean', got {self.read!r}")
        rates = self.rates if np.ndim(self.rates) == 0 else max(self.rates, default=0 * Hz)
        check_quantity("Numbers", "rates", rates, 20 * Hz, above=0 * Hz, most=HIGHEST)
        values = as_numbers("rates", np.asarray(self.rates / Hz))
        if values.ndim > 1 or values.min() < 0:
            raise SpikedtpError("rates must be one rate or a list of rates, none of them below 0 Hz")
        if values.max() * float(self.dead_time) > 1:
            raise SpikedtpError(f"rates: {values.max():g} Hz is more than a dead time of {self.dead_time} allows")


@dataclass(frozen=True)
class NumberScene:
    """Presentations in which nothing but numbers is known."""

    numbers: Numbers
    seed: int

    names: ClassVar[dict[str, str]] = {
        "time": "duration", "rate": "peak_rate", "repeats": "repeats", "cells_per_unit": "cells_per_unit"
    }  # fmt: skip
    projections: ClassVar[list[str]] = [NAME]
    n_samples: ClassVar[int] = 1
    duration: ClassVar[float] = 1.0
    points: ClassVar[int] = 5
    draws: ClassVar[Draws] = OPEN_DRAWS

    @property
    def headline(self) -> str:
        n = self.numbers
        return f"{n.cells} cells onto {n.n_post}, each with {n.fan_in} inputs to its dendrite"

    @cached_property
    def setting(self) -> Setting:
        n = self.numbers
        return Setting(n.duration, np.max(n.rates / Hz) * Hz, n.repeats, n.cells_per_unit)

    @cached_property
    def _sources(self) -> tuple[Source, ...]:
        n = self.numbers
        weight = np.random.default_rng([self.seed, 1]).standard_normal((n.n_post, n.fan_in)) / math.sqrt(n.fan_in)
        return (
            Source(NAME, "pre", "soma", 0, np.zeros((n.n_post, n.cells))),
            Source("post_error", "error", "dend", 0, weight),
        )

    def draw(self, setting: Setting, *, n_draws: int, seed: int, roughly: bool = False) -> list[dict[str, Drawn]]:
        return drawn_open(self.prepared(setting), [NAME], setting.cells_per_unit, n_draws=n_draws, seed=seed)

    def prepared(self, setting: Setting) -> Prepared:
        n = self.numbers
        timeline = self._timeline(setting)
        limit = 1 / float(n.dead_time) if n.dead_time > 0 * ms else max(FASTEST, float(setting.rate))
        inputs = PoissonInput(
            unit_rate=setting.rate, max_rate=limit * Hz, dead_time=n.dead_time, tau_eligibility=n.tau_eligibility
        )
        cell = replace(TwoCompartment(), tau_dend=n.tau_dend, unit_rate=setting.rate)
        kernel = np.full(timeline.n_steps, 1 / timeline.n_steps)
        if n.read == "last":
            kernel = np.zeros(timeline.n_steps)
            kernel[-1] = 1
        kind = "state" if n.read == "last" else "drive"
        kernels = {(s, "nudged", kind): kernel for s in ("dendrite", "trace")}
        spec = OpenLoop("post", cell, inputs, self._sources, timeline, Kernels(timeline.n_steps, kernels))
        relative = np.atleast_1d(np.asarray(n.rates / Hz)) / np.max(n.rates / Hz)
        activity = np.concatenate([np.resize(relative, n.cells), np.resize(relative, n.fan_in)])
        reader = SignalReader(
            source=self._sources[0],
            cells=slice(0, n.cells),
            plateau=Plateau(),
            settled=np.ones((1, n.n_post)),
            target=None,
            gain=1.0,
            trace_gain=1.0,
            clipped=False,
        )
        learned = LearnedProjection(DendriticState(learning_rate=1.0), self._sources[0].weight, {}, linear=True)
        return Prepared(
            readout=Readout(n.read, lambda _: spec.kernels, calibrated=False),
            spec=spec,
            batched=False,
            readers={NAME: reader},
            projections={NAME: learned},
            replayed=np.broadcast_to(activity, (1, timeline.n_points, len(activity))),
            n_samples=1,
        )

    def _timeline(self, setting: Setting) -> Timeline:
        """Two points with the same rates, and enough time steps between them for the time constants."""
        time, n_steps = float(setting.time / ms), 2
        if self.numbers.read == "last":
            shortest = min(float(self.numbers.tau_eligibility / ms), float(self.numbers.tau_dend / ms))
            longest = max(float(self.numbers.tau_eligibility / ms), float(self.numbers.tau_dend / ms))
            time = min(time, 40 * longest)  # what lies further back is forgotten
            n_steps = int(min(max(STEPS, PER_TIME_CONSTANT * time / shortest), MOST_STEPS))
        half = max(n_steps // 2, 1)
        return Timeline(time / 2 * ms, time / 2 / half * ms, sensory_points=1, supervised_points=1)

    def reference(self, projection: str, sample: int) -> np.ndarray | None:
        return None

    def limits(self, knob: str) -> tuple[float, float]:
        if knob == "time":
            return 1.0, LONGEST
        if knob == "rate":
            dead = float(self.numbers.dead_time)
            return 0.1, max(1 / dead if dead > 0 else FASTEST, 0.1)
        return 1.0, float({"repeats": MOST_REPEATS, "cells_per_unit": MOST_CELLS}[knob])

    def rounded(self, knob: str, value: float) -> float:
        return value if knob == "rate" else float(math.ceil(value - 1e-9))
