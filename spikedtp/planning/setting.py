"""The settings that a planner varies: how long, how fast, how often, and with how many cells."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, NamedTuple, Protocol

import numpy as np
from brian2 import Hz, ms
from brian2.units.fundamentalunits import Quantity

from spikedtp.parameters import Parameters, check_whole, parameter
from spikedtp.plasticity import Factors
from spikedtp.spiking.responses.weight_updates import LearnedProjection

__all__ = ["KNOBS", "MOST_CELLS", "MOST_REPEATS", "UNITS", "Drawn", "Draws", "Scene", "Setting"]

MOST_REPEATS = 200  # all of which are drawn
MOST_CELLS = 10_000


@dataclass(frozen=True)
class Setting(Parameters):
    """What can be had for more time, more spikes, more repeats or more cells.

    Parameters
    ----------
    time : Quantity (second)
        Duration of one step of the rate network, or of the whole presentation where only numbers are given.
    rate : Quantity (Hz)
        Firing rate of activity 1, or of the fastest cell where only numbers are given.
    repeats : int
        Presentations whose mean ΔW is compared.
    cells_per_unit : int
        Presynaptic cells that stand for one, each with its share of the weight.

    Examples
    --------
    >>> from spikedtp.planning import Setting
    >>> Setting(repeats=3).with_("rate", 100.0)
    Setting(time=20. * msecond, rate=100. * hertz, repeats=3, cells_per_unit=1)
    """

    time: Quantity = parameter(20 * ms, above=0 * ms)
    rate: Quantity = parameter(450 * Hz, above=0 * Hz)
    repeats: int = 1
    cells_per_unit: int = 1

    def __post_init__(self) -> None:
        super().__post_init__()
        check_whole("repeats", self.repeats, least=1, most=MOST_REPEATS)
        check_whole("cells_per_unit", self.cells_per_unit, least=1, most=MOST_CELLS)

    def number(self, knob: str) -> float:
        """The value of a knob in its unit (`KNOBS`)."""
        return float(getattr(self, knob) / KNOBS[knob])

    def with_(self, knob: str, value: float) -> Setting:
        whole = knob in ("repeats", "cells_per_unit")
        changed: Any = round(value) if whole else value * KNOBS[knob]
        return replace(self, **{knob: changed})


#: What may be varied, and the unit in which its numbers are.
KNOBS: dict[str, Any] = {"time": ms, "rate": Hz, "repeats": 1, "cells_per_unit": 1}
UNITS = {"time": "ms", "rate": "Hz", "repeats": "", "cells_per_unit": ""}


class Draws(NamedTuple):
    """How many presentations are drawn: of all samples together for a plan and for each step of a search, and of each
    sample at least."""

    plan: int
    search: int
    least: int

    def of_each(self, in_all: int, n_samples: int) -> int:
        """Of each sample, where there are so many samples."""
        return max(self.least, -(-in_all // n_samples))


@dataclass(frozen=True)
class Drawn:
    """What noise makes of the ΔW of one sample and projection.

    Attributes
    ----------
    learned : LearnedProjection
    expected : (n_post, n_pre)
        ΔW without noise.
    noisy : Factors
        ΔW of presentations, with the axes (1, draws, n).
    """

    learned: LearnedProjection
    expected: np.ndarray
    noisy: Factors


class Scene(Protocol):
    """What is planned: presentations, and the ΔW with which theirs are compared."""

    @property
    def names(self) -> dict[str, str]:
        """What the knobs are called by the user."""

    @property
    def setting(self) -> Setting: ...

    @property
    def projections(self) -> list[str]: ...

    @property
    def n_samples(self) -> int: ...

    @property
    def duration(self) -> float:
        """How many times `Setting.time` a presentation lasts."""

    @property
    def headline(self) -> str: ...

    @property
    def points(self) -> int:
        """How many times and rates contours need."""

    @property
    def draws(self) -> Draws:
        """How many presentations are drawn where nothing else is asked for."""

    def draw(self, setting: Setting, *, n_draws: int, seed: int, roughly: bool = False) -> list[dict[str, Drawn]]:
        """Draw presentations of every sample, by projection. The number of repeats does not matter yet.

        Roughly: with as few time steps as a search needs.
        """

    def reference(self, projection: str, sample: int) -> np.ndarray | None:
        """The ΔW to compare with; None stands for the expected spiking ΔW itself."""

    def limits(self, knob: str) -> tuple[float, float]:
        """Between which numbers a knob is searched."""

    def rounded(self, knob: str, value: float) -> float:
        """The next value upwards that can be set."""
