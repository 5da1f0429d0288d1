"""Single panels. Each function draws into the axes that it is given, and returns them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm, to_rgb
from numpy.typing import ArrayLike

from spikedtp.compare import similarity
from spikedtp.plotting.style import COLOURS, cell_colour

if TYPE_CHECKING:
    from spikedtp.plotting.presentation import Shown
    from spikedtp.spiking.open_loop.timeline import Timeline

__all__ = [
    "dendritic_voltage",
    "eligibility_traces",
    "input_raster",
    "mark_phases",
    "raster",
    "somatic_voltage",
    "update_scatter",
]

PHASE_NAMES = ("sensory phase", "supervised phase")
_SHADE = "#EFEFEF"
_MANY_POINTS = 3000  # a scatter of more than this is binned: points would hide one another


def mark_phases(ax: Axes, timeline: Timeline, *, names: bool = True) -> Axes:
    """Shade the supervised phase, name both phases above the axes, and set the time axis, in ms.

    The supervised phase begins with the first time step that the nudge can reach.
    """
    step = float(timeline.dt) * 1e3
    onset, end = timeline.settled_end * step, timeline.n_steps * step
    ax.axvspan(onset, end, color=_SHADE, linewidth=0, zorder=-2, gid="supervised-phase")
    ax.set_xlim(0, end)
    ax.set_xlabel("time (ms)")
    if names:
        for name, start, stop in zip(PHASE_NAMES, (0, onset), (onset, end), strict=True):
            ax.annotate(
                name,
                ((start + stop) / 2, 1),
                xytext=(0, 2),
                xycoords=("data", "axes fraction"),
                textcoords="offset points",
                ha="center",
                va="bottom",
                fontsize=5.5,
                color="0.35",
            )
    return ax


def raster(
    ax: Axes,
    spikes: ArrayLike,
    times: ArrayLike,
    cells: ArrayLike | None = None,
    colours: str | Sequence[str] | None = None,
) -> Axes:
    """Spikes of some cells, the first in the top row.

    Parameters
    ----------
    ax : Axes
    spikes : bool (n_steps, n)
    times : (n_steps,)
        Times in ms.
    cells : sequence of int, optional
        Which cells to draw. By default all are drawn.
    colours : a colour or one per cell, optional
    """
    spikes, times = np.asarray(spikes), np.asarray(times)
    cells = np.arange(spikes.shape[1]) if cells is None else np.asarray(cells, dtype=int)
    if len(cells):
        ax.eventplot(
            [times[spikes[:, cell].astype(bool)] for cell in cells],
            lineoffsets=range(len(cells)),
            linelengths=0.75,
            linewidths=0.6,
            colors=COLOURS["spiking"] if colours is None else colours,
        )
    ax.set_ylim(max(len(cells), 1) - 0.4, -0.6)
    ax.set_xlabel("time (ms)")
    ax.set_ylabel("cell")
    return ax


def input_raster(ax: Axes, shown: Shown, compartment: str, *, n_cells: int = 10) -> Axes:
    """Spikes of the most active cells of each population that projects onto one compartment.

    Parameters
    ----------
    ax : Axes
    shown : Shown
    compartment : {"soma", "dend"}
    n_cells : int
        How many cells of each population are drawn, the most active ones of the rate network at the top. Cells that are
        silent in the rate network are left out.
    """
    rasters, marks = [], []
    colours: list[str] = []
    for population in shown.sources(compartment):
        cells = shown.most_active(population, n_cells)
        if len(cells):
            marks.append((len(colours) + (len(cells) - 1) / 2, population))
            rasters.append(shown.spikes[population][:, cells])
            colours += [cell_colour(population)] * len(cells)
    spikes = np.concatenate(rasters, axis=1) if rasters else np.zeros((len(shown.times), 0), bool)
    raster(ax, spikes, shown.times, colours=colours)
    ax.set_yticks([row for row, _ in marks], [name for _, name in marks], rotation=90, va="center")
    ax.tick_params(axis="y", length=0)
    for label, (_, name) in zip(ax.get_yticklabels(), marks, strict=True):
        label.set_color(cell_colour(name))
    ax.set_ylabel({"dend": "dendritic input", "soma": "somatic input"}[compartment])
    return mark_phases(ax, shown.timeline)


def eligibility_traces(ax: Axes, shown: Shown, population: str, *, n_cells: int = 8) -> Axes:
    """Eligibility traces of active presynaptic cells (`Shown.active`), the most active in the darkest colour."""
    cells = spread(shown.active(population), n_cells)
    traces = shown.eligibility(population)
    for k, cell in enumerate(cells):
        shade = blend(cell_colour(population), k / max(len(cells), 2) * 0.75)
        ax.plot(shown.times, traces[:, cell], color=shade, linewidth=0.8, gid=f"cell-{cell}", zorder=3 - k / 100)
    ax.set_ylim(bottom=0)
    ax.set_ylabel(f"{population} eligibility trace\n(activity × {shown.gain:.4g})")
    return mark_phases(ax, shown.timeline)


def dendritic_voltage(ax: Axes, shown: Shown, unit: int, *, colour: str = COLOURS["spiking"]) -> Axes:
    """Dendritic voltage of one unit of the target population."""
    return _voltage(ax, shown, "dend", unit, colour)


def somatic_voltage(ax: Axes, shown: Shown, unit: int, *, colour: str = COLOURS["spiking"]) -> Axes:
    """Somatic voltage of one unit, with its output spikes in a row above."""
    _voltage(ax, shown, "soma", unit, colour)
    low, high = ax.dataLim.intervaly
    ax.update_datalim([(0, high + 0.4 * (high - low))])  # room for the spikes, shared axes included
    ax.autoscale_view(scalex=False)
    spikes = shown.times[shown.spikes[shown.population][:, unit]]
    ax.plot(
        spikes,
        np.full(len(spikes), 0.83),
        "|",
        transform=ax.get_xaxis_transform(),
        color=COLOURS["rate"],
        markersize=4.5,
        markeredgewidth=0.5,
        gid="output-spikes",
    )
    label = "output spikes" if len(spikes) else "no output spikes"
    ax.text(0.02, 0.985, label, transform=ax.transAxes, fontsize=5.5, va="top")
    return ax


def _voltage(ax: Axes, shown: Shown, compartment: str, unit: int, colour: str) -> Axes:
    voltage, measured_in = shown.voltage(compartment)
    ax.plot(shown.times, voltage[:, unit], color=colour, linewidth=0.8, gid=f"v-{compartment}")
    if not measured_in:
        ax.axhline(0, color="0.6", linewidth=0.5, zorder=0.5)
    symbol = {"dend": r"$V_\mathrm{dend}$", "soma": r"$V_\mathrm{soma}$"}[compartment]
    ax.set_ylabel(f"{symbol} ({measured_in or 'activity'})")
    return mark_phases(ax, shown.timeline)


def update_scatter(
    ax: Axes, rate: np.ndarray, spiking: np.ndarray, *, reference: str = "rate network", colour: str | None = None
) -> Axes:
    """Spiking against rate ΔW, one point per synapse, with the identity line. Many points are binned.

    Parameters
    ----------
    ax : Axes
    rate, spiking : (n_post, n_pre)
    reference : str
        The name of the rate ΔW on its axis.
    """
    x, y = np.ravel(rate).astype(float), np.ravel(spiking).astype(float)
    largest = max(np.abs(x).max(initial=0), np.abs(y).max(initial=0))
    power = int(np.floor(np.log10(largest))) if largest > 0 else 0
    if -1 <= power <= 2:
        power = 0
    x, y, limit = x / 10.0**power, y / 10.0**power, (largest / 10.0**power or 1.0) * 1.05

    if len(x) > _MANY_POINTS:
        drawn = ax.hexbin(
            x,
            y,
            gridsize=(60, 34),
            extent=(-limit, limit, -limit, limit),
            mincnt=1,
            norm=LogNorm(vmin=0.3),
            linewidths=0,
            cmap="viridis_r",
        )
        bar = ax.figure.colorbar(drawn, cax=ax.inset_axes((0.76, 0.07, 0.045, 0.36)))
        bar.ax.set_title("synapses", fontsize=5.5, pad=2)
        bar.ax.set_ylim(bottom=1)  # the colours begin below 1 to keep single synapses dark enough
        bar.ax.tick_params(labelsize=5.5, length=2)
        bar.ax.minorticks_off()
        bar.outline.set_visible(False)
    else:
        ax.scatter(x, y, s=4, color=colour or COLOURS["spiking"], alpha=0.5, linewidths=0)
    ax.plot([-limit, limit], [-limit, limit], color=COLOURS["rate"], linewidth=0.6, linestyle="--", gid="identity")
    ax.set(xlim=(-limit, limit), ylim=(-limit, limit), aspect="equal", anchor="N")
    scale = rf" ($\times 10^{{{power}}}$)" if power else ""
    ax.set_xlabel(f"ΔW, {reference}{scale}")
    ax.set_ylabel(f"ΔW, spiking{scale}")
    ax.locator_params(nbins=5)
    found = similarity(rate, spiking)
    ax.text(
        0.04,
        0.97,
        f"$r$ = {found['pearson_r']:.3f}\nslope = {found['slope']:.2f}",
        transform=ax.transAxes,
        va="top",
        fontsize=6,
        gid="statistics",
    )
    return ax


def spread(cells: np.ndarray, n: int) -> np.ndarray:
    """n of the cells, evenly spaced over their order, the first among them."""
    return cells[np.unique(np.linspace(0, len(cells) - 1, n).astype(int))] if len(cells) > n else cells


def blend(colour: str, towards_white: float) -> np.ndarray:
    """The colour, paler: 0 leaves it as it is, 1 is white."""
    return 1 - (1 - np.array(to_rgb(colour))) * (1 - towards_white)
