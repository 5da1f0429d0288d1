"""Figure of `full_mnist.py`: learning curves, and learning in spikes beside learning in rate."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from spikedtp.plotting.style import COLOURS, DOUBLE_COLUMN, letter_panels, new_figure, styled


@styled
def full_mnist_figure(curves: pd.DataFrame, networks: pd.DataFrame) -> Figure:
    """Validation accuracy over presentations (mean and SEM over seeds), and where each network ends, paired by seed."""
    models = list(dict.fromkeys(curves["model"]))
    figure = new_figure(DOUBLE_COLUMN, 2.9)
    left, right = figure.subplots(1, 2, width_ratios=(1.25, 1))
    shades = {model: f"C{k}" for k, model in enumerate(models)}
    for (model, learned), part in curves.groupby(["model", "learned"], sort=False):
        points = 100 * part.groupby("samples")["accuracy_rate"].agg(["mean", "sem"])
        line = "-" if learned == "rate" else "--"
        left.plot(points.index / 1000, points["mean"], line, lw=1, color=shades[model])
        left.fill_between(
            points.index / 1000, points["mean"] - points["sem"], points["mean"] + points["sem"],
            color=shades[model], alpha=0.25, lw=0,
        )  # fmt: skip
    for model in models:
        left.plot([], [], color=shades[model], label=model)
    left.plot([], [], "-", color=COLOURS["other"], label="learned in rate")
    left.plot([], [], "--", color=COLOURS["other"], label="learned in spikes")
    begun = 100 * curves.loc[curves["samples"] > 0, "accuracy_rate"].min()  # before it all are at chance
    left.set(xlabel="presentations (thousands)", ylabel="validation accuracy (%), asked in rate")
    left.set_ylim(10 * np.floor(begun / 10), 100)
    asked = "test" if "test" in networks else "validation"
    ends = networks[networks["presentations"] == networks["presentations"].max()]
    ends = ends[ends["weights"] == "mean"]
    for k, model in enumerate(models):
        part = ends[ends["model"] == model].set_index("seed")
        rate, spiking = (part[part["learned"] == learned] for learned in ("rate", "spiking"))
        columns = [(rate, asked, "rate", k - 0.2), (spiking, asked, "spiking", k)]
        columns += [(spiking, f"{asked}_in_spikes", "spiking", k + 0.2)]
        for table, column, colour, x in columns:
            if column in table and table[column].notna().any():
                y = 100 * table[column]
                filled = COLOURS[colour] if column == asked else "none"
                right.plot(np.full(len(y), x), y, "o", ms=3, mec=COLOURS[colour], mfc=filled)
                right.plot([x - 0.08, x + 0.08], [y.mean()] * 2, color=COLOURS[colour])
    for label, colour, filled in (
        ("learned in rate", "rate", COLOURS["rate"]),
        ("learned in spikes, asked in rate", "spiking", COLOURS["spiking"]),
        ("learned and asked in spikes", "spiking", "none"),
    ):
        right.plot([], [], "o", ms=3, mec=COLOURS[colour], mfc=filled, label=label)
    right.set_xticks(np.arange(len(models)), models, rotation=35, ha="right")
    right.set(ylabel=f"{asked} accuracy (%), mean of last weights")
    left.legend(loc="lower right", ncols=2)
    right.legend(loc="lower left", bbox_to_anchor=(0, 1))
    letter_panels([left, right])
    return figure
