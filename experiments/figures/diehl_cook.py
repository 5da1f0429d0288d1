"""What Diehl & Cook's network has learned: receptive fields, mistakes, and the accuracy while it learned."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from spikedtp.plotting.style import COLOURS, DOUBLE_COLUMN, letter_panels, new_figure, styled

__all__ = ["fields_figure", "results_figure"]


@styled
def fields_figure(weights: np.ndarray, shape: tuple[int, int], labels: np.ndarray) -> Figure:
    """The weights of every cell as an image, cells sorted by their class.

    Parameters
    ----------
    weights : (n_cells, n_inputs)
    shape : (rows, columns)
        Of an image.
    labels : (n_cells,)
    """
    order = np.lexsort((np.arange(len(labels)), np.where(labels < 0, labels.max() + 1, labels)))
    across = int(np.ceil(np.sqrt(len(weights))))
    down = -(-len(weights) // across)
    gap = 1
    mosaic = np.full((down * (shape[0] + gap) - gap, across * (shape[1] + gap) - gap), np.nan)
    for place, cell in enumerate(order):
        row, column = divmod(place, across)
        top, left = row * (shape[0] + gap), column * (shape[1] + gap)
        mosaic[top : top + shape[0], left : left + shape[1]] = weights[cell].reshape(shape)
    figure = new_figure(DOUBLE_COLUMN, DOUBLE_COLUMN * mosaic.shape[0] / mosaic.shape[1] + 0.3)
    axes = figure.subplots()
    shown = axes.imshow(mosaic, cmap="gray_r", vmin=0, vmax=float(np.quantile(weights, 0.995)), interpolation="nearest")
    axes.set_axis_off()
    figure.colorbar(shown, ax=axes, shrink=0.4, label="weight")
    return figure


@styled
def results_figure(learning: pd.DataFrame, confusion: np.ndarray) -> Figure:
    """Accuracy and repeated images while it learned; which class was taken for which.

    Parameters
    ----------
    learning : DataFrame
        With images, accuracy and repeated.
    confusion : (n_classes, n_classes)
        Images of each class (rows) by the class that was predicted.
    """
    figure = new_figure(DOUBLE_COLUMN, 2.4)
    curve, matrix = axes = figure.subplots(1, 2)
    marker = {"marker": "o", "markersize": 3}
    curve.plot(learning["images"] / 1000, 100 * learning["accuracy"], color=COLOURS["rate"], label="right", **marker)
    curve.plot(
        learning["images"] / 1000, 100 * learning["repeated"], color=COLOURS["other"], label="shown again", **marker
    )
    curve.set(xlabel="images learned from (thousands)", ylabel="images (%)", ylim=(0, 100), xlim=(0, None))
    curve.legend()
    shares = confusion / np.maximum(confusion.sum(axis=1, keepdims=True), 1)
    shown = matrix.imshow(100 * shares, cmap="Blues", vmin=0, vmax=100)
    for true, predicted in np.argwhere(shares >= 0.02):
        share = shares[true, predicted]
        colour = "white" if share > 0.5 else "black"
        matrix.text(predicted, true, f"{100 * share:.0f}", ha="center", va="center", fontsize=5, color=colour)
    classes = np.arange(len(confusion))
    matrix.set(xlabel="predicted class", ylabel="class", xticks=classes, yticks=classes)
    figure.colorbar(shown, ax=matrix, label="test images of the class (%)")
    letter_panels(axes, x=-0.08)
    return figure
