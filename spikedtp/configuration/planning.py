"""The settings of ``spikedtp plan``: a circuit with weights, or numbers alone."""

from __future__ import annotations

import math
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from spikedtp.configuration.base import Number, Positive, Real, Whole, amount, count, flag, setting
from spikedtp.configuration.commands import (
    Cell,
    ClosedPhases,
    Dt,
    OnOff,
    Out,
    Rules,
    Spikers,
    Trained,
    UnitRates,
    Values,
)

__all__ = ["PlanConfiguration"]

Amount = Annotated[float, Number, Field(gt=0)]
Share = Annotated[float, Number, Field(gt=0, lt=1)]


def _rates(value: Any) -> Any:
    """One or several numbers as text, ``5,10,40``, however they are written."""
    parts = value if isinstance(value, list) else str(value).split(",")
    try:
        numbers = [float(part) for part in parts if not isinstance(part, bool)]
    except (TypeError, ValueError):
        numbers = []
    if value is None:
        return None
    if len(numbers) != len(parts) or not all(math.isfinite(n) and n >= 0 for n in numbers) or max(numbers) <= 0:
        raise ValueError("should be one rate in Hz, or several such as 5,10,40, not all of them 0")
    return ",".join(f"{number:.17g}" for number in numbers)


class PlanConfiguration(Trained):
    """The settings of ``spikedtp plan``. ``spikedtp plan --help`` says what each of them means.

    Examples
    --------
    >>> from spikedtp.configuration import PlanConfiguration
    >>> PlanConfiguration(samples=5, cosine=0.95).from_numbers
    False
    >>> PlanConfiguration.of({"cells": 80, "rates": "5,10,40"}).from_numbers
    True
    """

    command: ClassVar[str] = "plan"
    set_example: ClassVar[str] = "cell.tau_soma=30*ms"
    later: ClassVar[frozenset[str]] = Trained.later | {"loop", "unit_rates", "spikers", "phases"}
    #: Settings of plans from numbers alone. None stands for the default of `Numbers`.
    of_numbers: ClassVar[tuple[str, ...]] = (
        "cells", "rates", "duration", "fan_in", "n_post", "tau_eligibility", "tau_dend", "dead_time", "read",
    )  # fmt: skip
    of_both: ClassVar[tuple[str, ...]] = (
        "repeats", "cells_per_unit", "cosine", "presentations", "error_rate", "power", "draws", "seed",
        "plugins", "tracker", "out",
    )  # fmt: skip

    population: Annotated[
        str,
        setting(
            "Population, LAYER + CELL, whose learned projections are planned (or all: closed loop).", metavar="NAME"
        ),
    ] = "H2E"
    loop: Annotated[
        Literal["open", "closed"],
        setting("open: presynaptic cells replay the rate network's activity; closed: every cell spikes itself."),
    ] = "open"
    samples: Annotated[Whole, count("Number of test samples.")] = 10
    unit_rate: Annotated[Real, amount("Firing rate of activity 1, in Hz.", "HZ")] = 450.0
    time_per_step: Annotated[Real, amount("Time for one step of the rate network, in ms.", "MS")] = 20.0
    repeats: Annotated[Whole, count("Presentations of a sample whose mean weight change is compared.")] = 1
    cells_per_unit: Annotated[Whole, count("Presynaptic cells (closed loop: units) for one, each with a share.")] = 1
    dt: Dt = 1.0
    readout: Annotated[
        Literal["best", "paper"],
        setting("How signals are read from the spiking network: paper (last millisecond) or best."),
    ] = "best"
    reference: Annotated[
        Literal["rule", "notebook"],
        setting("Weight change to compare with: the rate network's own rule, or Figure 3's form of it."),
    ] = "rule"
    on_off: OnOff = False
    cosine: Annotated[
        Share | None,
        setting("A wanted cosine: which time, rate, number of repeats or of cells reaches it?", metavar="COSINE"),
    ] = None
    presentations: Annotated[
        Positive | None,
        setting("Which difference between the cosines of two rules do so many presentations show?", metavar="N"),
    ] = None
    error_rate: Annotated[Share, setting("How often a difference is found where there is none.", metavar="SHARE")] = (
        0.05
    )
    power: Annotated[Share, setting("How often the smallest difference is found.", metavar="SHARE")] = 0.8
    cells: Annotated[
        Positive | None, setting("From numbers alone: presynaptic cells, instead of a circuit.", metavar="N")
    ] = None
    rates: Annotated[
        str | None,
        BeforeValidator(_rates),
        setting("From numbers: firing rates in Hz, which the cells take in turn.", metavar="HZ[,HZ...]"),
    ] = None
    duration: Annotated[Amount | None, setting("From numbers: how long a presentation lasts, in ms.", metavar="MS")] = (
        None
    )
    fan_in: Annotated[Positive | None, setting("From numbers: inputs to each dendrite.", metavar="N")] = None
    n_post: Annotated[Positive | None, setting("From numbers: postsynaptic cells.", metavar="N")] = None
    tau_eligibility: Annotated[
        Amount | None, setting("From numbers: time constant of presynaptic traces, in ms.", metavar="MS")
    ] = None
    tau_dend: Annotated[Amount | None, setting("From numbers: time constant of dendrites, in ms.", metavar="MS")] = None
    dead_time: Annotated[
        Amount | None, setting("From numbers: shortest interval between two spikes, in ms.", metavar="MS")
    ] = None
    read: Annotated[
        Literal["last", "mean"] | None,
        setting("From numbers: what is read, traces in the last moment or all spikes."),
    ] = None
    draws: Annotated[
        Annotated[int, Number, Field(ge=4)] | None,
        setting("Draws of the noise for each sample. Default: about 600 in all; closed loop: 240.", metavar="N"),
    ] = None
    seed: Annotated[Whole, count("Seed of these draws.", least=0)] = 0
    cell: Cell = {}
    unit_rates: UnitRates = {}
    spikers: Spikers = None
    phases: ClosedPhases = {}
    inputs: Annotated[Values, setting("Parameters of the Poisson inputs, such as tau_eligibility: 60*ms.")] = {}
    rules: Rules = {}
    out: Out = "results/plan"

    @property
    def from_numbers(self) -> bool:
        return any(getattr(self, name) is not None for name in self.of_numbers)

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        if self.from_numbers:
            given = next(name for name in self.of_numbers if getattr(self, name) is not None)
            for name, field in type(self).model_fields.items():
                if name not in (*self.of_numbers, *self.of_both) and getattr(self, name) != field.default:
                    raise ValueError(f"--{flag(name)} is for circuits, --{flag(given)} for plans from numbers alone")
        if self.power <= self.error_rate:
            raise ValueError(f"power must be above the error rate of {self.error_rate:g}, got {self.power:g}")
        if self.presentations is not None and self.presentations < 2:
            raise ValueError("presentations: a test needs at least 2 of them")
        return self
