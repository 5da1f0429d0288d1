"""Weights and states of a rule in a replay, row by row."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from spikedtp.plotting.style import COLOURS, DOUBLE_COLUMN, SINGLE_COLUMN, letter_panels, new_figure, styled

__all__ = ["replay_figure", "replay_traces"]

MOST_TRACES, MOST_STATES = 40, 5


def replay_traces(ax: Axes, t: np.ndarray, values: ArrayLike, name: str, *, colour: str = COLOURS["other"]) -> Axes:
    """Every element of `values` over time, and their mean. If there are many, some are chosen evenly.

    Parameters
    ----------
    ax : Axes
    t : (n,)
        Time in ms.
    values : (n, ...)
    name : str
    colour : optional
    """
    rows = np.reshape(values, (len(t), -1))
    chosen = np.unique(np.linspace(0, rows.shape[1] - 1, min(MOST_TRACES, rows.shape[1])).astype(int))
    several = rows.shape[1] > 1
    ax.plot(t, rows[:, chosen], color=colour, linewidth=0.5, alpha=0.5 if several else 1.0)
    if several:
        ax.plot(t, rows.mean(axis=1), color=COLOURS["rate"], label="mean", gid="mean")
    ax.set_xlabel("time (ms)")
    ax.set_ylabel(name.replace("_", " "))
    return ax


@styled
def replay_figure(t: np.ndarray, w: ArrayLike, state: Mapping[str, np.ndarray]) -> Figure:
    """Weights and the first states of the rule over time.

    Parameters
    ----------
    t : (n,)
        Time in ms.
    w : (n, n_post, n_pre)
    state : mapping
        name -> (n, ...), as in a `ReplayResult`.

    Examples
    --------
    >>> import numpy as np
    >>> from spikedtp import replay
    >>> from spikedtp.plasticity import STDP
    >>> from spikedtp.plotting import replay_figure
    >>> pre, post = np.zeros((20, 1)), np.zeros((20, 1))
    >>> pre[5], post[15] = 1, 1  # the postsynaptic spike comes 10 ms later
    >>> done = replay(STDP(), pre, post, 0.5)
    >>> figure = replay_figure(done.t, done.w, done.state)
    >>> [ax.get_ylabel() for ax in figure.axes]
    ['weight', 'p plus', 'p minus', 'zeta']
    """
    shown = [("weight", w, COLOURS["spiking"])]
    shown += [(name, values, COLOURS["other"]) for name, values in list(state.items())[:MOST_STATES]]
    n_columns = min(len(shown), 3)
    n_rows = -(-len(shown) // 3)
    figure = new_figure(SINGLE_COLUMN if n_columns == 1 else DOUBLE_COLUMN, 1.9 * n_rows)
    axes = figure.subplots(n_rows, n_columns, squeeze=False).ravel()
    for ax, (name, values, colour) in zip(axes, shown, strict=False):
        replay_traces(ax, t, values, name, colour=colour)
    for ax in axes[len(shown) :]:
        ax.remove()
    if axes[0].get_legend_handles_labels()[1]:
        axes[0].legend()
    letter_panels(axes[: len(shown)])
    return figure
