"""Planned against simulated medians, setting by setting, in the open and in the closed loop."""

from __future__ import annotations

import itertools
from typing import Any

from brian2 import Hz, ms

from plans.cases import Case
from plans.simulated import MEASURES
from spikedtp.neurons import NudgedCell
from spikedtp.spiking import Phases, phases_of

__all__ = ["VARIANTS", "closed_settings", "compared", "open_settings"]

AVERAGES = (1, 2, 4, 8, 16)
CLOSED_AVERAGES = (1, 2, 4, 8)
#: Of the closed loop, beside its defaults.
VARIANTS: dict[str, dict[str, Any]] = {
    "default": {},
    "somas free": {"phases": Phases(hold="none")},
    "latched": {"phases": Phases(hold="none", latch=True)},
    "one unit": {"spikers": 1},
    "regular": {"cell": NudgedCell(firing="regular")},
    "lif": {"cell": NudgedCell(firing="lif")},
}


def open_settings(quick: bool) -> list[dict[str, Any]]:
    times, rates, readouts = (10.0, 20.0, 40.0), (100.0, 200.0, 300.0, 450.0, 580.0), ("best", "paper")
    if quick:
        times, rates, readouts = (10.0,), (200.0, 450.0), ("best",)
    return [
        {"loop": "open", "time_per_step": time, "unit_rate": rate, "readout": readout}
        for time, rate, readout in itertools.product(times, rates, readouts)
    ]


def closed_settings(quick: bool) -> list[dict[str, Any]]:
    times, rates, variants = (10.0, 20.0), (100.0, 200.0, 450.0), list(VARIANTS)[1:]
    if quick:
        times, rates, variants = (5.0,), (450.0,), []
    grid = [
        {"loop": "closed", "time_per_step": time, "unit_rate": rate, "variant": "default"}
        for time, rate in itertools.product(times, rates)
    ]
    return grid + [{"loop": "closed", "time_per_step": 20.0, "unit_rate": 450.0, "variant": name} for name in variants]


def compared(case: Case, setting: dict[str, Any], quick: bool, effort: int = 1) -> list[dict[str, Any]]:
    """One row for each projection and average of a setting: planned and simulated medians and standard errors.

    The rules of this comparison are set beforehand: blocks of repeats are simulated until the standard error of every
    median cosine is below .005, or until all blocks are done: 12, in the closed loop 10, times `effort`. No row is left
    out.
    """
    options: dict[str, Any] = {"loop": setting["loop"], "unit_rate": setting["unit_rate"] * Hz}
    averages, draws, block, most = AVERAGES, 1000, 300, 12
    if setting["loop"] == "open":
        options |= {"population": "H2E", "readout": setting["readout"]}
        options["time_per_step"] = setting["time_per_step"] * ms
    else:
        averages, draws, block, most = CLOSED_AVERAGES, 150, 20, 10
        options |= {"population": "all", "phases": phases_of(setting["time_per_step"] * ms)}
        options |= VARIANTS[setting["variant"]]
    if quick:
        averages, draws, block, most = (1, 2), 30, 3, 8
    planned = case.predictions(averages, effort * draws, **options)
    simulated = case.simulated(averages, block=block, enough=0.005, most=effort * most, **options)
    rows = []
    for (name, average), found in simulated.items():
        row = planned[average][name].row()
        rows.append(
            setting
            | {"projection": name, "repeats": average, "planned.error": row["cosine_error"]}
            | {"noiseless_cosine": row["noiseless_cosine"], "presentations": len(found.blocks["cosine"]) * block}
            | {f"planned.{measure}": row[measure] for measure in MEASURES}
            | {f"simulated.{measure}": found.median(measure) for measure in MEASURES}
            | {f"simulated.{measure}.error": found.error(measure) for measure in MEASURES}
        )
    return rows
