"""What a network did that learned by e-prop: its learning curve, its spikes, its outputs and their targets."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from spikedtp.plotting.style import COLOURS, DOUBLE_COLUMN, letter_panels, new_figure, styled

__all__ = ["eprop_figure", "images_figure"]

SMOOTHED = 20  # updates
MODELS = ("#0072b2", "#d55e00", "#009e73")


@styled
def eprop_figure(table: pd.DataFrame, spikes: np.ndarray, output: np.ndarray, target: np.ndarray) -> Figure:
    """Three panels.

    Parameters
    ----------
    table : DataFrame
        ``update``, ``loss`` and, for classification, ``accuracy`` before each update.
    spikes : (steps, n_rec)
        Of the last interval.
    output, target : (steps, n_out)
        The same; the last output is shown.
    """
    figure = new_figure(DOUBLE_COLUMN, 2.0)
    curve, raster, drawn = axes = figure.subplots(1, 3)
    if "accuracy" in table:
        smooth = table["accuracy"].rolling(SMOOTHED, min_periods=1).mean()
        curve.plot(table["update"], table["accuracy"], ".", color=COLOURS["other"], ms=1.5)
        curve.plot(table["update"], smooth, color=COLOURS["rate"])
        curve.set(xlabel="update", ylabel="accuracy in new trials", ylim=(0.3, 1.02))
    else:
        curve.semilogy(table["update"], table["loss"], color=COLOURS["rate"])
        curve.set(xlabel="update", ylabel="loss")
    step, cell = np.nonzero(spikes)
    raster.plot(step, cell, "|", color="black", markersize=2, markeredgewidth=0.5)
    raster.set(xlabel="time step", ylabel="cell", title="last interval")
    drawn.plot(target[:, -1], color=COLOURS["other"], label="target")
    drawn.plot(output[:, -1], color=COLOURS["rate"], label="output")
    drawn.set(xlabel="time step" if len(target) == len(spikes) else "time step of the recall", ylabel="output")
    drawn.legend()
    letter_panels(axes, x=-0.06)
    return figure


@styled
def images_figure(curves: pd.DataFrame, table: pd.DataFrame) -> Figure:
    """Right answers while networks learn (left), and accuracies of the finished networks, a dot for each seed (right).

    Parameters
    ----------
    curves : DataFrame
        ``presentations``, ``right``, ``model``, ``seed``.
    table : DataFrame
        ``model``, ``seed``, ``validation`` and, if test images were shown, ``test``.
    """
    figure = new_figure(DOUBLE_COLUMN, 2.2)
    curve, dots = axes = figure.subplots(1, 2)
    measure = "test" if "test" in table else "validation"
    for k, (name, of_model) in enumerate(curves.groupby("model", sort=False)):
        mean = of_model.groupby("presentations")["right"].mean()
        curve.plot(mean.index, mean, ".-", color=MODELS[k], ms=3, label=name)
        found = table.loc[table["model"] == name, measure]
        dots.plot(found, [name] * len(found), "o", color=MODELS[k], ms=4, mfc="none")
        dots.plot(found.mean(), [name], "|", color=MODELS[k], ms=12)
    curve.set(xlabel="presentations", ylabel="right answers before learning", ylim=(0, 1))
    curve.legend(loc="lower right")
    dots.set(xlabel=f"accuracy, {measure} images", ylim=(-0.5, table["model"].nunique() - 0.5))
    dots.invert_yaxis()
    letter_panels(axes, x=-0.06)
    return figure
