"""What dendrites do while a network learns, beside what was recorded from cortical pyramidal cells."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from spikedtp.plotting.style import DOUBLE_COLUMN, letter_panels, new_figure, styled

__all__ = ["PUBLISHED", "plateaus_figure"]

COLOURS = {"H1E": "#0072b2", "H2E": "#d55e00", "OutputE": "#009e73"}
#: Network -> colour and label.
WAYS = {
    "rate": ("0.5", "rate network"),
    "all learns": (COLOURS["H1E"], "learned in spikes"),
    "passive dendrites": (COLOURS["OutputE"], "the same, passive dendrites"),
    "hidden layers stay": (COLOURS["H2E"], "hidden layers stay"),
}
#: Column -> what was recorded in cortical pyramidal cells: lowest, highest, what.
PUBLISHED: dict[str, list[tuple[float, float, str]]] = {
    "duration_ms": [
        (45, 84, "NMDA spikes at half height, at the soma\n(Schiller et al. 2000)"),
        (200, 800, "plateaus evoked by glutamate\n(Oikonomou et al. 2014)"),
    ],
}
LABELS = {
    "duration_ms": "duration of plateaus (ms)",
    "height_mV": "height of plateaus (mV)",
    "bursts_per_presentation": "bursts in a presentation",
    "burst_fraction": "share of events that are bursts",
}


@styled
def plateaus_figure(curves: pd.DataFrame, table: pd.DataFrame, examples: dict[str, dict[str, Any]]) -> Figure:
    """An example before and after; medians of each population at three times; accuracies on validation images."""
    figure = new_figure(DOUBLE_COLUMN, 4.6)
    axes = figure.subplots(2, 3)
    _example(axes[0, 0], {when: shown for when, shown in examples.items() if shown})
    for ax, column in zip([axes[0, 1], axes[0, 2], axes[1, 0], axes[1, 1]], LABELS, strict=True):
        _course(ax, table, column)
    axes[0, 2].legend(frameon=False, loc="upper right")
    _accuracies(axes[1, 2], curves)
    letter_panels(axes.ravel())
    return figure


def _example(ax: Axes, examples: dict[str, dict[str, Any]]) -> None:
    examples = {when: shown for when, shown in examples.items() if when != "during"}
    top = 1e3 * max(shown["v"].max() for shown in examples.values()) + 20
    for k, (when, shown) in enumerate(examples.items()):
        t = np.arange(len(shown["v"])) * shown["dt_ms"]
        colour = "0.6" if when == "before" else COLOURS["H1E"]
        ax.plot(t, shown["v"] * 1e3, color=colour, lw=0.8, label=when)
        at = t[np.asarray(shown["spikes"], bool)]
        ax.plot(at, np.full(len(at), top - 8 * k), "|", color=colour, ms=4)
        ax.axvline(shown["onset_ms"], color="0.8", lw=0.8, zorder=0)
    ax.axhline(-38, color="0.5", ls=":", lw=0.8)
    ax.set(xlabel="time (ms)", ylabel="dendrite of an H1E cell (mV)", ylim=(-140, None))
    ax.legend(frameon=False, loc="lower left")


def _course(ax: Axes, table: pd.DataFrame, column: str) -> None:
    """Mean and range of the seeds, before, during and after; published ranges as bands."""
    for k, (low, high, what) in enumerate(PUBLISHED.get(column, [])):
        ax.axhspan(low, high, color=str(0.93 - 0.06 * k), lw=0, zorder=0)
        ax.text(0.02, high, what, transform=ax.get_yaxis_transform(), va="top", fontsize=5, color="0.35")
    whens = list(dict.fromkeys(table["when"]))
    for k, (population, rows) in enumerate(table.groupby("population", sort=False)):
        values = [rows.loc[rows["when"] == when, column].dropna() for when in whens]
        mean = np.array([v.mean() if len(v) else np.nan for v in values])
        ends = np.array([[v.min(), v.max()] if len(v) else [np.nan] * 2 for v in values])
        places = np.arange(len(whens)) + 0.12 * (k - 1)
        ax.errorbar(
            places, mean, yerr=np.abs(ends.T - mean), fmt="o-", ms=3, lw=0.8, color=COLOURS[str(population)],
            label=population,
        )  # fmt: skip
    ax.set_xticks(range(len(whens)), whens)
    ax.set(ylabel=LABELS[column], xlim=(-0.4, len(whens) - 0.6))
    if column in ("duration_ms", "height_mV"):  # before learning, dendrites are driven far out of any range
        ax.set_yscale("log")
    else:
        ax.set_ylim(bottom=0)


def _accuracies(ax: Axes, curves: pd.DataFrame) -> None:
    """Lines: asked in rate. Dots, one for each seed: asked in spikes at the end."""
    for network, (colour, label) in WAYS.items():
        rows = curves[curves["network"] == network]
        groups = rows.groupby("samples")["accuracy_rate"]
        ax.plot(groups.mean().index, 100 * groups.mean(), color=colour, lw=1, label=label)
        ax.fill_between(groups.min().index, 100 * groups.min(), 100 * groups.max(), color=colour, alpha=0.2, lw=0)
        ax.plot(rows["samples"], 100 * rows["accuracy_spiking"], "o", ms=3, color=colour, clip_on=False)
    ax.axhline(10, color="0.7", ls=":", lw=0.8)
    ax.set(xlabel="presentations", ylabel="validation images right (%)", ylim=(0, 102))
    ax.legend(frameon=False, loc="lower right", bbox_to_anchor=(1.02, 0.15), fontsize=5, title="dots: asked in spikes",
              title_fontsize=5)  # fmt: skip
