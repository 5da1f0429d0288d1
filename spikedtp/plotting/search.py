"""What a search found: the best value so far, the objectives against each parameter, and the Pareto front."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from functools import partial

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from spikedtp.plotting.style import COLOURS, DOUBLE_COLUMN, letter_panels, new_figure, styled
from spikedtp.plotting.sweep import UNITS, setting_places

__all__ = ["search_figure"]

COLUMNS, PANEL, MAX_PARAMETERS = 3, 1.7, 9  # height of a panel in inch
NAMES = {
    "validation_accuracy": "validation accuracy (%)",
    "validation_accuracy_in_spikes": "validation accuracy\nin spikes (%)",
    "cosine": "cosine of ΔW",
    "milliseconds": "presentation (ms)",
}
_BEST = COLOURS["E"]


@styled
def search_figure(table: pd.DataFrame, parameters: Mapping[str, bool], objectives: Mapping[str, bool]) -> Figure:
    """The history of each objective, the Pareto front of each pair, and the first objective against each parameter.

    Parameters
    ----------
    table : DataFrame
        ``trials.parquet`` of a search.
    parameters : mapping of str to bool
        The columns that were varied, and whether on a logarithmic scale. The first nine are drawn.
    objectives : mapping of str to bool
        The columns that were looked for, and whether more of it is better.
    """
    done = table[table["status"] == "done"].copy()
    for name in objectives:
        done[name] = _shown(name, done[name])
    first = next(iter(objectives))
    draw: list[Callable[[Axes], object]] = [
        *(partial(_history, done=done, name=name, more=more) for name, more in objectives.items()),
        *(partial(_front, done=done, x=x, y=y) for x, y in itertools.combinations(objectives, 2)),
        *(
            partial(_against, done=done, key=key, log=log, name=first)
            for key, log in itertools.islice(parameters.items(), MAX_PARAMETERS)
        ),
    ]
    columns = min(COLUMNS, len(draw))
    rows = -(-len(draw) // columns)
    figure = new_figure(DOUBLE_COLUMN * columns / COLUMNS, rows * PANEL)
    axes = figure.subplots(rows, columns, squeeze=False).ravel()
    for ax, drawn in zip(axes, draw, strict=False):
        drawn(ax)
    for ax in axes[len(draw) :]:
        ax.remove()
    letter_panels(axes[: len(draw)])
    return figure


def _history(ax: Axes, done: pd.DataFrame, name: str, more: bool) -> None:
    best = done[name].cummax() if more else done[name].cummin()
    ax.scatter(done["trial"], done[name], s=6, color=COLOURS["other"], linewidths=0, gid="trials")
    ax.step(done["trial"], best, where="post", color=_BEST, linewidth=1, gid="best-so-far")
    ax.set(xlabel="trial", ylabel=NAMES[name])
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))


def _front(ax: Axes, done: pd.DataFrame, x: str, y: str) -> None:
    front = done[done["best"]].sort_values([x, y])
    ax.scatter(done[x], done[y], s=6, color=COLOURS["other"], linewidths=0, gid="trials")
    ax.plot(front[x], front[y], "o-", markersize=3, linewidth=0.8, color=_BEST, label="Pareto front", gid="front")
    ax.set(xlabel=NAMES[x].replace("\n", " "), ylabel=NAMES[y])
    ax.legend(fontsize=5.5)


def _against(ax: Axes, done: pd.DataFrame, key: str, log: bool, name: str) -> None:
    place, labels = setting_places(done[key])
    best = done["best"].to_numpy()
    ax.scatter(place, done[name], s=6, color=COLOURS["other"], linewidths=0)
    ax.scatter(place[best], done[name][best], s=14, color=_BEST, linewidths=0, zorder=3, gid="best")
    if labels is not None:
        ax.set_xticks(range(len(labels)), labels)
        ax.set_xlim(-0.5, len(labels) - 0.5)
    elif log:
        ax.set_xscale("log")
    unit = UNITS.get(key) or str(done[key].iloc[0]).partition("*")[2]
    ax.set(xlabel=f"{_in_two_lines(key)} ({unit})" if unit else _in_two_lines(key), ylabel=NAMES[name])


def _in_two_lines(key: str) -> str:
    """A long key such as ``rules.H1E_InputE.learning_rate`` in two lines, for narrow panels."""
    front, dot, last = key.rpartition(".")
    return f"{front}.\n{last}" if dot and len(key) > 24 else key


def _shown(name: str, values: pd.Series) -> np.ndarray:
    return values.to_numpy(float) * (100 if "accuracy" in name else 1)
