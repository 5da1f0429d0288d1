"""How BCM cells become selective: threshold, patterns, responses, weights, selectivity."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from spikedtp.plotting.style import COLOURS, DOUBLE_COLUMN, letter_panels, new_figure, styled

__all__ = ["CONDITION_COLOURS", "SILENT", "all_cells", "response_trajectories", "selectivity_figure"]

CONDITION_COLOURS = {"sliding": COLOURS["rate"], "fixed, low": COLOURS["positive"], "fixed, high": COLOURS["DendI"]}
PATTERN_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
SILENT = 0.05  # of a response to call a cell silent


@styled
def selectivity_figure(patterns: np.ndarray, runs: Mapping[str, Mapping[str, np.ndarray]], shown: int = 0) -> Figure:
    """Six panels: the threshold, the patterns, one cell's responses and weights, and the selectivity of all cells.

    Parameters
    ----------
    patterns : (n_patterns, n_inputs)
    runs : dict
        condition -> ``time`` (n,) in s, ``responses`` (n, cells, n_patterns), ``theta`` (n, cells),
        ``weights`` (n, cells, n_inputs), ``selectivity`` (n, cells). "sliding" supplies the cell that is shown.
    shown : int
        Which cell.
    """
    figure = new_figure(DOUBLE_COLUMN, 3.6)
    axes = figure.subplots(2, 3)
    sliding = runs["sliding"]
    _threshold(axes[0, 0])
    _patterns(axes[0, 1], patterns)
    response_trajectories(axes[0, 2], sliding["time"], sliding["responses"][:, shown], sliding["theta"][:, shown])
    _weights(axes[1, 0], sliding["weights"][:, shown], sliding["time"])
    _selectivity(axes[1, 1], runs, len(patterns))
    _largest_response(axes[1, 2], runs, len(patterns))
    letter_panels(axes.flat, x=-0.06)
    return figure


def _threshold(ax: Axes) -> None:
    """Change of a weight per unit of input against the response, for three thresholds."""
    y, top = np.linspace(0, 3.2, 300), 2.0
    for theta, grey in ((0.5, "0.65"), (1.0, "0.4"), (2.0, "0.0")):
        growth = y * (y - theta) / theta
        ax.plot(y[growth <= top], growth[growth <= top], color=grey)
        ax.plot(theta, 0, "o", color=grey, markersize=3.5, clip_on=False)
        name = rf"$\theta = {theta:g}$"
        ax.annotate(name, (y[growth <= top][-1], top), xytext=(0, 2), textcoords="offset points", ha="center",
                    color=grey, fontsize=6)  # fmt: skip
    ax.axhline(0, color=COLOURS["other"], linewidth=0.5, zorder=0)
    ax.set(xlabel="response $y$", ylabel=r"$y\,(y - \theta)/\theta$", xlim=(0, 3.2), ylim=(-0.7, 2.3))


def _colour(pattern: int) -> str:
    return PATTERN_COLOURS[pattern % len(PATTERN_COLOURS)]


def _patterns(ax: Axes, patterns: np.ndarray) -> None:
    for k, pattern in enumerate(patterns):
        ax.plot(np.arange(1, len(pattern) + 1), pattern, color=_colour(k), label=f"{k + 1}")
    ax.set(xlabel="input", ylabel="activity $x$", xlim=(1, patterns.shape[1]))
    ax.set_ylim(0, 1.35 * patterns.max())
    if len(patterns) <= len(PATTERN_COLOURS):
        ax.legend(title="pattern", ncols=len(patterns), loc="upper center", columnspacing=1, title_fontsize=6)


def response_trajectories(ax: Axes, time: np.ndarray, responses: np.ndarray, theta: np.ndarray) -> Axes:
    """One cell's response to each pattern, and its threshold, against time."""
    ax.plot(time, theta, color="0.6", linewidth=0.6, label=r"$\theta$")
    for k, response in enumerate(responses.T):
        ax.plot(time, response, color=_colour(k))
    n = responses.shape[1]
    _mark_theory(ax, n, f"theory: {n}")
    ax.set(xlabel="time (s)", ylabel="response, threshold", xlim=(0, time[-1]))
    ax.set_ylim(0, 1.15 * max(responses.max(), theta.max(), n))
    ax.legend(loc="upper left")
    return ax


def _mark_theory(ax: Axes, height: float, words: str) -> None:
    ax.axhline(height, color="0.45", linewidth=0.7, linestyle=":", zorder=0)
    ax.annotate(words, (0, height), xytext=(3, 2), xycoords=("axes fraction", "data"), textcoords="offset points",
                fontsize=6, color="0.3")  # fmt: skip


def _weights(ax: Axes, weights: np.ndarray, time: np.ndarray) -> None:
    inputs = np.arange(1, weights.shape[1] + 1)
    for at, grey in ((0, "0.75"), (len(time) // 6, "0.45"), (len(time) - 1, "0.0")):
        ax.plot(inputs, weights[at], color=grey, label=f"{time[at]:.0f} s")
    ax.axhline(0, color=COLOURS["other"], linewidth=0.5, zorder=0)
    ax.set(xlabel="input", ylabel="weight", xlim=(1, len(inputs)))
    ax.legend(loc="best")


def all_cells(ax: Axes, runs: Mapping, name: str) -> Axes:
    """``selectivity`` or ``largest`` response of every cell (thin) and its median over cells, per condition."""
    for condition, run in runs.items():
        largest, colour = run["responses"].max(axis=-1), CONDITION_COLOURS[condition]
        if name == "selectivity":  # of a silent cell it means nothing
            values = np.where(largest < SILENT, np.nan, run["selectivity"])
        else:
            values = np.maximum(largest, 1e-9)
        ax.plot(run["time"], values, color=colour, linewidth=0.3, alpha=0.3)
        answering = (largest >= SILENT).mean(axis=1) > 0.5
        median = np.median(np.where(np.isnan(values), 0, values), axis=1)
        ax.plot(run["time"], np.where(answering | (name != "selectivity"), median, np.nan), color=colour,
                linewidth=1.8, label=condition)  # fmt: skip
    ax.set(xlabel="time (s)", xlim=(0, run["time"][-1]))
    return ax


def _selectivity(ax: Axes, runs: Mapping, n_patterns: int) -> None:
    all_cells(ax, runs, "selectivity")
    _mark_theory(ax, 1 - 1 / n_patterns, f"theory: 1 - 1/{n_patterns}")
    ax.set(ylabel="selectivity", ylim=(-0.02, 1))
    ax.legend(title="threshold", title_fontsize=6, loc="center right", bbox_to_anchor=(1, 0.35))


def _largest_response(ax: Axes, runs: Mapping, n_patterns: int) -> None:
    all_cells(ax, runs, "largest")
    ax.axhspan(1e-9, SILENT, color="0.94", zorder=-1)
    ax.annotate("silent", (1, SILENT), xytext=(-3, -8), xycoords=("axes fraction", "data"),
                textcoords="offset points", ha="right", fontsize=6, color="0.3")  # fmt: skip
    _mark_theory(ax, n_patterns, "")
    ax.set_yscale("log")
    ax.set(ylabel="largest response", ylim=(5e-3, 20))
