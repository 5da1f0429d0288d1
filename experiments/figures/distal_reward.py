"""What a delayed reward did to one synapse: spikes, traces and dopamine at rewards, and weights over time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from spikedtp.plotting.style import COLOURS, DOUBLE_COLUMN, letter_panels, new_figure, styled

__all__ = ["distal_reward_figure"]

Run = Mapping[str, np.ndarray]


@styled
def distal_reward_figure(runs: Sequence[Run], controls: Mapping[str, Run], w_max: float) -> Figure:
    """Four panels: spikes, then traces around rewards, of the first network; its weights; all rewarded weights.

    Parameters
    ----------
    runs : sequence of dict
        What `distal_reward.found_in` gives for each network.
    controls : dict
        The same for the first network without reward (``none``) and with rewards at ``reversed`` times.
    w_max : float
        The bound on weights.
    """
    figure = new_figure(DOUBLE_COLUMN, 3.8)
    (raster, weight), (traces, final) = axes = figure.subplots(2, 2)
    run = runs[0]
    _spikes(raster, run)
    _traces(traces, run)
    minutes = 60.0 if run["time"][-1] > 300 else 1.0
    for k, other in enumerate(runs):
        label = "rewarded" if k == 0 else None
        weight.plot(other["time"] / minutes, other["rewarded"], color=COLOURS["E"], alpha=1 if k == 0 else 0.3,
                    linewidth=1.0 if k == 0 else 0.5, label=label)  # fmt: skip
    for name, colour, label in (
        ("none", COLOURS["DendI"], "no reward"),
        ("reversed", COLOURS["negative"], "reversed times"),
    ):
        if name in controls:
            weight.plot(
                controls[name]["time"] / minutes, controls[name]["rewarded"], color=colour, linewidth=0.8, label=label
            )
    weight.plot(run["snapshot_time"] / minutes, run["mean"], color="black", label="mean of others")
    weight.axhline(w_max, color=COLOURS["other"], linestyle=":", linewidth=0.6)
    weight.set(xlabel="time (min)" if minutes > 1 else "time (s)", ylabel="weight (mV)", ylim=(-0.1, 1.3 * w_max))
    weight.legend(ncols=2, loc="upper left")
    final.hist(run["final"], bins=np.linspace(0, w_max, 41), color=COLOURS["other"], log=True)
    final.axvline(float(run["final_rewarded"]), color=COLOURS["E"])
    final.set(xlabel="final weight (mV)", ylabel="synapses", ylim=(0.7, None))
    final.text(float(run["final_rewarded"]), 1.02, "rewarded", color=COLOURS["E"], ha="right", va="bottom",
               transform=final.get_xaxis_transform())  # fmt: skip
    letter_panels(axes.flat, x=-0.06)
    return figure


def _spikes(ax: Any, run: Run) -> None:
    cell, time = run["spike_cell"], run["spike_time"]
    pre, post = run["pair"]
    ax.plot(time, cell, ".", color="0.6", markersize=0.7, rasterized=True)
    for which, colour, name in ((pre, COLOURS["positive"], "presynaptic"), (post, COLOURS["E"], "postsynaptic")):
        mine = cell == which
        ax.plot(time[mine], cell[mine], "|", color=colour, markersize=7, markeredgewidth=1.2, label=name)
    jumps = run["trace_time"][1:][np.diff(run["dopamine"]) > 0]
    for k, reward in enumerate(jumps):
        ax.axvline(reward, color=COLOURS["spiking"], linewidth=0.8, label="reward" if k == 0 else None)
    ax.legend(ncols=3, loc="lower center", bbox_to_anchor=(0.5, 1.0))
    ax.set(ylabel="cell", xlabel="time (s)")


def _traces(ax: Any, run: Run) -> None:
    ax.plot(run["trace_time"], run["eligibility"], color=COLOURS["E"], label="eligibility c of the synapse")
    ax.plot(run["trace_time"], run["dopamine"], color=COLOURS["spiking"], label="dopamine d")
    ax.axhline(0, color=COLOURS["other"], linewidth=0.5, zorder=0)
    ax.set(xlabel="time (s)", ylabel="trace")
    ax.legend()
