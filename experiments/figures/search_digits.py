"""Two sets of constants, compared with the same seeds."""

from __future__ import annotations

import pandas as pd
from matplotlib.figure import Figure

from spikedtp.plotting.style import COLOURS, SINGLE_COLUMN, new_figure, styled

__all__ = ["paired_figure"]


@styled
def paired_figure(accuracy: pd.DataFrame) -> Figure:
    """Test accuracies in percent, a line for each seed.

    Parameters
    ----------
    accuracy : DataFrame
        One row per seed, one column per set of constants.
    """
    figure = new_figure(0.75 * SINGLE_COLUMN, 2.2)
    ax = figure.subplots()
    places = range(accuracy.shape[1])
    for seed, row in accuracy.iterrows():
        ax.plot(places, row, "o-", color=COLOURS["other"], markersize=2.5, linewidth=0.7, gid=f"seed-{seed}")
    ax.plot(places, accuracy.mean(), "s-", color=COLOURS["E"], markersize=4, linewidth=1.4, label="mean", gid="mean")
    ax.set_xticks(places, accuracy.columns)
    ax.set_xlim(-0.3, accuracy.shape[1] - 0.7)
    ax.set(xlabel="learning rates", ylabel="test accuracy (%)")
    ax.legend()
    return figure
