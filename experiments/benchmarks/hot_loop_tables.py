"""Tables of the hot-loop benchmarks: medians, what each piece of a step costs, straight lines through the scaling."""

from __future__ import annotations

import numpy as np
import pandas as pd
from contestants import Run

__all__ = ["fits", "flat", "pieces", "speed_up", "summarised"]


def summarised(runs: pd.DataFrame) -> pd.DataFrame:
    """Medians and quartiles over repeats, and how many times the floor (of the same repeat) each is."""
    keys = ["part", "case", "x", "repeat"]
    floor = runs[runs["contestant"] == "floor"].groupby(keys, as_index=False)[["time", "wall"]].mean()
    runs = runs.merge(floor, on=keys, suffixes=("", "_floor"))
    runs["times_floor"] = runs["time"] / runs["time_floor"]
    grouped = runs.groupby(["part", "case", "x", "contestant", "unit"], sort=False)
    return grouped.agg(
        time=("time", "median"),
        time_low=("time", lambda v: v.quantile(0.25)),
        time_high=("time", lambda v: v.quantile(0.75)),
        wall=("wall", "median"),
        wall_low=("wall", lambda v: v.quantile(0.25)),
        wall_high=("wall", lambda v: v.quantile(0.75)),
        times_floor=("times_floor", "median"),
        build_seconds=("build_seconds", "first"),
        memory=("memory", "median"),
    ).reset_index()


def pieces(runs: list[tuple[dict, Run]]) -> pd.DataFrame:
    """What each piece of a loop costs, with a clock between them: medians, the dearest first."""
    rows = [
        {"part": row["part"], "case": row["case"], "x": row["x"], "unit": row["unit"], "piece": piece,
         "contestant": row["contestant"].removesuffix(", parts"), "time": run.per_unit(seconds)}
        for row, run in runs for piece, seconds in run.split.items()
    ]  # fmt: skip
    if not rows:
        return pd.DataFrame()
    keys = ["part", "case", "x", "contestant", "piece", "unit"]
    found = pd.DataFrame(rows).groupby(keys, sort=False)["time"].median().reset_index()
    return found.sort_values([*keys[:4], "time"], ascending=[True] * 4 + [False])


def fits(table: pd.DataFrame) -> pd.DataFrame:
    """Straight lines: wall time against presentations, time of a step against its synaptic events.

    Relative residuals are made small, since x spans decades. `residual` is the largest of them, `each` what one more
    presentation or event costs, `fixed` what is left at none.
    """
    rows = []
    for case, what, scale in (("presentations", "presentation", 1.0), ("rate", "synaptic event", 500 * 500 / 1000)):
        found = table[(table["part"] == "d") & (table["case"] == case)]
        for contestant, points in found.groupby("contestant", sort=False):
            if len(points) < 3:
                continue
            x = points["x"].to_numpy() * scale
            y = (points["wall"] * points["x"] if case == "presentations" else points["time"]).to_numpy()
            each, fixed = np.polyfit(x, y, 1, w=1 / y)
            residual = np.abs((each * x + fixed) / y - 1).max()
            rows.append((contestant, what, each, fixed, residual, points["unit"].iloc[0].split()[0]))
    return pd.DataFrame(rows, columns=["contestant", "against", "each", "fixed", "residual", "unit"])


def speed_up(table: pd.DataFrame) -> dict[str, float]:
    """How much more work two processes do in the same wall time than one."""
    found = table[(table["part"] == "d") & (table["case"] == "processes")].set_index(["contestant", "x"])["wall"]
    names = found.index.get_level_values("contestant").unique()
    return {f"d.processes.{name}.speed_up": 2 * found[name, 1] / found[name, 2] for name in names}


def flat(table: pd.DataFrame, parts: pd.DataFrame, straight: pd.DataFrame) -> dict[str, float]:
    """Every number under a key of its own."""
    summary = {}
    for row in table.itertuples():
        key = f"{row.part}.{row.case}.{row.x:g}.{row.contestant}"
        summary |= {f"{key}.time": row.time, f"{key}.wall": row.wall, f"{key}.times_floor": row.times_floor}
        if np.isfinite(row.memory):
            summary[f"{key}.memory"] = row.memory
    for row in parts.itertuples():
        summary[f"{row.part}.{row.case}.{row.x:g}.{row.contestant}.piece.{row.piece}"] = row.time
    for row in straight.itertuples():
        key = f"fit.{row.against}.{row.contestant}"
        summary |= {f"{key}.{name}": getattr(row, name) for name in ("each", "fixed", "residual")}
    return summary
