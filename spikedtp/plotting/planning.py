"""What a plan expects: contours of constant cosine over time and rate."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from spikedtp.plotting.style import COLOURS, SINGLE_COLUMN, letter_panels, new_figure, styled

__all__ = ["contours_figure", "cosine_contours"]

LEVELS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.85, 0.9, 0.95, 0.97, 0.98, 0.99, 0.995, 0.998, 0.999)
MOST_PANELS, MOST_LEVELS = 4, 8
PANEL = 2.3  # inch


def cosine_contours(ax: Axes, table: pd.DataFrame) -> Axes:
    """Lines through durations and rates that give the same expected cosine, on logarithmic axes.

    Parameters
    ----------
    ax : Axes
    table : pandas.DataFrame
        The rows of one projection, with the columns ``duration`` (ms), ``rate`` (Hz) and ``cosine``; every duration
        with every rate.
    """
    grid = table.pivot(index="rate", columns="duration", values="cosine").to_numpy(float)
    durations, rates = np.unique(table["duration"]), np.unique(table["rate"])
    ax.set_xscale("log")
    ax.set_yscale("log")
    if min(grid.shape) > 1 and np.isfinite(grid).all():
        # between the points the logarithm of the tangent of the angle is nearly a plane, the cosine is not
        inside = [level for level in LEVELS if grid.min() < level < grid.max()]
        inside = inside[:: -(-len(inside) // MOST_LEVELS) or 1]
        if inside:
            lines = ax.contour(
                durations, rates, _steepness(grid), levels=[float(_steepness(level)) for level in inside[::-1]],
                colors=COLOURS["spiking"], linewidths=0.9, linestyles="solid",
            )  # fmt: skip
            labels = dict(zip(lines.levels, (f"{level:g}" for level in inside[::-1]), strict=True))
            ax.clabel(lines, fmt=labels, fontsize=6)
    ax.set_xlabel("presentation (ms)")
    ax.set_ylabel("peak rate (Hz)")
    for axis in (ax.xaxis, ax.yaxis):
        axis.set_minor_formatter("")
        axis.set_major_formatter("{x:g}")
    return ax


@styled
def contours_figure(table: pd.DataFrame, duration: float, rate: float) -> Figure:
    """One panel per projection: presentations and peak rates at constant cosine; the dot is the plan itself.

    Parameters
    ----------
    table : pandas.DataFrame
        From `PlannedComparison.contours`.
    duration : float
        Of the plan, in ms.
    rate : float
        Of the plan, in Hz.
    """
    projections = table["projection"].drop_duplicates().tolist()[:MOST_PANELS]
    figure = new_figure(max(SINGLE_COLUMN, PANEL * len(projections)), PANEL)
    axes = figure.subplots(1, len(projections), squeeze=False)[0]
    for ax, projection in zip(axes, projections, strict=True):
        cosine_contours(ax, table[table["projection"] == projection])
        ax.plot(duration, rate, "o", color=COLOURS["rate"], markersize=4)
        ax.set_title(f"{projection.replace('_', ' from ')}: cosine", loc="left")
    letter_panels(axes)
    return figure


def _steepness(cosine: np.ndarray | float) -> np.ndarray:
    return np.log(np.tan(np.arccos(np.clip(cosine, 1e-3, 1 - 1e-9))))
