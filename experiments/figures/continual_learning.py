"""Figure of `continual_learning.py`: two accuracy matrices, and all models within tasks."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from spikedtp.plotting.style import COLOURS, DOUBLE_COLUMN, letter_panels, new_figure, styled

__all__ = ["continual_figure"]

SHOWN = ("DTP", "DTP, SI")


@styled
def continual_figure(matrices: pd.DataFrame, table: pd.DataFrame) -> Figure:
    """Accuracy within tasks: of each task after each task, without and with consolidation, and of all models.

    Parameters
    ----------
    matrices : DataFrame
        The columns ``model, mode, seed, task, after, within`` of every run.
    table : DataFrame
        Means with their intervals, one row for each model and mode, in percent.
    """
    figure = new_figure(DOUBLE_COLUMN, 0.7 + 0.17 * len(table))
    grid = figure.add_gridspec(2, 2, width_ratios=(1, 2.4))
    pair = [name for name in SHOWN if name in set(matrices["model"])] or list(dict.fromkeys(matrices["model"]))[:1]
    squares = [figure.add_subplot(grid[k, 0]) for k in range(len(pair))]
    for axes, name in zip(squares, pair, strict=True):
        _matrix(axes, matrices[(matrices["model"] == name) & (matrices["mode"] == "rate")], name)
    squares[-1].set_xlabel("tasks learned")
    right = figure.add_subplot(grid[:, 1])
    _models(right, table)
    letter_panels([*squares, right])
    return figure


def _matrix(axes: Axes, part: pd.DataFrame, title: str) -> None:
    values = 100 * part.pivot_table(index="task", columns="after", values="within", aggfunc="mean")
    # what was not learned yet says nothing about forgetting
    learned = values.where(values.columns.to_numpy() >= values.index.to_numpy()[:, None])
    axes.imshow(learned, vmin=50, vmax=100, cmap="viridis", aspect="auto")
    for task, after in np.argwhere(learned.notna().to_numpy()):
        value = learned.iloc[task, after]
        axes.text(after, task, f"{value:.0f}", ha="center", va="center", color="black" if value > 80 else "white")
    axes.set_xticks(range(len(values.columns)), values.columns)
    axes.set_yticks(range(len(values)), values.index)
    axes.set(ylabel="task", title=f"{title} (% within task)")


def _models(axes: Axes, table: pd.DataFrame) -> None:
    places = np.arange(len(table))[::-1]
    for place, row in zip(places, table.itertuples(), strict=True):
        known = table.loc[row.Index]
        colour = COLOURS["rate" if row.mode == "rate" else "spiking"]
        axes.plot([known["within.low"], known["within.high"]], [place, place], color=colour)
        axes.plot(known["within"], place, "o", ms=4, color=colour)
        axes.plot(known["accuracy"], place, "o", ms=4, mec=colour, mfc="none")
    names = [row.model + ("" if row.mode == "rate" else " (spikes)") for row in table.itertuples()]
    axes.set_yticks(places, names)
    axes.axvline(50, lw=0.8, ls=":", color=COLOURS["other"])
    axes.set(xlabel="mean accuracy of all tasks at the end (%)", xlim=(0, 101), ylim=(-0.7, len(table) - 0.3))
    for label, fill in (("which of the two digits of the task", COLOURS["rate"]), ("which of ten digits", "none")):
        axes.plot([], [], "o", ms=4, mec=COLOURS["rate"], mfc=fill, label=label)
    axes.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=2)
