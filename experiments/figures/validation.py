"""The validation suite as one figure: every line's error over its tolerance, and what was measured over a range."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullLocator

from spikedtp.plotting.style import COLOURS, DOUBLE_COLUMN, letter_panels, new_figure, styled

__all__ = ["Curve", "error_strips", "expected_and_measured", "validation_figure"]

COLUMNS = 4
SMALLEST = 1e-5  # of error over tolerance: what is less is drawn here


@dataclass(frozen=True)
class Curve:
    """What a check measured over a range: points against the line of the theory."""

    title: str
    xlabel: str
    ylabel: str
    x: Sequence[float]
    measured: Sequence[float]
    expected: Sequence[float]
    log: str = ""  # which axes are logarithmic: "", "x" or "xy"


@styled
def validation_figure(lines: pd.DataFrame, curves: Sequence[Curve]) -> Figure:
    """Errors of all lines by group, above one panel for each curve.

    Parameters
    ----------
    lines : pandas.DataFrame
        Columns ``group, error, tolerance, verdict``, one row for each claim; NaN errors were left out.
    curves : sequence of Curve
    """
    rows = -(-len(curves) // COLUMNS)
    groups = lines["group"].nunique()
    strips = 0.5 + 0.17 * groups
    figure = new_figure(DOUBLE_COLUMN, strips + 1.55 * rows)
    grid = figure.add_gridspec(rows + 1, COLUMNS, height_ratios=[strips, *[1.55] * rows])
    axes = [error_strips(figure.add_subplot(grid[0, :]), lines)]
    for k, curve in enumerate(curves):
        axes.append(expected_and_measured(figure.add_subplot(grid[1 + k // COLUMNS, k % COLUMNS]), curve))
    letter_panels(axes)
    return figure


def error_strips(ax: Axes, lines: pd.DataFrame) -> Axes:
    """|measured - expected| over the tolerance, one dot for each line; right of the dashed line a claim has failed."""
    judged = lines[lines["error"].notna()]
    groups = list(dict.fromkeys(lines["group"]))
    for k, group in enumerate(groups):
        rows = judged[judged["group"] == group]
        with np.errstate(divide="ignore", invalid="ignore"):
            ratio = np.where(rows["error"] == 0, 0, rows["error"] / rows["tolerance"])
        failed = (rows["verdict"] != "pass").to_numpy()
        shown = np.clip(ratio, SMALLEST, 1e3)
        spread = k + np.linspace(-0.25, 0.25, len(rows)) if len(rows) > 1 else np.full(len(rows), float(k))
        for chosen, colour in ((~failed, COLOURS["spiking"]), (failed, COLOURS["E"])):
            ax.plot(shown[chosen], spread[chosen], "o", markersize=2.5, color=colour, markeredgewidth=0)
    ax.axvline(1, color=COLOURS["rate"], linewidth=0.7, linestyle="--", gid="tolerance")
    ax.set_xscale("log")
    ax.set_xlim(SMALLEST / 2, max(10, 2 * ax.get_xlim()[1] if (judged["verdict"] != "pass").any() else 10))
    ax.set_yticks(range(len(groups)), groups)
    ax.set_ylim(len(groups) - 0.5, -0.5)
    ax.set_xlabel(f"|measured - expected| / tolerance (below {SMALLEST:g}: drawn there)")
    passed = int((judged["verdict"] == "pass").sum())
    left_out = len(lines) - len(judged)
    ax.set_title(f"{passed} of {len(judged)} lines pass" + (f", {left_out} left out" if left_out else ""))
    return ax


def expected_and_measured(ax: Axes, curve: Curve) -> Axes:
    """Theory as a line, measurements as points."""
    ax.plot(curve.x, curve.expected, color=COLOURS["rate"], linewidth=1, label="expected", gid="expected")
    ax.plot(curve.x, curve.measured, "o", color=COLOURS["spiking"], markersize=2, label="measured", gid="measured")
    for name in curve.log:
        axis = {"x": ax.xaxis, "y": ax.yaxis}[name]
        ax.set(**{f"{name}scale": "log"})
        low, high = axis.get_view_interval()
        axis.set_major_locator(LogLocator(subs=(1, 2, 5) if high < 100 * low else (1,)))
        axis.set_major_formatter("{x:g}")
        axis.set_minor_locator(NullLocator())
    ax.set_title("\n".join(textwrap.wrap(curve.title, 30)), fontsize=6.5)
    ax.set_xlabel(curve.xlabel, fontsize=6)
    ax.set_ylabel(curve.ylabel, fontsize=6)
    return ax
