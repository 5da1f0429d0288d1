"""The eight rows of Florian's figure: spikes, traces, pair term, eligibility, reward, weights."""

from __future__ import annotations

import itertools
from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from spikedtp.plotting.style import COLOURS, DOUBLE_COLUMN, letter_panels, new_figure, styled

__all__ = ["RULE_COLOURS", "eight_row_figure", "weight_trajectories"]

RULE_COLOURS = {"STDP": "#909090", "MSTDP": COLOURS["E"], "MSTDPET": COLOURS["DendI"]}
RULE_WIDTHS = {"STDP": 2.2, "MSTDP": 0.9, "MSTDPET": 0.9}  # STDP runs beneath MSTDP for as long as the reward is 1
ROWS = (
    # state, label, colour
    ("pre", "pre", "#000000"),
    ("post", "post", "#000000"),
    ("p_plus", "$P^+$", COLOURS["positive"]),
    ("p_minus", "$P^-$", COLOURS["negative"]),
    ("zeta", r"$\zeta$", "#000000"),
    ("z", "$z$ (1/ms)", COLOURS["DendI"]),
    ("reward", "$r$", COLOURS["spiking"]),
)
TITLES = {
    "same-step": "same step: reward meets the pair term of its own step",
    "lag": "lag: reward meets the pair term of the step before",
}


@styled
def eight_row_figure(
    signals: Mapping[str, np.ndarray],
    results: Mapping[str, Mapping],
    expected: Mapping[tuple[str, str], float] | None = None,
) -> Figure:
    """Pre- and postsynaptic spikes, P⁺, P⁻, ζ, z, reward and the weights of three rules; one column per convention.

    Parameters
    ----------
    signals : dict
        ``pre``, ``post``, ``reward``: (steps,).
    results : dict
        convention -> rule name -> ReplayResult of one synapse; MSTDPET's carries the states that are drawn.
    expected : dict, optional
        (convention, rule) -> final weight that the published programs reach, drawn as a short bar at the end.
    """
    figure = new_figure(DOUBLE_COLUMN, 5.6)
    grid = figure.subplots(8, len(results), sharex=True, sharey="row", squeeze=False,
                           height_ratios=[0.45, 0.45, 1, 1, 1, 1, 0.6, 2.6])  # fmt: skip
    for column, (convention, rules) in zip(grid.T, results.items(), strict=True):
        shown = rules["MSTDPET"]
        time = shown.t[1:]
        for ax, (name, label, colour) in zip(column, ROWS, strict=False):
            values = signals[name] if name in signals else shown.state[name].reshape(len(shown.w), -1)[1:, 0]
            _row(ax, name, time, values, colour)
            ax.tick_params(axis="x", length=0)
            ax.spines["bottom"].set_visible(False)
            if ax in grid[:, 0]:
                ax.set_ylabel(label, rotation=0, ha="right", va="center")
            _mark_reward(ax, time, signals["reward"])
        weight_trajectories(column[-1], rules, {r: v for (c, r), v in (expected or {}).items() if c == convention})
        _mark_reward(column[-1], time, signals["reward"])
        column[0].set_title(TITLES[convention])
        column[-1].set_xlabel("time (ms)")
        column[-1].set_xlim(0, time[-1])
    grid[-1, 0].set_ylabel("weight")
    letter_panels(grid[0], x=0.0)
    figure.align_ylabels(grid[:, 0])
    return figure


def _row(ax: Axes, name: str, time: np.ndarray, values: np.ndarray, colour: str) -> None:
    if name in ("pre", "post"):
        ax.vlines(time[values > 0], 0, 1, color=colour, linewidth=1)
        ax.set_ylim(-0.1, 1.1)
        ax.set_yticks([])
        ax.spines["left"].set_visible(False)
        return
    ax.axhline(0, color=COLOURS["other"], linewidth=0.4, zorder=0)
    if name == "zeta":  # not zero only where a spike is
        at = values != 0
        ax.vlines(time[at], 0, values[at], color=colour, linewidth=1)
        ax.plot(time[at], values[at], "o", color=colour, markersize=2)
    else:
        ax.plot(time, values, color=colour, drawstyle="steps-mid" if name == "reward" else "default")
    ax.locator_params(axis="y", nbins=3)
    if name == "reward":
        ax.set_ylim(-1.4 * max(1, np.abs(values).max()), 1.4 * max(1, np.abs(values).max()))


def _mark_reward(ax: Axes, time: np.ndarray, reward: np.ndarray) -> None:
    """A dotted line where the reward changes."""
    for change in time[1:][np.diff(reward) != 0]:
        ax.axvline(change, color=COLOURS["spiking"], linewidth=0.6, linestyle=":", zorder=0)


def weight_trajectories(ax: Axes, rules: Mapping, expected: Mapping[str, float] | None = None) -> Axes:
    """Weight of one synapse against time under each rule, its final value written at the end."""
    ends = {name: result.w[-1].item() for name, result in rules.items()}
    for name, result in rules.items():
        ax.plot(result.t[1:], result.w[1:, 0, 0], color=RULE_COLOURS[name], linewidth=RULE_WIDTHS[name], label=name)
        if expected and name in expected:
            ax.plot(result.t[-1], expected[name], marker="_", color=RULE_COLOURS[name], markersize=7, clip_on=False)
    low, high = ax.get_ylim()
    for (name, value), height in zip(ends.items(), _apart(list(ends.values()), 0.15 * (high - low)), strict=True):
        ax.annotate(
            f"{name}\n{value:.4f}",
            (1, height),
            xycoords=("axes fraction", "data"),
            xytext=(5, 0),
            textcoords="offset points",
            va="center",
            color=RULE_COLOURS[name],
            fontsize=6,
            annotation_clip=False,
        )
    return ax


def _apart(heights: list[float], least: float) -> np.ndarray:
    """Heights moved apart until labels at them do not overlap."""
    order, moved = np.argsort(heights), np.array(heights, dtype=float)
    for _ in range(50):
        for low, high in itertools.pairwise(order):
            overlap = least - (moved[high] - moved[low])
            if overlap > 0:
                moved[low] -= overlap / 2
                moved[high] += overlap / 2
    return moved
