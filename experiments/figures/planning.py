"""The figure of `planning.py`."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from spikedtp.plotting.style import COLOURS, letter_panels, new_figure, styled

__all__ = ["planning_figure"]

TITLES = {"open": "open loop, digits", "closed": "closed loop, digits", "mnist": "closed loop, MNIST"}
SIZE = 2.3  # inch


@styled
def planning_figure(tables: dict[str, pd.DataFrame]) -> Figure:
    """Planned against simulated median cosines (above), and their difference with its standard error (below)."""
    shown = [name for name in TITLES if name in tables]
    figure = new_figure(SIZE * max(len(shown), 1.5), 1.8 * SIZE)
    axes = figure.subplots(2, len(shown), squeeze=False, sharex="col", height_ratios=(2, 1))
    for (above, below), name in zip(axes.T, shown, strict=True):
        table = tables[name]
        own = table["variant"] == "default" if "variant" in table else pd.Series(True, index=table.index)
        standard = np.hypot(table["simulated.cosine.error"], table["planned.error"])
        for rows, colour, label in ((own, COLOURS["spiking"], "default"), (~own, COLOURS["rate"], "other")):
            part = table[rows]
            if not len(part):
                continue
            above.plot(part["simulated.cosine"], part["planned.cosine"], "o", color=colour, markersize=2.5, alpha=0.6,
                       markeredgewidth=0, label=f"{label} ({len(part)})")  # fmt: skip
            below.errorbar(part["simulated.cosine"], part["planned.cosine"] - part["simulated.cosine"],
                           yerr=standard[rows], fmt="o", color=colour, markersize=2, elinewidth=0.5, alpha=0.6,
                           markeredgewidth=0)  # fmt: skip
        low = float(min(table["simulated.cosine"].min(), table["planned.cosine"].min())) - 0.02
        above.plot([low, 1], [low, 1], color=COLOURS["rate"], linewidth=0.6, zorder=0)
        above.set(title=TITLES[name], ylabel="planned median cosine")
        if (~own).any():
            above.legend()
        for level in (-0.02, 0.02):
            below.axhline(level, color=COLOURS["rate"], linewidth=0.6, linestyle=":")
        below.axhline(0, color=COLOURS["rate"], linewidth=0.6)
        below.set(xlabel="simulated median cosine", ylabel="planned - simulated")
    letter_panels(axes.ravel())
    return figure
