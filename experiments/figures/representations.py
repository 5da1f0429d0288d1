"""Distributions of measures of representations, of networks that learned and answered in rate or in spikes."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from spikedtp.plotting.style import COLOURS, DOUBLE_COLUMN, letter_panels, new_figure, styled

__all__ = ["representations_figure"]

#: (learned, answered) -> colour and width of the outline; what learned in spikes is green, answers in spikes are pale.
CONDITIONS = {
    ("rate", "rate"): (COLOURS["rate"], 0.45),
    ("spikes", "rate"): (COLOURS["spiking"], 0.6),
    ("rate", "spikes"): (COLOURS["rate"], 0.15),
    ("spikes", "spikes"): (COLOURS["spiking"], 0.25),
}
MEASURES = (
    "sparsity", "selectivity", "structure", "similarity within classes", "similarity between classes", "dimensionality",
)  # fmt: skip


@styled
def representations_figure(table: pd.DataFrame) -> Figure:
    """One panel per measure; in each a group of violins per population, one violin per condition.

    Parameters
    ----------
    table : DataFrame
        Tidy, with the columns ``population, measure, value, learned, answered, seed``. Violins pool all seeds; a dot is
        the mean of the seeds' means. The dimensionality is one number per seed: dots, joined from layer to layer.
    """
    figure = new_figure(DOUBLE_COLUMN, 4.0)
    axes = figure.subplots(2, 3)
    for ax, measure in zip(axes.flat, MEASURES, strict=True):
        part = table[table["measure"] == measure]
        (_lines if measure == "dimensionality" else _violins)(ax, part)
        ax.set_ylabel({"structure": "field structure |Moran's I|"}.get(measure, measure))
    handles = [
        axes[0, 0].plot([], [], color=colour, alpha=min(1, alpha + 0.3), linewidth=5)[0]
        for colour, alpha in CONDITIONS.values()
    ]
    labels = [f"learned in {learned}, answers in {answered}" for learned, answered in CONDITIONS]
    figure.legend(handles, labels, loc="outside upper center", ncols=4, columnspacing=1)
    letter_panels(axes.flat, x=-0.06)
    return figure


def _groups(ax: Axes, part: pd.DataFrame) -> list[str]:
    names = list(dict.fromkeys(part["population"]))
    ax.set_xticks(np.arange(len(names)), names)
    ax.set_xlim(-0.5, max(len(names), 1) - 0.5)
    return names


def _violins(ax: Axes, part: pd.DataFrame) -> None:
    found = set(part[["learned", "answered"]].itertuples(index=False, name=None))
    there = [condition for condition in CONDITIONS if condition in found]
    for place, name in enumerate(_groups(ax, part)):
        for k, (learned, answered) in enumerate(there):
            colour, alpha = CONDITIONS[learned, answered]
            found = part[(part["population"] == name) & (part["learned"] == learned) & (part["answered"] == answered)]
            x = place + 0.2 * (k - (len(there) - 1) / 2)
            if found["value"].nunique() > 1:
                ax.violinplot(found["value"], positions=[x], widths=0.19, showextrema=False)
                ax.collections[-1].set(facecolor=colour, alpha=alpha, edgecolor=colour, linewidth=0.5)
            ax.plot(x, found.groupby("seed")["value"].mean().mean(), "o", color=colour, markersize=2)
    ax.set_ylim(bottom=0)


def _lines(ax: Axes, part: pd.DataFrame) -> None:
    names = _groups(ax, part)
    for (learned, answered), (colour, alpha) in CONDITIONS.items():
        found = part[(part["learned"] == learned) & (part["answered"] == answered)]
        by_seed = found.pivot_table(index="population", columns="seed", values="value", sort=False).reindex(names)
        error = by_seed.sem(axis=1).fillna(0)
        ax.errorbar(np.arange(len(names)), by_seed.mean(axis=1), error, color=colour, alpha=min(1, alpha + 0.3),
                    linestyle="-" if answered == "rate" else "--", marker="o", markersize=2.5)  # fmt: skip
    ax.set_ylim(bottom=0)
