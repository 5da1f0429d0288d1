"""What networks do with events and bursts: signals across layers, a learning population, and pairs of spikes."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from spikedtp.plotting.style import DOUBLE_COLUMN, letter_panels, new_figure, styled

COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7")

__all__ = ["layers_figure", "pairings_figure", "rule_figure"]


@styled
def layers_figure(table: pd.DataFrame, settled: float) -> Figure:
    """Both currents over time (grey, right axes), and what follows each of them in either layer."""
    late = table[table["time_s"] > settled]
    figure = new_figure(DOUBLE_COLUMN, 3.4)
    axes = figure.subplots(2, 2, sharex=True)
    rows = (("event_rate", "events (Hz)", "soma1_pA", "into somata of layer 1 (pA)"),
            ("burst_probability", "burst probability", "dend2_pA", "into dendrites of layer 2 (pA)"))  # fmt: skip
    for row, (signal, label, current, current_label) in enumerate(rows):
        for column, layer in enumerate((1, 2)):
            axis = axes[row, column]
            axis.plot(late["time_s"], late[f"{signal}_{layer}"], color=COLOURS[row], lw=1)
            axis.set(ylim=(0, None), title=f"layer {layer}" if row == 0 else None)
            axes[row, 0].set_ylabel(label, color=COLOURS[row])
            driven = axis.twinx()
            if row == 1 and layer == 1:
                driven.plot(late["time_s"], late["burst_rate_2"], "--", color="0.6", lw=0.8)
                driven.set_ylabel("bursts of layer 2 (Hz)", color="0.5")
            else:
                driven.plot(late["time_s"], late[current], "--", color="0.6", lw=0.8)
                driven.set_ylabel(current_label if column == 1 or row == 0 else "", color="0.5")
    for axis in axes[1]:
        axis.set_xlabel("time (s)")
    letter_panels(axes.ravel())
    return figure


@styled
def rule_figure(table: pd.DataFrame) -> Figure:
    """Burst probability and its average, the mean weight, and presynaptic cells; phases are shaded in turn."""
    figure = new_figure(DOUBLE_COLUMN, 2.4)
    bursts, weight, before = figure.subplots(1, 3, sharex=True)
    time = table["time_s"]
    bursts.plot(time, table["after_burst_probability"], color=COLOURS[1], lw=1, label="burst probability")
    bursts.plot(time, table["average_burst_probability"], "--", color="0.4", lw=1, label="its average")
    bursts.set_ylabel("after the synapses")
    bursts.legend(frameon=False)
    weight.plot(time, table["weight_percent"], color=COLOURS[0], lw=1)
    weight.axhline(0, color="0.6", lw=0.6)
    weight.set_ylabel("change of the mean weight (%)")
    before.plot(time, table["before_burst_probability"], color=COLOURS[2], lw=1)
    before.set(ylabel="burst probability before", ylim=(0, None))
    for axis in (bursts, weight, before):
        axis.set_xlabel("time (s)")
        for k, (_, phase) in enumerate(table.groupby("phase", sort=False)):
            if k % 2:
                axis.axvspan(phase["time_s"].iloc[0] - time[0], phase["time_s"].iloc[-1], color="0.93", lw=0, zorder=0)
    letter_panels([bursts, weight, before])
    return figure


@styled
def pairings_figure(table: pd.DataFrame) -> Figure:
    """Weight changes by regular, Poisson and bursting trains, with standard errors."""
    figure = new_figure(DOUBLE_COLUMN, 2.2)
    axes = figure.subplots(1, 3)
    labels = {"periodic": "pairings (Hz)", "poisson": "Poisson spikes (Hz)", "burst_poisson": "burst probability (%)"}
    names = {"P0": "first burst probability", "ER": "events (Hz)"}
    for axis, (protocol, label) in zip(axes, labels.items(), strict=True):
        for k, (variant, rows) in enumerate(table[table["protocol"] == protocol].groupby("variant")):
            error = rows["dW_sd"] / np.sqrt(rows["realisations"])
            kind, _, value = str(variant).partition("=")
            name = f"{names[kind]}: {value}" if kind else None
            axis.errorbar(rows["x"], rows["dW_mean"], error, fmt="o-", ms=3, lw=0.9, color=COLOURS[k], label=name)
        axis.axhline(0, color="0.6", lw=0.6)
        axis.set_xlabel(label)
        if protocol != "periodic":
            axis.legend(frameon=False)
    axes[0].set_ylabel("weight change")
    letter_panels(axes)
    return figure
