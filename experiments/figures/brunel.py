"""What a sparse recurrent network does: spikes, rates and irregularity of its cells, and what became of its weights."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.figure import Figure
from recurrent.spike_statistics import cell_rates, interval_cvs

from spikedtp.plotting.style import COLOURS, DOUBLE_COLUMN, letter_panels, new_figure, styled

__all__ = ["brunel_figure"]

SHOWN = 0.2  # s of the raster


@styled
def brunel_figure(model: Any, found: dict[str, np.ndarray], seconds: float, settled: float) -> Figure:
    """Four panels.

    Parameters
    ----------
    model : Brunel
    found : dict
        ``i``, ``t`` (s) of all spikes; ``j_ee`` in mV.
    seconds, settled : float
        The duration, and when the network had settled (s).
    """
    figure = new_figure(DOUBLE_COLUMN, 2.0)
    raster, rate, irregular, weight = axes = figure.subplots(1, 4, width_ratios=(1.5, 1, 1, 1))
    i, t, n_e = found["i"], found["t"], model.n_e
    some = np.concatenate([np.arange(0, n_e, max(1, n_e // 80)), np.arange(n_e, model.n, max(1, n_e // 80))])
    late = t >= seconds - SHOWN
    for kind, colour, which in (("E", COLOURS["E"], i < n_e), ("I", COLOURS["DendI"], i >= n_e)):
        shown = late & which & np.isin(i, some)
        place = np.searchsorted(some, i[shown])
        raster.plot(1e3 * (t[shown] - seconds + SHOWN), place, ".", color=colour, markersize=1.5, label=kind)
        cells = slice(None, n_e) if kind == "E" else slice(n_e, None)
        rates = cell_rates(i, t, model.n, settled, seconds)[cells]
        # a rate is a whole number of spikes: bins of as many such numbers each, or some would be empty
        counts = np.round(rates * (seconds - settled))
        step = max(1, round(np.ptp(counts) / 20))
        bins = (np.arange(counts.min(), counts.max() + step + 1, step) - 0.5) / (seconds - settled)
        rate.hist(rates, bins=bins, density=True, histtype="step", color=colour, label=kind)
    raster.set(xlabel="time (ms)", ylabel="cell (some)", xlim=(0, 1e3 * SHOWN))
    rate.set(xlabel="rate (Hz)", ylabel="density")
    rate.legend()
    irregular.hist(interval_cvs(i, t, model.n, settled), bins=25, color=COLOURS["other"])
    irregular.set(xlabel="CV of intervals", ylabel="cells")
    weight.hist(found["j_ee"], bins=50, range=(0, 2 * model.j), color=COLOURS["E"], density=True)
    weight.axvline(model.j, color="black", linestyle=":", linewidth=0.8)
    weight.set(xlabel="E→E weight (mV)", ylabel="density")
    letter_panels(axes, x=-0.06)
    return figure
