"""Closed loop: the phases of a presentation, firing rates against activities, weight changes of every projection."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from spikedtp.compare import similarity
from spikedtp.errors import SpikedtpError
from spikedtp.plotting.panels import raster, update_scatter
from spikedtp.plotting.style import COLOURS, DOUBLE_COLUMN, cell_colour, letter_panels, new_figure, styled

if TYPE_CHECKING:
    from spikedtp.rate import RateResponse
    from spikedtp.spiking import ClosedResponse, Phases

__all__ = ["activities_figure", "closed_updates_figure", "mark_closed_phases", "phases_figure", "rate_against_activity"]

_NUDGE, _READ = "#EFEFEF", "#9FC5E8"
_MANY_POINTS = 3000
HELD = {"all": "somas held", "none": "somas free", "excitatory": "E somas held", "inhibitory": "I somas held",
        "output": "output held"}  # fmt: skip


def mark_closed_phases(ax: Axes, phases: Phases, *, names: bool = True) -> Axes:
    """Shade the nudge, draw the windows that are read as bars above the axes, and set the time axis, in ms.

    Parameters
    ----------
    ax : Axes
    phases : Phases
    names : bool
        Whether to write the names of the phases, and whether somas are held in the nudge, above the axes.
    """
    step = float(phases.dt) * 1e3
    onset, end = phases.onset * step, phases.end * step
    ax.axvspan(onset, end, color=_NUDGE, linewidth=0, zorder=-2, gid="nudge")
    for name, (start, stop) in (("settled", phases.settled), ("nudged", phases.nudged())):
        ax.plot([start * step, stop * step], [1.012] * 2, color=_READ, linewidth=2.5, solid_capstyle="butt",
                transform=ax.get_xaxis_transform(), clip_on=False, gid=f"read-{name}")  # fmt: skip
    ax.set_xlim(0, end)
    ax.set_xlabel("time (ms)")
    if names:
        nudge = f"nudge, {HELD[phases.hold]}"
        read = phases.settled[0] * step
        for name, left, right in (("settle", 0.0, read), ("read", read, onset), (nudge, onset, end)):
            ax.annotate(name, ((left + right) / 2, 1), (0, 4), ("data", "axes fraction"), "offset points", ha="center",
                        fontsize=5.5, color="0.35")  # fmt: skip
    return ax


def rate_against_activity(ax: Axes, activity: ArrayLike, counted: ArrayLike, unit_rate: float, population: str) -> Axes:
    """Firing rate against the activity of the rate network, one point per cell and presentation. Many are binned.

    Parameters
    ----------
    ax : Axes
    activity, counted : (samples, repeats, n)
        The activity in the rate network, and the spike count expressed as an activity.
    unit_rate : float
        Firing rate of activity 1 in Hz, which is drawn as a dashed line.
    population : str
    """
    x, y = (np.ravel(v).astype(float) for v in np.broadcast_arrays(activity, counted))
    top = max(x.max(initial=0), y.max(initial=0)) * 1.05 or 1.0
    low = min(x.min(initial=0), y.min(initial=0)) * 1.05  # below 0 with off cells
    if len(x) > _MANY_POINTS:
        ax.hexbin(x, y * unit_rate, gridsize=40, extent=(low, top, low * unit_rate, top * unit_rate), mincnt=1,
                  norm=LogNorm(vmin=0.3), linewidths=0, cmap="viridis_r")  # fmt: skip
    else:
        ax.scatter(x, y * unit_rate, s=4, color=cell_colour(population), alpha=0.5, linewidths=0)
    ax.plot(
        [low, top],
        [low * unit_rate, top * unit_rate],
        color=COLOURS["rate"],
        linewidth=0.6,
        linestyle="--",
        gid="unit-rate",
    )
    ax.set(xlim=(low, top), ylim=(low * unit_rate, top * unit_rate), xlabel="activity", ylabel="firing rate (Hz)")
    ax.locator_params(nbins=4)
    found = similarity(x, y)
    text = f"$r$ = {found['pearson_r']:.3f}\nslope = {found['slope']:.2f} × {unit_rate:.4g} Hz"
    ax.text(0.04, 0.97, text, transform=ax.transAxes, va="top", fontsize=5.5, gid="statistics")
    ax.set_title(population)
    return ax


@styled
def activities_figure(rate: RateResponse, spiking: ClosedResponse) -> Figure:
    """Firing rates in the read part of the settle phase against the rate network's settled activities, by population.

    Parameters
    ----------
    rate : RateResponse
        The response to the same samples.
    spiking : ClosedResponse
    """
    circuit, counted = spiking.spec.circuit, spiking.counted
    figure, axes = _grid(len(circuit.populations), 1.35)
    for ax, population in zip(axes, circuit.populations, strict=False):
        expected = np.atleast_3d(_settled(rate, population.name))
        found = counted[population.name] if spiking.batched else counted[population.name][None]
        expected = expected.reshape(spiking.n_samples, 1, -1)
        unit_rate = float(spiking.spec.unit_rates[population.name])
        rate_against_activity(ax, expected, found, unit_rate, population.name)
    _outer_labels(axes)
    return figure


@styled
def closed_updates_figure(rate: RateResponse, spiking: ClosedResponse, *, sample: int = 0, repeat: int = 0) -> Figure:
    """Spiking against rate ΔW of every projection in one presentation.

    Parameters
    ----------
    rate : RateResponse
        The response to the same samples, with targets.
    spiking : ClosedResponse
    sample, repeat : int
    """
    projections = list(spiking.projections)
    if not projections:
        raise SpikedtpError("there are no learned projections to plot")
    figure, axes = _grid(len(projections), 1.75)
    for ax, name in zip(axes, projections, strict=False):
        expected = rate.updates(name, None if rate.n_samples is None else sample)
        update_scatter(ax, expected, spiking.weight_updates.of(name, sample, repeat))
        ax.set_title(name.replace("_", " from "))
    return figure


@styled
def phases_figure(
    rate: RateResponse, spiking: ClosedResponse, population: str | None = None, *, sample: int = 0, repeat: int = 0
) -> Figure:
    """One presentation: spikes from input to output, soma and dendrite of two cells, and the output's somas.

    Broken lines show the settled activities of the rate network and its dendritic states in both phases.

    Parameters
    ----------
    rate : RateResponse
        The response to the same samples, with targets.
    spiking : ClosedResponse
        A response with recorded spikes, somatic and dendritic voltages.
    population : str, optional
        The population of the two cells. By default it is that of the response, or else the highest one with a dendrite.
    sample, repeat : int
    """
    if rate.target is None:
        raise SpikedtpError("the rate response has no nudge phase: call present(x, target)")
    population = population or spiking.population or _instructed(spiking)
    circuit, phases, times = spiking.spec.circuit, spiking.spec.phases, spiking.times * 1e3
    output = circuit.output.name

    def one(values: np.ndarray) -> np.ndarray:
        return values[sample, repeat] if spiking.batched else values[repeat]

    settled = {p.name: np.atleast_2d(_settled(rate, p.name))[sample] for p in circuit.populations}
    soma, dend = ({name: one(v) for name, v in values.items()} for values in (spiking.v_soma, spiking.v_dend))
    figure = new_figure(DOUBLE_COLUMN, 3.7)
    axes = figure.subplots(2, 2, sharex=True)
    shown = dict.fromkeys((circuit.input.name, population, output))
    _spikes(axes[0, 0], {name: one(spiking.spikes[name]) for name in shown}, settled, times)
    units = _opposed(rate, population, settled[population], sample)
    colours = dict(zip(units, (COLOURS["positive"], COLOURS["negative"]), strict=False))
    for unit, colour in colours.items():
        _trace(axes[0, 1], times, soma[population][:, unit], settled[population][unit], colour, f"cell {unit}")
    axes[0, 1].set_ylabel(f"{population} $V_\\mathrm{{soma}}$")
    if population in rate.dendritic_state:
        states = rate.dendritic_state[population].reshape(-1, *rate.dendritic_state[population].shape[-2:])[sample]
        for unit, colour in colours.items():
            expected = np.where(np.arange(len(times)) < phases.onset, *states[[rate.forward_steps - 1, -1], unit])
            _trace(axes[1, 0], times, dend[population][:, unit], expected, colour, f"cell {unit}")
        axes[1, 0].set_ylabel(f"{population} $V_\\mathrm{{dend}}$")
    else:
        axes[1, 0].text(0.5, 0.5, f"{population} has no dendrite", transform=axes[1, 0].transAxes, ha="center")
    label = int(np.atleast_2d(rate.target)[sample].argmax())
    for cell in range(circuit.output.size):
        colour = COLOURS["spiking"] if cell == label else "0.75"
        name = "target" if cell == label else "others" if cell == (label == 0) else None
        _trace(axes[1, 1], times, soma[output][:, cell], settled[output][cell], colour, name)
    axes[1, 1].set_ylabel(f"{output} $V_\\mathrm{{soma}}$")
    for ax in axes.flat:
        mark_closed_phases(ax, phases)
        if ax.get_legend_handles_labels()[1]:
            ax.legend(loc="best")
    for ax in axes[0]:
        ax.set_xlabel("")
    letter_panels(axes.ravel())
    return figure


def _spikes(
    ax: Axes,
    spikes: dict[str, np.ndarray],
    settled: dict[str, np.ndarray],
    times: np.ndarray,
    n_cells: int = 8,
) -> None:
    """The most active cells of each population."""
    rows, marks = [], []
    colours: list[str] = []
    for name, found in spikes.items():
        cells = np.argsort(-settled[name], kind="stable")[:n_cells]
        marks.append((len(colours) + (len(cells) - 1) / 2, name))
        rows.append(found[:, cells * (found.shape[1] // len(settled[name]))])  # one unit of each cell
        colours += [COLOURS["other"] if name == next(iter(spikes)) else cell_colour(name)] * len(cells)
    raster(ax, np.concatenate(rows, axis=1), times, colours=colours)
    ax.set_yticks([row for row, _ in marks], [name for _, name in marks], rotation=90, va="center")
    ax.tick_params(axis="y", length=0)
    ax.set_ylabel("spikes")


def _trace(
    ax: Axes, times: np.ndarray, voltage: np.ndarray, expected: ArrayLike, colour: str, label: str | None
) -> None:
    ax.plot(times, voltage, color=colour, linewidth=0.8, label=label)
    ax.plot(times, np.broadcast_to(expected, times.shape), color=colour, linewidth=0.8, linestyle="--", zorder=3)


def _opposed(rate: RateResponse, population: str, settled: np.ndarray, sample: int) -> list[int]:
    """The active cells with the highest and the lowest plateau; without plateaus, the two most active cells."""
    plateau = rate.plateau.get(population)
    if plateau is None or not (settled > 0).any():
        return np.argsort(-settled, kind="stable")[:2].tolist()
    active = np.flatnonzero(settled > 0)
    ordered = active[np.argsort(np.atleast_2d(plateau)[sample][active], kind="stable")]
    return list(dict.fromkeys((int(ordered[-1]), int(ordered[0]))))


def _settled(rate: RateResponse, population: str) -> np.ndarray:
    """The rate network's activity at the end of the settle phase, (..., n)."""
    return rate.activity[population][..., rate.forward_steps - 1, :]


def _instructed(spiking: ClosedResponse) -> str:
    circuit = spiking.spec.circuit
    dendrites = [p.post for p in circuit.projections if p.compartment == "dend"]
    order = [p.name for p in circuit.populations if p.name in dendrites]
    return order[-1] if order else circuit.output.name


def _grid(n: int, height: float) -> tuple[Figure, list[Axes]]:
    """A figure of up to four columns; places that are not needed stay empty."""
    n_columns = min(4, n)
    n_rows = -(-n // n_columns)
    figure = new_figure(DOUBLE_COLUMN * max(n_columns, 2) / 4, 0.2 + height * n_rows)
    axes = figure.subplots(n_rows, n_columns, squeeze=False).ravel().tolist()
    for ax in axes[n:]:
        ax.set_axis_off()
    letter_panels(axes[:n])
    return figure, axes


def _outer_labels(axes: list[Axes], n_columns: int = 4) -> None:
    for place, ax in enumerate(axes):
        if place % n_columns:
            ax.set_ylabel("")
