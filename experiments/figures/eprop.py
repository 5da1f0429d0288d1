"""What a network did that learned by e-prop: its losses, its spikes, and its outputs beside their targets."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure

from spikedtp.plotting.style import COLOURS, DOUBLE_COLUMN, letter_panels, new_figure, styled

__all__ = ["eprop_figure"]


@styled
def eprop_figure(losses: np.ndarray, spikes: np.ndarray, output: np.ndarray, target: np.ndarray) -> Figure:
    """Three panels.

    Parameters
    ----------
    losses : (updates,)
    spikes : (steps, n_rec)
        Of the last interval.
    output, target : (steps, n_out)
        The same; the last output is shown.
    """
    figure = new_figure(DOUBLE_COLUMN, 2.0)
    curve, raster, drawn = axes = figure.subplots(1, 3)
    curve.semilogy(losses, color=COLOURS["rate"])
    curve.set(xlabel="update", ylabel="loss")
    step, cell = np.nonzero(spikes)
    raster.plot(step, cell, "|", color="black", markersize=2, markeredgewidth=0.5)
    raster.set(xlabel="time step", ylabel="cell", title="last interval")
    drawn.plot(target[:, -1], color=COLOURS["other"], label="target")
    drawn.plot(output[:, -1], color=COLOURS["rate"], label="output")
    drawn.set(xlabel="time step", ylabel="output")
    drawn.legend()
    letter_panels(axes, x=-0.06)
    return figure
