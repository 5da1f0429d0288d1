"""Figure of `physiology.py`: accuracy, firing rates and cosines of each step of the ladder."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from spikedtp.plotting.style import COLOURS, DOUBLE_COLUMN, letter_panels, new_figure, styled

LIMIT = 10  # Hz


@styled
def physiology_figure(networks: pd.DataFrame) -> Figure:
    """One row for each step, from the top; one point for each seed and a line at the mean."""
    steps = list(dict.fromkeys(networks["step"]))
    figure = new_figure(DOUBLE_COLUMN, 0.9 + 0.21 * len(steps))
    accuracy, rates, cosines = figure.subplots(1, 3, sharey=True, width_ratios=(1.2, 1, 1))
    shades = {name: f"C{k}" for k, name in enumerate(("ΔW OutputE", "ΔW H2E", "ΔW H1E"))}
    for k, step in enumerate(steps):
        part = networks[networks["step"] == step]
        for name, shift in (("rate", -0.15), ("spikes", 0.15)):
            colour, values = COLOURS["spiking" if name == "spikes" else "rate"], 100 * part[name].dropna()
            accuracy.plot(values, np.full(len(values), k + shift), "o", ms=3, mec=colour, mfc="none")
            if len(values):
                accuracy.plot([values.mean()] * 2, [k + shift - 0.14, k + shift + 0.14], color=colour)
        if part.get("hidden rate") is not None:
            for name, marker in (("hidden rate", "o"), ("hidden rate, 95 %", "|")):
                rates.plot(part[name], np.full(len(part), k), marker, ms=4, color=COLOURS["spiking"], mfc="none")
            for name, shade in shades.items():
                cosines.plot(part[name], np.full(len(part), k), "o", ms=3, color=shade, mfc="none")
                ceiling = part[f"{name}, ceiling"].mean()
                cosines.plot([ceiling] * 2, [k - 0.3, k + 0.3], color=shade, lw=0.8)
    for name, colour in (("asked in spikes", COLOURS["spiking"]), ("asked in rate", COLOURS["rate"])):
        accuracy.plot([], [], color=colour, label=name)
    accuracy.legend(loc=(0.03, 0.3))
    accuracy.set(xlabel="validation accuracy (%)", xlim=(0, 100))
    accuracy.set_yticks(range(len(steps)), steps)
    accuracy.invert_yaxis()
    rates.axvline(LIMIT, color=COLOURS["other"], lw=0.6, ls=":")
    rates.plot([], [], "o", ms=4, color=COLOURS["spiking"], mfc="none", label="mean")
    rates.plot([], [], "|", ms=4, color=COLOURS["spiking"], label="95th percentile")
    rates.legend(loc=(0.02, 0.02))
    rates.set(xlabel="firing rate of hidden E cells (Hz)", xscale="log")
    for name, shade in shades.items():
        cosines.plot([], [], "o", ms=3, color=shade, mfc="none", label=name)
    cosines.plot([], [], color=COLOURS["other"], lw=0.8, label="noise ceiling")
    cosines.legend(loc=(0.03, 0.62))
    cosines.set(xlabel="cosine with the rate network", xlim=(0, 1))
    letter_panels([accuracy, rates, cosines])
    return figure
