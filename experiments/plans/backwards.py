"""Wanted cosines: planned backwards, then simulated at the planned setting."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from brian2 import Hz, ms

from plans.cases import Case
from plans.simulated import simulated_until
from spikedtp.spiking import SpikingResponse

__all__ = ["PROJECTION", "backwards_jobs", "reached", "several_cells"]

POPULATION, PROJECTION = "H2E", "H2E_H1E"
WANTED = (0.7, 0.75, 0.8, 0.85, 0.88, 0.9, 0.92, 0.95, 0.97, 0.98)
CLOSED = ((0.9, "unit_rate"), (0.94, "repeats"))
WHOLE = ("time_per_step", "repeats", "cells_per_unit")


def backwards_jobs(quick: bool) -> list[dict[str, Any]]:
    """Every cosine with the firing rate, which can be set finely, and with a setting that has steps, in turn."""
    wanted = (0.8, 0.85, 0.9) if quick else WANTED
    fine = [{"loop": "open", "wanted": cosine, "setting": "unit_rate"} for cosine in wanted]
    whole = [{"loop": "open", "wanted": cosine, "setting": WHOLE[k % len(WHOLE)]} for k, cosine in enumerate(wanted)]
    closed = [] if quick else [{"loop": "closed", "wanted": c, "setting": knob} for c, knob in CLOSED]
    return fine + whole + closed


def reached(case: Case, job: dict[str, Any], quick: bool, effort: int = 1) -> dict[str, Any]:
    """What is needed for a wanted cosine, and the median cosine that simulations find there."""
    closed, wanted, name = job["loop"] == "closed", job["wanted"], job["setting"]
    start: dict[str, Any] = {"unit_rate": 60 * Hz, "time_per_step": (10 if wanted < 0.85 else 40) * ms}
    if wanted > 0.97:  # at 60 Hz no presentation is long enough
        start["unit_rate"] = 120 * Hz
    if closed:
        start = {"unit_rate": 150 * Hz, "time_per_step": 20 * ms}
    options: dict[str, Any] = {"population": POPULATION, "loop": job["loop"], "projections": [PROJECTION]}
    draws, block, most, enough = (150, 40, 8, 0.003) if closed else (1000, 300, 8, 0.0025)
    if quick:
        draws, block, most, enough = 60, 6, 8, 0.1
    planned = case.plan(**start, **options)
    (row,) = planned.needed(wanted, vary=name, projection=PROJECTION).to_dict("records")
    found = job | {"needed": row["needed"], "planned": row["cosine"], "simulated": np.nan, "simulated.error": np.nan}
    if np.isnan(row["needed"]):
        return found
    knob = next(knob for knob, own in planned.scene.names.items() if own == name)
    # once more from there, with more draws
    near = planned.setting.with_(knob, row["needed"])
    again = {"unit_rate": near.rate, "time_per_step": near.time}
    again |= {"repeats": near.repeats, "cells_per_unit": near.cells_per_unit}
    planned = case.plan(n_draws=effort * draws, **again, **options)
    (row,) = planned.needed(wanted, vary=name, projection=PROJECTION).to_dict("records")
    found |= {"needed": row["needed"], "planned": row["cosine"]}
    setting = planned.setting.with_(knob, row["needed"])
    options |= {"unit_rate": setting.rate, "time_per_step": setting.time}
    cells = setting.cells_per_unit

    def respond(part: int, n: int) -> Any:
        if cells == 1:
            return case.respond(n, part, **options)
        n = max(n // cells, 6 if quick else 24)
        return several_cells(case.respond(n * cells, part, **options), cells)

    simulated = simulated_until(respond, case.rate, (setting.repeats,), block=block, enough=enough, most=effort * most)
    one = simulated[PROJECTION, setting.repeats]
    return found | {"simulated": one.median("cosine"), "simulated.error": one.error("cosine")}


def several_cells(response: SpikingResponse, cells: int) -> SpikingResponse:
    """Read-outs are linear in the spikes: those of several cells for one unit are means of those of single ones."""
    n, n_samples = response.n_repeats // cells, response.n_samples
    means = {
        name: v.reshape(n_samples, n, cells, -1).mean(axis=2, dtype=v.dtype)
        for name, v in response.results.vectors.items()
    }
    flat = {name: v.reshape(n_samples * n, -1) for name, v in means.items()}
    plastic = {
        name: replace(learned, signals=response.readers[name].signals(means))
        for name, learned in response.plastic.items()
    }
    return replace(response, n_repeats=n, results=replace(response.results, vectors=flat), plastic=plastic)
