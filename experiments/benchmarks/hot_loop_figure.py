"""Figure of the hot-loop benchmarks: every contestant's time for the four networks, scaling, learning events."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from spikedtp.plotting.style import COLOURS, DOUBLE_COLUMN, letter_panels, new_figure, styled

__all__ = ["hot_loop_figure"]

NETWORKS = {
    ("a", "feed-forward"): "500 Poisson → 500 cells",
    ("b", "Figure 3"): "Figure 3's presentation",
    ("c", "STDP"): "STDP, 784 → 500",
    ("c", "MSTDPET"): "MSTDPET, 784 → 500",
}
SCALING = {
    "cells": "cells (and inputs)",
    "rate": "rate (Hz)",
    "presentations": "presentations in a batch",
    "processes": "processes",
}
LEARNING = "learning event"
MARKED = {"floor": COLOURS["rate"], "spikedtp": COLOURS["spiking"], "Brian2 standalone": COLOURS["DendI"],
          "NEST": COLOURS["positive"], "torch, batch 1": COLOURS["negative"]}  # fmt: skip


@styled
def hot_loop_figure(table: pd.DataFrame) -> Figure:
    """Panels of what was measured.

    Parameters
    ----------
    table : pandas.DataFrame
        Columns ``part, case, x, contestant, unit, time, time_low, time_high, wall, times_floor``.
    """
    table = table[~table["contestant"].str.endswith(", parts")]
    draw = []
    for (part, case), title in NETWORKS.items():
        found = table[(table["part"] == part) & (table["case"] == case)]
        draw.append((bars, found, title))
    for case, label in SCALING.items():
        draw.append((scaling, table[(table["part"] == "d") & (table["case"] == case)], label))
    draw.append((learning, table[table["part"] == "e"], LEARNING))
    draw = [panel for panel in draw if len(panel[1])]
    n_rows = -(-len(draw) // 2)
    figure = new_figure(DOUBLE_COLUMN, 0.3 + 1.75 * n_rows)
    axes = figure.subplots(n_rows, 2, squeeze=False).ravel()
    for ax, (panel, found, title) in zip(axes, draw, strict=False):
        panel(ax, found, title)
    for ax in axes[len(draw) :]:
        ax.set_axis_off()
    handles = {label: handle for ax in axes for handle, label in zip(*ax.get_legend_handles_labels(), strict=True)}
    if handles:
        figure.legend(handles.values(), handles, loc="outside lower center", ncols=len(handles))
    letter_panels(axes[: len(draw)], x=-0.06)
    return figure


def colour(contestant: str) -> str:
    return MARKED.get(contestant, COLOURS["other"])


def bars(ax: Axes, found: pd.DataFrame, title: str) -> None:
    """Medians with quartiles; at the right, how many times the floor."""
    y = np.arange(len(found))[::-1]
    error = [found["time"] - found["time_low"], found["time_high"] - found["time"]]
    ax.barh(y, found["time"], xerr=error, color=[colour(name) for name in found["contestant"]], height=0.65,
            error_kw={"linewidth": 0.7})  # fmt: skip
    for height, ratio in zip(y, found["times_floor"], strict=True):
        ax.text(1.01, height, f"{ratio:.3g}×", transform=ax.get_yaxis_transform(), va="center", fontsize=6)
    ax.set_yticks(y, found["contestant"])
    ax.set_xscale("log")
    ax.set(xlabel=found["unit"].iloc[0], xlim=(found["time"].min() / 3, None))
    ax.set_title(title, loc="left")


def scaling(ax: Axes, found: pd.DataFrame, label: str) -> None:
    """Time per unit, simulation (line) and wall (dotted)."""
    for name, rows in found.groupby("contestant", sort=False):
        rows = rows.sort_values("x")
        ax.plot(rows["x"], rows["time"], "o-", color=colour(name), label=name)
        ax.plot(rows["x"], rows["wall"], ":", color=colour(name))
    ticks = sorted(found["x"].unique())
    ax.set_xscale("log")
    ax.set_yscale("log")
    ax.set_xticks(ticks, [f"{x:g}" for x in ticks])
    ax.minorticks_off()
    ax.set(xlabel=label, ylabel=found["unit"].iloc[0])
    ax.plot([], [], ":", color=COLOURS["other"], label="wall time")


def learning(ax: Axes, found: pd.DataFrame, title: str) -> None:
    """Groups of bars: contestants for each kind and size of event."""
    kinds = list(dict.fromkeys(zip(found["case"], found["x"], strict=True)))
    names = list(found["contestant"].unique())
    width = 0.8 / len(names)
    for k, name in enumerate(names):
        rows = found[found["contestant"] == name]
        x = [
            kinds.index(pair) + (k - (len(names) - 1) / 2) * width for pair in zip(rows["case"], rows["x"], strict=True)
        ]
        ax.bar(x, rows["time"], width, label=name, color=MARKED.get(name, str(0.5 + 0.1 * k)))
    ax.set_yscale("log")
    ax.set_xticks(range(len(kinds)), [f"{kind}\n{x:g} × 500" for kind, x in kinds])
    ax.set(xlabel=title, ylabel=found["unit"].iloc[0])
