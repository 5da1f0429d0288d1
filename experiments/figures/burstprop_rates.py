"""Figures of `burstprop_mnist.py` and `burstprop_ensembles.py`."""

from __future__ import annotations

import pandas as pd
from matplotlib.figure import Figure

from spikedtp.plotting.style import COLOURS, DOUBLE_COLUMN, letter_panels, new_figure, styled

__all__ = ["ensembles_figure", "rates_figure"]


@styled
def rates_figure(table: pd.DataFrame) -> Figure:
    """One line for each model and layer: means over seeds. `table` has a row for each epoch of a run."""
    figure = new_figure(DOUBLE_COLUMN, 2.2)
    left, right = axes = figure.subplots(1, 2)
    layers = [column for column in table if column.startswith("cosine")]
    for k, (model, part) in enumerate(table.groupby("model", sort=False)):
        mean = part.groupby("epoch")[["accuracy", *layers]].mean()
        left.plot(mean.index, 100 * mean["accuracy"], "o-", color=f"C{k}", ms=3, label=model)
        for column, line in zip(layers, ("-", "--", ":", "-."), strict=False):
            label = f"{model}, layer {column.removeprefix('cosine_layer')}"
            right.plot(mean.index, mean[column], f"o{line}", color=f"C{k}", ms=3, label=label)
    left.set(xlabel="epoch", ylabel="test accuracy (%)")
    right.set(xlabel="epoch", ylabel="cosine with the gradient")
    left.legend()
    right.legend()
    letter_panels(axes)
    return figure


@styled
def ensembles_figure(learned: pd.DataFrame, alike: pd.DataFrame) -> Figure:
    """Test accuracies of both forms during learning, and how alike their weight changes are."""
    figure = new_figure(DOUBLE_COLUMN, 2.2)
    left, right = axes = figure.subplots(1, 2)
    mean = 100 * learned.groupby("samples")[["rate", "spikes_asked_in_rate", "spikes"]].mean()
    for column, label, colour in (
        ("rate", "learned in rate", COLOURS["rate"]),
        ("spikes_asked_in_rate", "learned in spikes, asked in rate", COLOURS["spiking"]),
    ):
        left.plot(mean.index, mean[column], "o-", ms=3, color=colour, label=label)
    left.plot(mean.index, mean["spikes"], "s", color=COLOURS["spiking"], label="learned and asked in spikes")
    left.set(xlabel="presentations", ylabel="test accuracy (%)", ylim=(0, 100))
    for layer, part in alike.groupby("layer"):
        names = [f"{row.cells} cells\n{row.time_unit_ms} ms" for row in part.itertuples()]
        right.plot(names, part["cosine"], "o", color=f"C{layer - 1}", label=f"layer {layer}: rate and spikes")
        right.plot(names, part["ceiling"], "_", ms=14, color=f"C{layer - 1}", label="two draws of spikes")
    right.set(ylabel="cosine of mean weight changes", ylim=(None, 1))
    left.legend()
    right.legend()
    letter_panels(axes)
    return figure
