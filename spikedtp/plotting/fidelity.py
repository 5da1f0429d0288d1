"""How faithful a spiking ΔW is, against presentation time, peak rate and averaging."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from spikedtp.plotting.style import COLOURS, DOUBLE_COLUMN, letter_panels, new_figure, styled
from spikedtp.plotting.sweep import angle_axis

__all__ = ["fidelity_curves", "fidelity_figure"]

LINES = {"paper": ("o", COLOURS["rate"]), "best": ("D", COLOURS["spiking"])}


def fidelity_curves(ax: Axes, table: pd.DataFrame) -> Axes:
    """Median angle between spiking and rate ΔW with its interval, one line per read-out. Noise alone is dotted.

    If both axes are logarithmic, noise alone is a straight line: it falls as 1/√(rate × time × repeats).

    Parameters
    ----------
    ax : Axes
    table : pandas.DataFrame
        The rows of one varied quantity and one reference, with the columns ``vary, value, readout, median, low, high,
        noise_ceiling`` (cosines).
    """
    several = table["readout"].nunique() > 1
    for readout, rows in table.groupby("readout", sort=False):
        rows = rows.sort_values("value")
        marker, colour = LINES[readout]
        angle, widest, narrowest, noise = (
            np.degrees(np.arccos(rows[name])) for name in ("median", "low", "high", "noise_ceiling")
        )
        ax.errorbar(
            rows["value"],
            angle,
            yerr=[angle - narrowest, widest - angle],
            marker=marker,
            markersize=3.5,
            color=colour,
            linewidth=1,
            label=f"{readout} read-out (95 % interval)",
        )
        dots = colour if several else COLOURS["rate"]  # over the measurements, not lost in them
        ax.plot(rows["value"], noise, ":", color=dots, linewidth=1.5, zorder=3, label="noise alone (predicted)")
    ax.set_xscale("log")
    ax.set_xticks(sorted(table["value"].unique()))
    ax.xaxis.set_major_formatter("{x:g}")
    ax.minorticks_off()
    ax.set_xlabel(str(table["vary"].iloc[0]))
    return ax


@styled
def fidelity_figure(table: pd.DataFrame, projection: str) -> Figure:
    """Angle between spiking and rate ΔW against what was varied (columns), for both references (rows).

    Parameters
    ----------
    table : pandas.DataFrame
        It has the columns ``vary, value, readout, reference, median, low, high, noise_ceiling``.
    projection : str
        The projection that the title names.

    Examples
    --------
    >>> import pandas as pd
    >>> from spikedtp.plotting import fidelity_figure
    >>> columns = ["vary", "value", "readout", "reference", "median", "low", "high", "noise_ceiling"]
    >>> rows = [["rate (Hz)", rate, "best", "rule", 0.9, 0.8, 0.95, 0.92] for rate in (50, 100)]
    >>> figure = fidelity_figure(pd.DataFrame(rows, columns=columns), "H2E_H1E")
    >>> figure.axes[0].get_title(loc="left")
    'H2E from H1E'
    """
    varied, references = table["vary"].unique(), table["reference"].unique()
    figure = new_figure(DOUBLE_COLUMN, 0.5 + 1.9 * len(references))
    axes = figure.subplots(len(references), len(varied), sharey="row", sharex="col", squeeze=False)
    for row, reference in zip(axes, references, strict=True):
        for ax, vary in zip(row, varied, strict=True):
            fidelity_curves(ax, table[(table["vary"] == vary) & (table["reference"] == reference)])
            if ax is not axes[-1, list(varied).index(vary)]:
                ax.set_xlabel("")
        row[0].set_ylabel(f"angle with the\n{reference}'s ΔW (degrees)")
        angle_axis(row[0])
    axes[0, 0].set_title(projection.replace("_", " from "), loc="left")
    handles, labels = axes[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=len(labels))
    letter_panels(axes.ravel())
    return figure
