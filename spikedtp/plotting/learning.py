"""Learning curves and confusion tables."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from spikedtp.errors import SpikedtpError
from spikedtp.plotting.style import COLOURS, SINGLE_COLUMN, new_figure, styled

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["confusion_figure", "confusion_matrix", "training_curve", "training_figure"]

_LEGEND = 0.2  # of the height: as far up a legend of two lines reaches
_FEW_LABELS, _MOST_LABELS = 20, 80  # of a confusion table: so many have room in one column, so many are written at all


def training_curve(
    ax: Axes,
    presentations: ArrayLike,
    accuracy: ArrayLike,
    *,
    interval: tuple[ArrayLike, ArrayLike] | None = None,
    label: str | None = None,
    colour: str = COLOURS["rate"],
) -> Axes:
    """Accuracy against the number of presentations.

    Parameters
    ----------
    ax : Axes
    presentations : (n,)
    accuracy : (n,)
        Accuracies between 0 and 1.
    interval : (low, high), optional
        Two (n,) arrays that give a band around the curve.
    label : str, optional
        Name of the curve in the legend, if there are several curves in one panel.
    colour : optional
    """
    presentations, accuracy = np.asarray(presentations), np.asarray(accuracy, float)
    if presentations.shape != accuracy.shape or presentations.ndim != 1 or not len(accuracy):
        raise SpikedtpError(
            f"a training curve needs one accuracy for each number of presentations, got {accuracy.shape} for "
            f"{presentations.shape}"
        )
    if interval is not None:
        low, high = (100 * np.asarray(edge, float) for edge in interval)
        ax.fill_between(presentations, low, high, color=colour, alpha=0.2, linewidth=0)
    marker = "o" if len(presentations) <= 30 else None
    ax.plot(presentations, 100 * accuracy, color=colour, marker=marker, markersize=2, label=label, gid="accuracy")
    ax.set_xlabel("presentations")
    ax.set_ylabel("accuracy (%)")
    ax.set_xlim(left=0)
    ax.set_ylim(0, 100)
    if label is not None:
        ax.legend(loc="lower right")
    return ax


@styled
def training_figure(
    presentations: ArrayLike,
    accuracy: ArrayLike,
    *,
    spiking: ArrayLike | None = None,
    interval: tuple[ArrayLike, ArrayLike] | None = None,
    n_classes: int | None = None,
    title: str = "",
) -> Figure:
    """A learning curve, one column wide. With `n_classes`, chance level is marked. See `training_curve`.

    Parameters
    ----------
    spiking : (n,), optional
        A second curve: accuracies in spikes, which are NaN where they were not measured.

    Examples
    --------
    >>> from spikedtp.plotting import training_figure
    >>> figure = training_figure([0, 100, 200], [0.1, 0.6, 0.8])
    >>> figure.axes[0].get_ylabel()
    'accuracy (%)'
    """
    figure = new_figure(SINGLE_COLUMN, 2.4)
    spiking = np.full(np.shape(accuracy), np.nan) if spiking is None else np.asarray(spiking, float)
    measured = np.isfinite(spiking)
    label = "in rate" if measured.any() else None
    ax = training_curve(figure.subplots(), presentations, accuracy, interval=interval, label=label)
    if n_classes:
        ax.axhline(100 / n_classes, color=COLOURS["other"], linewidth=0.7, linestyle=":", gid="chance")
        ax.annotate("chance", (1, 100 / n_classes), (-2, 2), ("axes fraction", "data"), "offset points", ha="right",
                    fontsize=6, color=COLOURS["other"])  # fmt: skip
    last = f"{100 * float(np.asarray(accuracy, float)[-1]):.1f} %"
    if measured.any():
        if measured.shape != np.shape(presentations):
            raise SpikedtpError(f"there must be one accuracy in spikes for each in rate, got {measured.shape}")
        shown = np.asarray(presentations)[measured], 100 * spiking[measured]
        ax.plot(*shown, "D-", color=COLOURS["spiking"], markersize=4, label="in spikes", gid="accuracy_spiking",
                clip_on=False, zorder=3)  # fmt: skip
        chance = 1 / n_classes if n_classes else 0
        above = chance + 0.06 if 0 < chance < _LEGEND else 0  # a low line would run through the legend
        ax.legend(loc="lower right", bbox_to_anchor=(0, above, 1, 1))
        last += f" in rate, {100 * spiking[measured][-1]:.1f} % in spikes"
    ax.set_title(f"{title}{': ' if title else ''}{last} at the end")
    return figure


def confusion_matrix(ax: Axes, table: pd.DataFrame) -> Axes:
    """How often each label was classified as each class: counts, coloured by their share of the label.

    Parameters
    ----------
    ax : Axes
    table : pandas.DataFrame
        It has the columns ``label, predicted, n``, as from `spikedtp.accuracy.confusion` and in ``confusion.csv``.
    """
    counts = table.pivot(index="label", columns="predicted", values="n").fillna(0)
    shares = counts.div(counts.sum(axis=1).where(lambda n: n > 0, 1), axis=0).to_numpy()
    image = ax.imshow(100 * shares, cmap="Blues", vmin=0, vmax=100, aspect="equal")
    step = -(-len(counts) // _MOST_LABELS)
    for (row, column), n in np.ndenumerate(counts.to_numpy()):
        if n:
            ax.text(column, row, f"{n:.0f}", ha="center", va="center", fontsize=5 / step,
                    color="white" if shares[row, column] > 0.5 else "black")  # fmt: skip
    ax.set_xticks(range(0, counts.shape[1], step), counts.columns[::step])
    ax.set_yticks(range(0, counts.shape[0], step), counts.index[::step])
    ax.tick_params(length=0)
    ax.spines[:].set_visible(False)
    ax.set_xlabel("predicted class")
    ax.set_ylabel("label")
    bar = ax.figure.colorbar(image, ax=ax, shrink=0.7, aspect=20, pad=0.02)
    bar.set_label("share of the label (%)")
    bar.outline.set_visible(False)
    return ax


@styled
def confusion_figure(table: pd.DataFrame, *, title: str = "") -> Figure:
    """A confusion table with the accuracy in its title, one column wide if labels have room. See `confusion_matrix`.

    Examples
    --------
    >>> from spikedtp.accuracy import confusion
    >>> from spikedtp.plotting import confusion_figure
    >>> figure = confusion_figure(confusion([0, 1, 1], [0, 1, 0], n_classes=2))
    >>> figure.axes[0].get_title()
    '66.7 % of 3 right'
    """
    larger = min(max(table["label"].nunique() / _FEW_LABELS, 1), _MOST_LABELS / _FEW_LABELS)
    figure = new_figure(larger * SINGLE_COLUMN, larger * 3.0)
    ax = confusion_matrix(figure.subplots(), table)
    right, n = table.loc[table["label"] == table["predicted"], "n"].sum(), table["n"].sum()
    share = f"{100 * right / n:.1f} % of {n} right" if n else "no samples"
    ax.set_title(f"{title}{': ' if title else ''}{share}")
    return figure
