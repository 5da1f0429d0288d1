"""Figures of the sound-localisation experiment: input, training, weights and signs, cells, reward."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from spikedtp.plotting.style import COLOURS, DOUBLE_COLUMN, letter_panels, new_figure, styled

__all__ = ["cells_figure", "input_figure", "localisation_figure", "reward_figure", "sweep_figure", "weights_figure"]

#: name -> (abscissae, values at each)
Curves = Mapping[str, tuple[Sequence[float], Sequence[Sequence[float]]]]
CONDITIONS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#7F7F7F")


def shown_name(condition: str) -> str:
    """What a figure calls a condition such as "index 0.5": how signs are given, and the share of inhibitory cells."""
    how, _, share = condition.partition(" ")
    words = {"index": "by index", "random": "at random"}
    return f"signs {words[how]}, {float(share):.0%}" if how in words else condition


@styled
def input_figure(spikes: np.ndarray, ipd: Sequence[float]) -> Figure:
    """Rasters of two ears' fibres, one panel for each of some samples.

    Parameters
    ----------
    spikes : (samples, steps, fibres) bool
    ipd : (samples,)
        In radian.
    """
    figure = new_figure(DOUBLE_COLUMN, 2.6)
    axes = figure.subplots(1, len(spikes), sharey=True)
    half = spikes.shape[2] // 2
    for ax, raster, phase in zip(axes, spikes, ipd, strict=True):
        step, fibre = np.nonzero(raster)
        for ear, colour in enumerate((COLOURS["DendI"], COLOURS["E"])):
            here = (fibre >= half) == bool(ear)
            ax.scatter(step[here], fibre[here], s=0.5, color=colour, linewidths=0, rasterized=True)
        ax.axhline(half - 0.5, color="black", linewidth=0.5)
        degrees = f"{np.degrees(phase):.0f}°".replace("-", "\N{MINUS SIGN}")
        ax.set(title=f"phase difference {degrees}", xlabel="time (ms)", xlim=(0, raster.shape[0]))
    axes[0].set(ylabel="fibre", ylim=(0, 2 * half), yticks=[half / 2, 3 * half / 2], yticklabels=["ear 1", "ear 2"])
    axes[0].tick_params(axis="y", length=0)
    letter_panels(axes)
    return figure


@styled
def localisation_figure(
    losses: Mapping[str, np.ndarray],
    confusion: np.ndarray,
    title: str,
    table: Sequence[tuple[str, str, Sequence[float]]],
) -> Figure:
    """Training loss of each condition, its test accuracy with the ablation, and one confusion matrix.

    Parameters
    ----------
    losses : dict
        condition -> (seeds, epochs).
    confusion : (classes, classes)
        Counts: true class, predicted class.
    table : list of (condition, measure, values)
        Test accuracies; ``measure`` is "intact" or "ablated".
    """
    figure = new_figure(DOUBLE_COLUMN, 2.7)
    left, middle, right = figure.subplots(1, 3, width_ratios=[1, 1.1, 1.1])
    colours = dict(zip(losses, CONDITIONS, strict=False))
    for name, loss in losses.items():
        epochs = np.arange(1, loss.shape[1] + 1)
        left.plot(epochs, loss.mean(axis=0), color=colours[name], label=name)
        left.fill_between(epochs, loss.min(axis=0), loss.max(axis=0), color=colours[name], alpha=0.2, linewidth=0)
    left.axhline(np.log(len(confusion)), color="black", linewidth=0.5, linestyle=":")
    left.annotate(
        "chance", (1, np.log(len(confusion))), xytext=(0, -2), textcoords="offset points", va="top", fontsize=6
    )
    left.set(xlabel="epoch (colours as in b)", ylabel="training loss", ylim=(0, None))
    left.xaxis.get_major_locator().set_params(integer=True)
    names = list(losses)
    for name, measure, values in table:
        y = names.index(name) + (0.16 if measure == "ablated" else -0.16)
        face = colours[name] if measure == "intact" else "white"
        middle.plot(values, np.full(len(values), y), "o", color=colours[name], markersize=2.5, alpha=0.35, mew=0)
        middle.plot(np.mean(values), y, "o", color=colours[name], markerfacecolor=face, markersize=5)
    middle.axvline(100 / len(confusion), color="black", linewidth=0.5, linestyle=":")
    middle.set(
        yticks=range(len(names)), yticklabels=[shown_name(name) for name in names],
        ylim=(len(names) - 0.5, -0.5), xlim=(0, 100),
        xlabel="test accuracy (%)\nfull: intact, open: without inhibition",
    )  # fmt: skip
    confusion_panel(right, confusion)
    right.set_title(shown_name(title))
    letter_panels((left, middle, right))
    return figure


def confusion_panel(ax: Axes, confusion: np.ndarray) -> Axes:
    """Share of each true class that was predicted as each class."""
    share = confusion / np.maximum(confusion.sum(axis=1, keepdims=True), 1)
    image = ax.imshow(share.T, origin="lower", cmap="Greys", vmin=0, vmax=1)
    ticks = range(0, len(share), 2)
    ax.set(xlabel="true class", ylabel="predicted class", xticks=ticks, yticks=ticks)
    ax.figure.colorbar(image, ax=ax, shrink=0.7, label="share")
    return ax


@styled
def weights_figure(networks: Mapping[str, tuple[Sequence[np.ndarray], Sequence[np.ndarray]]]) -> Figure:
    """Weights of both layers before and after learning; blue inhibits, red excites; one row per condition.

    Each panel has its own scale, written above it: learning makes weights some ten times larger.

    Parameters
    ----------
    networks : dict
        condition -> (initial, trained), each [w1 (n_in, n_hidden), w2 (n_hidden, n_out)].
    """
    figure = new_figure(DOUBLE_COLUMN, 1.75 * len(networks) + 0.3)
    grid = figure.subplots(len(networks), 4, squeeze=False, width_ratios=[2, 2, 1.15, 1.15])
    for row, (name, (before, after)) in zip(list(grid), networks.items(), strict=True):
        for column, ax in enumerate(row):
            layer, when = divmod(column, 2)
            weights = (before, after)[when][layer]
            limit = np.percentile(np.abs(weights), 98)
            ax.imshow(weights.T, cmap="RdBu_r", vmin=-limit, vmax=limit, aspect="auto", interpolation="nearest")
            ax.set_title(f"±{limit:.2g}", loc="right", fontsize=6)
            if name == next(iter(networks)):
                ax.set_title(f"{('input', 'output')[layer]} weights\n{('before', 'after')[when]}", loc="left")
            if name == list(networks)[-1]:
                ax.set_xlabel(("input fibre", "hidden cell")[layer])
            ax.set_yticks([])
        row[0].set_ylabel(f"{shown_name(name)}\nhidden cell")
        row[2].set_ylabel("output")
    return figure


@styled
def sweep_figure(curves: Curves, free: Sequence[float]) -> Figure:
    """Test accuracy against the share of inhibitory cells.

    Parameters
    ----------
    curves : dict
        how signs are given -> (ratios, values in % for each ratio).
    free : values in % without Dale's law
    """
    figure = new_figure(DOUBLE_COLUMN * 0.65, 2.5)
    ax = figure.subplots()
    for (name, (ratios, values)), colour in zip(curves.items(), CONDITIONS, strict=False):
        mean, sd = (np.array([f(v) for v in values]) for f in (np.mean, np.std))
        ax.errorbar(ratios, mean, sd, color=colour, marker="o", markersize=3.5, capsize=2, label=name)
    _band(ax, free, "no Dale's law")
    ax.axhline(100 / 12, color="black", linewidth=0.5, linestyle=":", label="chance")
    ax.set(xlabel="share of inhibitory cells", ylabel="test accuracy (%)", ylim=(0, 100))
    figure.legend(loc="outside right center")
    return figure


@styled
def cells_figure(scans: Curves, trained: Sequence[float]) -> Figure:
    """Test accuracy of one network's weights on other cells against the gain of the hidden layer's inputs."""
    figure = new_figure(DOUBLE_COLUMN * 0.65, 2.7)
    ax = figure.subplots()
    for (name, (gains, values)), colour in zip(scans.items(), CONDITIONS, strict=False):
        mean, sd = (np.array([f(v) for v in values]) for f in (np.mean, np.std))
        ax.errorbar(gains, mean, sd, color=colour, marker="o", markersize=3, capsize=2, label=name)
    _band(ax, trained, "as trained")
    ax.axhline(100 / 12, color="black", linewidth=0.5, linestyle=":", label="chance")
    ax.set(xscale="log", xlabel="gain of the input weights", ylabel="test accuracy (%)", ylim=(0, 100))
    ticks = sorted({gain for gains, _ in scans.values() for gain in gains})
    ax.set_xticks(ticks, [f"{gain:g}" for gain in ticks])
    ax.minorticks_off()
    figure.legend(loc="outside right center")
    return figure


def _band(ax: Axes, values: Sequence[float], label: str) -> None:
    mean, sd = float(np.mean(values)), float(np.std(values))
    ax.axhspan(mean - sd, mean + sd, color=COLOURS["other"], alpha=0.25, linewidth=0)
    ax.axhline(mean, color=COLOURS["other"], linewidth=0.8, label=label)


@styled
def reward_figure(courses: Mapping[str, np.ndarray], tests: Mapping[str, Sequence[float]], window: int) -> Figure:
    """Share of rewarded choices over the presentations, and test accuracy afterwards."""
    figure = new_figure(DOUBLE_COLUMN * 0.75, 2.5)
    left, right = figure.subplots(1, 2, width_ratios=[1.6, 1])
    for (name, reward), colour in zip(courses.items(), CONDITIONS, strict=False):
        blocks = reward[: len(reward) // window * window].reshape(-1, window).mean(axis=1) * 100
        left.plot((np.arange(len(blocks)) + 0.5) * window / 1000, blocks, color=colour, label=name)
    left.set(xlabel="presentations (thousands)", ylabel="rewarded choices (%)", ylim=(0, 100))
    left.axhline(100 / 12, color="black", linewidth=0.5, linestyle=":")
    left.legend(loc="upper left")
    for x, ((_, values), colour) in enumerate(zip(tests.items(), CONDITIONS, strict=False)):
        right.plot(x + np.linspace(-0.1, 0.1, len(values)), values, "o", color=colour, markersize=3, alpha=0.5, mew=0)
        right.plot([x - 0.25, x + 0.25], [np.mean(values)] * 2, color=colour)
    right.axhline(100 / 12, color="black", linewidth=0.5, linestyle=":")
    right.set(
        xticks=range(len(tests)), ylabel="test accuracy (%)", ylim=(0, 100), xlim=(-0.6, len(tests) - 0.4),
        xticklabels=[name.replace(" ", "\n", 1) for name in tests],
    )  # fmt: skip
    letter_panels((left, right))
    return figure
