"""Accuracies of torch networks in rate and in spikes, and how near their spiking weight changes come."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from spikedtp.plotting.style import COLOURS, DOUBLE_COLUMN, letter_panels, new_figure, styled

__all__ = ["torch_networks_figure"]


@styled
def torch_networks_figure(accuracy: pd.DataFrame, medians: pd.DataFrame) -> Figure:
    """Left: accuracy in torch and by spikes. Right: cosines with backprop's step, one row for each projection.

    Parameters
    ----------
    accuracy : pandas.DataFrame
        Columns ``network, torch, rate, spikes``.
    medians : pandas.DataFrame
        From `summarise`, with a column ``network``.
    """
    cosine = medians[medians["measure"] == "cosine"].set_index(["network", "projection", "reference"])
    ceiling = medians[medians["measure"] == "noise_ceiling"].set_index(["network", "projection", "reference"])
    pairs = list(dict.fromkeys((network, projection) for network, projection, _ in cosine.index))
    figure = new_figure(DOUBLE_COLUMN, max(2.4, 0.6 + 0.2 * len(pairs)))
    left, right = figure.subplots(1, 2, width_ratios=(1, 1.5))

    rows = np.arange(len(accuracy))[::-1]
    left.hlines(rows, accuracy["torch"], accuracy["spikes"], color=COLOURS["other"], lw=1)
    left.plot(accuracy["torch"], rows, "o", color=COLOURS["rate"], label="torch")
    left.plot(accuracy["spikes"], rows, "o", color=COLOURS["spiking"], label="spikes", markerfacecolor="white")
    left.set_yticks(rows, accuracy["network"])
    left.set_xlabel("accuracy")
    left.set_ylim(-0.6, len(accuracy) + 0.4)
    left.legend(loc="upper left", ncols=2)

    for row, (network, projection) in zip(range(len(pairs))[::-1], pairs, strict=True):
        for reference, marker, colour in (("trained", "o", "rate"), ("backprop", "s", "spiking")):
            if (network, projection, reference) in cosine.index:
                found = cosine.loc[(network, projection, reference)]
                right.plot([found["low"], found["high"]], [row, row], color=COLOURS[colour], lw=1)
                label = {"trained": "the rule in rate", "backprop": "backprop"}[reference] if row == 0 else None
                right.plot(
                    found["median"], row, marker, color=COLOURS[colour], label=label, zorder=3,
                    markerfacecolor=COLOURS[colour] if reference == "trained" else "white",
                )  # fmt: skip
        limit = ceiling.loc[(network, projection, "trained"), "median"]
        right.plot(limit, row, "|", color=COLOURS["other"], ms=9, label="noise ceiling" if row == 0 else None)
    right.set_yticks(range(len(pairs))[::-1], [f"{network}: {p.replace('_', ' from ')}" for network, p in pairs])
    right.set_xlabel("cosine of the spiking ΔW with")
    right.set_xlim(right=1.01)
    right.set_ylim(-0.6, len(pairs) + 0.6)
    right.legend(loc="upper left", ncols=3)
    letter_panels([left, right])
    return figure
