"""Accuracy against noise on the inputs, and against the loss of synapses."""

from __future__ import annotations

from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from spikedtp.plotting.style import COLOURS, DOUBLE_COLUMN, letter_panels, new_figure, styled

__all__ = ["robustness_figure"]

PANELS = {  # title, label of the axis
    ("noise", "clip"): ("noise, clipped", "sd of the noise on pixels"),
    ("noise", "keep"): ("noise, not clipped", "sd of the noise on pixels"),
    ("pruning", "smallest"): ("smallest lost first", "fraction of synapses lost"),
    ("pruning", "random"): ("lost at random", "fraction of synapses lost"),
}
LINES = {"rate": "-", "spikes": "o"}
OPEN: dict[str, Any] = {"markersize": 3, "markerfacecolor": "white", "markeredgewidth": 0.8}
MODELS = ("positive", "DendI", "negative", "SomaI", "E", "spiking")  # colours, in the order of the models


@styled
def robustness_figure(means: pd.DataFrame, chance: float) -> Figure:
    """One panel for each perturbation, a colour for each model; points where networks answer in spikes.

    Parameters
    ----------
    means : DataFrame
        Columns ``model, perturbation, variant, answered, level, mean, sem``. Bands and bars are standard errors over
        seeds.
    chance : float
        The accuracy of guessing.
    """
    shown = [key for key in PANELS if ((means["perturbation"] == key[0]) & (means["variant"] == key[1])).any()]
    figure = new_figure(DOUBLE_COLUMN, 2.3)
    axes = figure.subplots(1, len(shown), sharey=True, squeeze=False)[0]
    models = list(dict.fromkeys(means["model"]))
    colours = {model: COLOURS[MODELS[k % len(MODELS)]] for k, model in enumerate(models)}
    for ax, (perturbation, variant) in zip(axes, shown, strict=True):
        part = means[(means["perturbation"] == perturbation) & (means["variant"] == variant)]
        for (model, answered), line in part.groupby(["model", "answered"], sort=False):
            _line(ax, line, colours[model], LINES[answered])
        ax.axhline(100 * chance, color=COLOURS["other"], linewidth=0.8, linestyle=":")
        title, label = PANELS[perturbation, variant]
        ax.set(title=title, xlabel=label, ylim=(0, 100))
        ax.set_xlim(0, part["level"].max())
    axes[0].set_ylabel("test accuracy (%)")
    handles = [axes[0].plot([], [], color=colour)[0] for colour in colours.values()]
    answers = list(dict.fromkeys(means["answered"]))
    handles += [axes[0].plot([], [], LINES[how], color=COLOURS["rate"], **OPEN)[0] for how in answers]
    handles.append(axes[0].plot([], [], color=COLOURS["other"], linewidth=0.8, linestyle=":")[0])
    labels = [*models, *(f"answers in {how}" for how in answers), "chance"]
    figure.legend(handles, labels, loc="outside lower center", ncols=min(6, len(labels)))
    letter_panels(axes)
    return figure


def _line(ax: Axes, line: pd.DataFrame, colour: str, style: str) -> None:
    mean, error = 100 * line["mean"], 100 * line["sem"].fillna(0)
    if style == LINES["spikes"]:
        ax.errorbar(line["level"], mean, error, fmt=style, color=colour, elinewidth=0.7, clip_on=False, **OPEN)
        return
    ax.plot(line["level"], mean, style, color=colour)
    ax.fill_between(line["level"], mean - error, mean + error, color=colour, alpha=0.2, linewidth=0)
