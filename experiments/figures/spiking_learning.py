"""Figures of `spiking_learning.py`."""

from __future__ import annotations

from itertools import product

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from spikedtp.plotting.style import COLOURS, DOUBLE_COLUMN, letter_panels, new_figure, styled

MARKERS = {"5J": "o", "BTSP": "s"}
LINES = {"5J": "-", "BTSP": "--"}
STROKES = ("-", "--", ":")
CONTROLS = ("shuffled targets", "frozen", "random top-down")


@styled
def inference_figure(table: pd.DataFrame) -> Figure:
    """Accuracy in spikes against presentation time and peak rate, and rates against activities."""
    figure = new_figure(DOUBLE_COLUMN, 2.2)
    axes = figure.subplots(1, 3)
    accuracy = table[table["kind"] == "accuracy"]
    for ax, key, fixed, value, label in (
        (axes[0], "settle", "unit_rate", 450, "presentation (ms)"),
        (axes[1], "unit_rate", "settle", 500, "firing rate of activity 1 (Hz)"),
    ):
        for rule, part in accuracy[accuracy[fixed] == value].groupby("rule"):
            means = 100 * part.groupby(key)["accuracy"].mean()
            ax.plot(means.index, means, LINES[rule], marker=MARKERS[rule], markersize=3, color=COLOURS["spiking"],
                    label=f"{rule}, spikes")  # fmt: skip
            ax.axhline(100 * part["rate_accuracy"].mean(), ls=LINES[rule], lw=0.8, color=COLOURS["rate"],
                       label=f"{rule}, rate network")  # fmt: skip
        ax.set(xlabel=label, ylabel="test accuracy (%)", ylim=(0, 100), xscale="log")
        ax.set_xticks(sorted(accuracy[key].unique()), [f"{x:g}" for x in sorted(accuracy[key].unique())])
        ax.minorticks_off()
    axes[0].legend(loc="lower right")
    activity = table[table["kind"] == "activity"]
    names = list(dict.fromkeys(activity["population"]))
    for rule, part in activity.groupby("rule"):
        slopes = part.groupby("population")["slope"].mean().reindex(names)
        axes[2].plot(np.arange(len(names)), slopes, MARKERS[rule], markersize=3, color=COLOURS["spiking"], label=rule)
    axes[2].axhline(1, lw=0.8, color=COLOURS["rate"])
    axes[2].set_xticks(np.arange(len(names)), names, rotation=90)
    axes[2].set(ylabel="spike counts / activities (slope)", ylim=(0, 1.5))
    axes[2].legend()
    letter_panels(axes)
    return figure


@styled
def updates_figure(table: pd.DataFrame) -> Figure:
    """Median cosine of closed-loop ΔW with the rate network's, by projection and stage."""
    panels = list(dict.fromkeys(table["name"]))
    references = list(dict.fromkeys(table["reference"]))
    names = list(dict.fromkeys(table["projection"]))
    figure = new_figure(DOUBLE_COLUMN, 1.4 * len(panels) + 0.9)
    axes = figure.subplots(len(panels), len(references), sharex=True, sharey=True, squeeze=False)
    stages = sorted(table["stage"].unique())
    for (row, panel), (column, reference) in product(enumerate(panels), enumerate(references)):
        ax, part = axes[row, column], table[(table["name"] == panel) & (table["reference"] == reference)]
        for k, stage in enumerate(stages):
            for firing, filled in (("poisson", True), ("regular", False)):
                rows = part[(part["stage"] == stage) & (part["firing"] == firing)].groupby("projection")
                x = np.arange(len(names)) + 0.2 * (k - (len(stages) - 1) / 2)
                colour = COLOURS["spiking"] if filled else "none"
                ax.plot(x, rows["cosine"].median().reindex(names), "o^s"[k], markersize=3.5, mec=COLOURS["spiking"],
                        mfc=colour, ls="none", label=f"{LABELS.get(stage, stage)}, {firing} spikes")  # fmt: skip
                if filled:
                    ax.plot(x, rows["noise_ceiling"].median().reindex(names), "_", color=COLOURS["rate"],
                            label="noise ceiling" if k == 0 else None)  # fmt: skip
        ax.axhline(0, lw=0.6, color=COLOURS["other"])
        ax.set_xticks(np.arange(len(names)), [name.replace("_", " ← ") for name in names], rotation=40, ha="right")
        ax.set(title=f"{panel}; rate network {REFERENCES[reference]}", ylim=(-1.05, 1.05))
        if not column:
            ax.set_ylabel("cosine with rate ΔW")
    figure.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside lower center", ncols=4)
    letter_panels(axes.ravel())
    return figure


REFERENCES = {"own steps": "after its 15 steps", "at rest": "at rest"}
LABELS = {0.0: "start", 0.1: "early", 1.0: "trained"}


@styled
def learning_figure(table: pd.DataFrame) -> Figure:
    """Learning curves, and where each run ends."""
    figure = new_figure(DOUBLE_COLUMN, 2.4)
    axes = figure.subplots(1, 3, width_ratios=(1, 1, 1.1))
    for ax, rule in zip(axes, ("5J", "BTSP"), strict=False):
        part = table[(table["rule"] == rule) & (table["control"] == "none")]
        for (mode, _), run in part.groupby(["mode", "seed"]):
            colour = COLOURS["spiking" if mode == "spiking" else "rate"]
            ax.plot(run["presentations"], 100 * run["rate_evaluation"], color=colour, lw=0.8)
        ax.plot([], [], color=COLOURS["rate"], label="learned in rate")
        ax.plot([], [], color=COLOURS["spiking"], label="learned in spikes")
        ax.set(xlabel="presentations", ylabel="test accuracy (%), rate evaluation", ylim=(0, 100), title=rule)
        ax.legend(loc="lower right")
    ends = table.loc[table.groupby(["rule", "seed", "mode", "control"])["presentations"].idxmax()]
    kinds = [("5J", "none"), ("BTSP", "none"), *(("5J", control) for control in CONTROLS)]
    for k, (rule, control) in enumerate(kinds):
        runs = ends[(ends["rule"] == rule) & (ends["control"] == control)]
        for mode, key, shift in (("rate", "rate_evaluation", -0.12), ("spiking", "spike_evaluation", 0.12)):
            values = 100 * runs[runs["mode"] == mode][key]
            axes[2].plot(np.full(len(values), k + shift), values, "o", markersize=3,
                         color=COLOURS["spiking" if mode == "spiking" else "rate"])  # fmt: skip
    axes[2].axhline(10, lw=0.8, ls=":", color=COLOURS["other"])
    labels = [rule if control == "none" else control for rule, control in kinds]
    axes[2].set_xticks(np.arange(len(kinds)), labels, rotation=30, ha="right")
    axes[2].set(ylabel="final test accuracy (%)", ylim=(0, 100))
    letter_panels(axes)
    return figure


@styled
def free_figure(table: pd.DataFrame) -> Figure:
    """Where learning ends when somas run on in the nudge."""
    rules = list(dict.fromkeys(table["rule"]))
    ends = table.loc[table.groupby(["rule", "name", "seed"])["presentations"].idxmax()]
    widths = [ends[ends["rule"] == rule]["name"].nunique() for rule in rules]
    figure = new_figure(DOUBLE_COLUMN, 2.7)
    axes = figure.subplots(1, len(rules), sharey=True, width_ratios=widths, squeeze=False)[0]
    for ax, rule in zip(axes, rules, strict=True):
        names = list(dict.fromkeys(table[table["rule"] == rule]["name"]))
        for k, name in enumerate(names):
            end = ends[(ends["rule"] == rule) & (ends["name"] == name)]
            mode = end["mode"].iloc[0]
            values = 100 * end["spike_evaluation" if mode == "spiking" else "rate_evaluation"]
            ax.plot(np.full(len(values), k), values, "o", markersize=3, color=COLOURS[mode])
            ax.plot([k - 0.2, k + 0.2], [values.mean()] * 2, color=COLOURS[mode])
        ax.axhline(10, lw=0.8, ls=":", color=COLOURS["other"])
        ax.set_xticks(np.arange(len(names)), names, rotation=35, ha="right")
        ax.set(title=rule, xlim=(-0.5, len(names) - 0.5), ylim=(0, 100))
    axes[0].set_ylabel("test accuracy (%)")
    letter_panels(axes)
    return figure


@styled
def topdown_figure(table: pd.DataFrame) -> Figure:
    """Accuracy with learned and with fixed top-down weights, and their angle to the forward ones."""
    names = list(dict.fromkeys(table["name"]))
    columns = [c for c in table if c.startswith("angle_")]
    figure = new_figure(DOUBLE_COLUMN, 2.4)
    axes = figure.subplots(1, 1 + len(columns))
    for (name, mode, _), run in table.groupby(["name", "mode", "seed"], sort=False):
        colour, line = COLOURS["spiking" if mode == "spiking" else "rate"], STROKES[names.index(name)]
        axes[0].plot(run["presentations"], 100 * run["rate_evaluation"], line, color=colour, lw=0.7)
        for ax, column in zip(axes[1:], columns, strict=True):
            ax.plot(run["presentations"], run[column], line, color=colour, lw=0.7)
    for mode in ("rate", "spiking"):
        axes[0].plot([], [], color=COLOURS[mode], label=f"learned in {'spikes' if mode == 'spiking' else 'rate'}")
    for name, line in zip(names, STROKES, strict=False):
        axes[0].plot([], [], line, color=COLOURS["other"], label=f"top-down {name}")
    axes[0].axhline(10, lw=0.8, ls=":", color=COLOURS["other"])
    axes[0].set(xlabel="presentations", ylabel="test accuracy (%), rate evaluation", ylim=(0, 100))
    for ax, column in zip(axes[1:], columns, strict=True):
        ax.set(xlabel="presentations", ylabel="angle to the forward weights (°)", ylim=(0, 90))
        ax.set_title(column.removeprefix("angle_").replace("_", " ← "))
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=5)
    letter_panels(axes)
    return figure


FIGURES = {
    "inference": inference_figure, "updates": updates_figure, "learning": learning_figure, "free": free_figure,
    "topdown": topdown_figure,
}  # fmt: skip
