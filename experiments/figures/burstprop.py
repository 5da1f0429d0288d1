"""What the experiments with Burstprop show: XOR, and how bursts and events carry two signals."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from spikedtp.plotting.style import DOUBLE_COLUMN, letter_panels, new_figure, styled

COLOURS = ("#0072b2", "#d55e00", "#009e73")
CURVES = (*COLOURS, "#cc79a7")

__all__ = ["xor_figure"]


@styled
def xor_figure(rates: pd.DataFrame, costs: pd.DataFrame, threshold: float) -> Figure:
    """The cost of each epoch, the outputs before and after, and burst probabilities without and with the teacher."""
    figure = new_figure(DOUBLE_COLUMN, 2.4)
    cost, output, bursts = figure.subplots(1, 3)
    cost.plot(costs["epoch"], costs["cost"], color=COLOURS[0], lw=0.8)
    cost.axhline(4 * np.log(2), color="0.5", ls="--", lw=0.8)
    cost.text(0.98, 4 * np.log(2), "cannot tell the inputs apart", transform=cost.get_yaxis_transform(), ha="right",
              va="bottom", color="0.4")  # fmt: skip
    cost.set(xlabel="epoch", ylabel="cost of the four examples")
    names = ["0 0", "1 0", "0 1", "1 1"]
    for phase, colour, marker in (("before", "0.6", "o"), ("after", COLOURS[0], "s")):
        tests = rates[rates["phase"] == phase]
        output.plot(names, tests["output_event_rate_late"], marker, color=colour, label=f"{phase} learning")
    output.axhline(threshold, color="0.5", ls="--", lw=0.8)
    output.set(xlabel="inputs", ylabel="events of the outputs (Hz)")
    output.legend(frameon=False)
    first = rates[(rates["phase"] == "learning") & (rates["epoch"] == 1)]
    places = np.arange(4)
    for k, population in enumerate(("output", "hidden1", "hidden2")):
        for window, marker in (("late", "o"), ("taught", "^")):
            p = first[f"{population}_burst_rate_{window}"] / first[f"{population}_event_rate_{window}"]
            label = population if window == "taught" else None
            filled = COLOURS[k] if window == "taught" else "none"
            bursts.plot(places + 0.15 * (k - 1), p, marker, color=COLOURS[k], mfc=filled, label=label)
    bursts.set(xlabel="inputs, first epoch", ylabel="burst probability", ylim=(0, 1.15))
    bursts.set_xticks(places, names)
    bursts.legend(
        frameon=False, title="filled: with teacher", ncols=3, loc="upper center", columnspacing=0.8, handletextpad=0.1
    )
    letter_panels([cost, output, bursts])
    return figure


@styled
def curves_figure(table: pd.DataFrame) -> Figure:
    """Event rate and burst probability against the current into dendrites (left) and into somata (right)."""
    figure = new_figure(DOUBLE_COLUMN, 3.6)
    axes = figure.subplots(2, 2, sharex="col", sharey="row")
    signals = (("event_rate_hz", "event_rate_se", "events (Hz)"),
               ("burst_probability", "burst_probability_se", "burst probability"))  # fmt: skip
    sweeps = (("dend_pA", "soma_pA", "current into dendrites (pA)"), ("soma_pA", "dend_pA", "current into somata (pA)"))
    for k, (name, of_noise) in enumerate(table.groupby("noise", sort=False)):
        for column, (current, other, label) in enumerate(sweeps):
            swept = of_noise[of_noise[other] == of_noise[other].mode()[0]].sort_values(current)
            for row, (signal, error, ylabel) in enumerate(signals):
                axes[row, column].errorbar(
                    swept[current], swept[signal], 3 * swept[error], fmt="o-", ms=3, lw=0.9, color=CURVES[k],
                    label=name.replace("_", " ").replace(" noise", "").replace("burstpoisson xor", "drawn bursts,"),
                )  # fmt: skip
                axes[row, 0].set_ylabel(ylabel)
            axes[1, column].set_xlabel(label)
    axes[0, 1].legend(frameon=False)
    letter_panels(axes.ravel())
    return figure
