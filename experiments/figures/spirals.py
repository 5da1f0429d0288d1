"""Figure of `spirals.py`: learning curves, test accuracies with the controls, and what the networks answer where."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from spikedtp.datasets import spiral_points
from spikedtp.plotting.style import COLOURS, DOUBLE_COLUMN, letter_panels, new_figure, styled

REACH = 1.5
SHORT = {"all layers learn": "all layers\nlearn", "hidden layers frozen": "hidden layers\nfrozen"}


@styled
def spirals_figure(curves: pd.DataFrame, networks: pd.DataFrame, decisions: dict[str, np.ndarray]) -> Figure:
    """Learning curves (mean and SEM over seeds, asked in rate), test accuracies with the mean of the last weights, and
    two maps of decisions.
    """
    controls = list(dict.fromkeys(networks["control"]))
    figure = new_figure(DOUBLE_COLUMN, 4.6)
    upper, lower = figure.subplots(2, 2, width_ratios=(1, 1))
    left, right = upper
    lines = {controls[0]: "-", **dict(zip(controls[1:], ("--", ":"), strict=False))}
    for (control, learned), part in curves.groupby(["control", "learned"], sort=False):
        points = 100 * part.groupby("samples")["accuracy_rate"].agg(["mean", "sem"])
        left.plot(points.index, points["mean"], lines[control], lw=1, color=COLOURS[learned])
        low, high = points["mean"] - points["sem"], points["mean"] + points["sem"]
        left.fill_between(points.index, low, high, color=COLOURS[learned], alpha=0.2, lw=0)
    for learned, words in (("rate", "learned in rate"), ("spiking", "learned in spikes")):
        left.plot([], [], color=COLOURS[learned], label=words)
    for control, line in lines.items():
        left.plot([], [], line, lw=1, color=COLOURS["other"], label=control)
    left.axhline(25, lw=0.5, color=COLOURS["other"], zorder=0)
    left.set(xlabel="presentations", ylabel="validation accuracy (%)", ylim=(0, 100))
    left.legend(loc="upper right", bbox_to_anchor=(1, 0.82), ncols=2, fontsize=6)
    _ends(right, networks, controls)
    x, y = spiral_points(300, seed=2)
    for ax, (learned, arms) in zip(lower, decisions.items(), strict=True):
        colours = [f"C{k}" for k in range(4)]
        ax.contourf(
            np.linspace(-REACH, REACH, len(arms)), np.linspace(-REACH, REACH, len(arms)), arms,
            levels=np.arange(5) - 0.5, colors=colours, alpha=0.3,
        )  # fmt: skip
        for arm, colour in enumerate(colours):
            ax.plot(*x[y == arm].T, ".", ms=1.2, color=colour)
        ax.set(xlabel="$x_0$", ylabel="$x_1$", aspect="equal", xlim=(-REACH, REACH), ylim=(-REACH, REACH))
        ax.set_title(f"learned in {'rate' if learned == 'rate' else 'spikes'}: answers, test points")
    letter_panels([left, right, *lower])
    return figure


def _ends(ax: Axes, networks: pd.DataFrame, controls: list[str]) -> None:
    """One dot for each network with the mean of its last weights; lines are means over seeds."""
    means = networks[networks["weights"] == "mean"]
    kinds = (
        ("rate", "test", "rate", True, "learned in rate"),
        ("spiking", "test", "spiking", True, "learned in spikes, asked in rate"),
        ("spiking", "test_in_spikes", "spiking", False, "learned and asked in spikes"),
    )
    for place, (learned, column, colour, filled, words) in enumerate(kinds):
        face = COLOURS[colour] if filled else "none"
        for k, control in enumerate(controls):
            values = 100 * means[(means["control"] == control) & (means["learned"] == learned)][column]
            x = k + 0.2 * (place - 1)
            ax.plot(np.full(len(values), x), values, "o", ms=3, mec=COLOURS[colour], mfc=face)
            ax.plot([x - 0.08, x + 0.08], [values.mean()] * 2, color=COLOURS[colour])
        ax.plot([], [], "o", ms=3, mec=COLOURS[colour], mfc=face, label=words)
    ax.axhline(25, lw=0.5, color=COLOURS["other"], zorder=0)
    ax.set_xticks(range(len(controls)), [SHORT.get(name, name.replace(" ", "\n")) for name in controls])
    ax.set(ylabel="test accuracy (%)", ylim=(0, 100))
    ax.legend(loc="lower left", fontsize=6)
