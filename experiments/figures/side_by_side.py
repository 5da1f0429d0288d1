"""Figure of `side_by_side.py`: learning curves, accuracies, and how alike weight changes are."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from spikedtp.plotting.style import COLOURS, DOUBLE_COLUMN, letter_panels, new_figure, styled

STYLES = {"rate": "-", "spiking": "--"}


@styled
def side_by_side_figure(curves: pd.DataFrame, networks: pd.DataFrame) -> Figure:
    """Validation accuracy over presentations, accuracy of each network, angle to backprop, and cosine of both forms."""
    rules = list(dict.fromkeys(networks["rule"]))
    figure = new_figure(DOUBLE_COLUMN, 4.6)
    axes = figure.subplots(2, 2, width_ratios=(1.2, 1))
    shades = {rule: f"C{k}" for k, rule in enumerate(rules)}
    _curves(axes[0, 0], curves, shades)
    asked = "test" if networks["test"].notna().any() else "validation"
    _points(axes[0, 1], networks, rules, asked, 100)
    axes[0, 1].set(ylabel=f"{asked} accuracy (%)")
    _points(axes[1, 0], networks, rules, "angle", 1)
    axes[1, 0].axhline(90, color=COLOURS["other"], lw=0.6, ls=":")
    axes[1, 0].set(ylabel="angle to backprop (degrees)", ylim=(0, None))
    spiking = networks[networks["form"] == "spiking"]
    _points(axes[1, 1], spiking, rules, "cosine", 1)
    for k, rule in enumerate(rules):
        ceiling = spiking.loc[spiking["rule"] == rule, "ceiling"].mean()
        if np.isfinite(ceiling):
            axes[1, 1].plot([k - 0.35, k + 0.35], [ceiling] * 2, color=COLOURS["other"], lw=1)
    axes[1, 1].plot([], [], color=COLOURS["other"], lw=1, label="what noise alone leaves")
    axes[1, 1].legend(loc="lower left")
    axes[1, 1].set(ylabel="cosine of both forms' ΔW", ylim=(None, 1.02))
    letter_panels(list(axes.flat))
    return figure


def _curves(axes: Axes, curves: pd.DataFrame, shades: dict[str, str]) -> None:
    for (rule, form), part in curves[curves["samples"] > 0].groupby(["rule", "form"], sort=False):
        points = 100 * part.groupby("samples")["accuracy"].mean()
        axes.plot(points.index / 1000, points, STYLES[form], lw=1, color=shades[rule])
    for rule, shade in shades.items():
        axes.plot([], [], color=shade, label=rule)
    for form, style in STYLES.items():
        axes.plot([], [], style, color="black", label="in spikes" if form == "spiking" else "in rate")
    axes.axhline(80, color=COLOURS["other"], lw=0.6, ls=":")
    axes.set(xlabel="presentations (thousands)", ylabel="validation accuracy (%)", ylim=(0, 100))
    axes.legend(loc="lower right", ncols=2)


def _points(axes: Axes, networks: pd.DataFrame, rules: list[str], measure: str, scale: float) -> None:
    """One point for each seed, rate to the left of spikes, and a line at the mean."""
    for k, rule in enumerate(rules):
        for form, shift in (("rate", -0.17), ("spiking", 0.17)):
            y = scale * networks.loc[(networks["rule"] == rule) & (networks["form"] == form), measure].dropna()
            axes.plot(np.full(len(y), k + shift), y, "o", ms=3, mec=COLOURS[form], mfc="none")
            if len(y):
                axes.plot([k + shift - 0.12, k + shift + 0.12], [y.mean()] * 2, color=COLOURS[form])
    axes.set_xticks(np.arange(len(rules)), rules, rotation=35, ha="right")
    axes.set_xlim(-0.6, len(rules) - 0.4)
