"""Figures beyond Figure 3: dendritic states and traces over time, and how similar the weight changes are."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from spikedtp.compare import bootstrap_median
from spikedtp.compare.updates import OF_THE_RULE
from spikedtp.errors import SpikedtpError, known_names
from spikedtp.parameters import check_whole
from spikedtp.plotting.figure3 import describe_unit, presynaptic
from spikedtp.plotting.panels import mark_phases, spread
from spikedtp.plotting.presentation import (
    Shown,
    population_correlation,
    rate_dendritic_states,
    spiking_dendritic_states,
)
from spikedtp.plotting.style import (
    COLOURS,
    DOUBLE_COLUMN,
    cell_colour,
    letter_panels,
    new_figure,
    styled,
)

if TYPE_CHECKING:
    import pandas as pd

    from spikedtp.rate import RateResponse
    from spikedtp.spiking import SpikingResponse
    from spikedtp.spiking.open_loop.timeline import Timeline

__all__ = [
    "ceiling_scatter",
    "correlation_over_time",
    "dendritic_state",
    "dendritic_state_figure",
    "eligibility_figure",
    "eligibility_trace",
    "similarity_figure",
    "similarity_strips",
]

MEASURE_NAMES = {
    "cosine": "cosine with rate ΔW",
    "pearson_r": "Pearson r with rate ΔW",
    "slope": "slope of spiking on rate ΔW",
    "angle": "angle to rate ΔW (degrees)",
    "sign_agreement": "sign agreement with rate ΔW",
}


# --- over time --------------------------------------------------------------------------------------------------------


def dendritic_state(ax: Axes, shown: Shown, unit: int, *, colour: str = COLOURS["spiking"]) -> Axes:
    """Dendritic state of one unit in spikes, and that of the rate network times the gain of the spikes."""
    spiking = spiking_dendritic_states(shown.spiking, shown.sample)[shown.repeat]
    rate = rate_dendritic_states(shown.rate, shown.spiking, shown.sample)
    ax.plot(shown.times, spiking[:, unit], color=colour, linewidth=0.8, label="spiking")
    ax.plot(
        shown.times, shown.gain * rate[:, unit], color=COLOURS["rate"], linewidth=0.9, label=f"rate × {shown.gain:.4g}"
    )
    ax.axhline(0, color="0.6", linewidth=0.5, zorder=0.5)
    ax.set_ylabel("dendritic state (activity)")
    ax.legend(loc="best")
    return mark_phases(ax, shown.timeline)


def correlation_over_time(ax: Axes, correlation: np.ndarray, timeline: Timeline) -> Axes:
    """Median and interquartile band, over presentations, of a correlation across the population.

    Parameters
    ----------
    ax : Axes
    correlation : (presentations, n_steps)
        From `population_correlation`. Time steps where fewer than half of the presentations have a value stay empty.
    timeline : Timeline
    """
    times = np.arange(correlation.shape[1]) * float(timeline.dt) * 1e3
    enough = np.isfinite(correlation).mean(axis=0) >= 0.5
    low, median, high = np.full((3, len(times)), np.nan)
    low[enough], median[enough], high[enough] = np.nanquantile(correlation[:, enough], (0.25, 0.5, 0.75), axis=0)
    if len(correlation) > 1:
        ax.fill_between(times, low, high, color=COLOURS["spiking"], alpha=0.3, linewidth=0, label="quartiles")
    ax.plot(times, median, color=COLOURS["spiking"], label="median")
    ax.set_ylim(min(0, np.nanmin(low, initial=0)) - 0.02, 1.02)
    ax.set_ylabel("$r$ of dendritic states\nacross the population")
    ax.legend(loc="lower right", title=_count(len(correlation), "presentation"), title_fontsize=6)
    return mark_phases(ax, timeline)


def eligibility_trace(ax: Axes, shown: Shown, population: str, cell: int) -> Axes:
    """Eligibility trace of one presynaptic cell, and the level that it filters: the rate of the cell times the gain."""
    trace = shown.eligibility(population)[:, cell]
    level = shown.gain * shown.presynaptic_rate(population)[:, cell]
    ax.plot(shown.times, trace, color=cell_colour(population), linewidth=0.8, label="eligibility trace")
    ax.plot(shown.times, level, color=COLOURS["rate"], linewidth=0.9, label=f"rate × {shown.gain:.4g}")
    ax.set_ylim(bottom=0)
    ax.set_ylabel("eligibility trace (activity)")
    return mark_phases(ax, shown.timeline)


def _count(n: int, what: str) -> str:
    return f"{n} {what}" if n == 1 else f"{n} {what}s"


@styled
def dendritic_state_figure(rate: RateResponse, spiking: SpikingResponse, *, sample: int = 0, repeat: int = 0) -> Figure:
    """Dendritic states in rate and in spikes: one unit of each sign over time, and all units of all presentations.

    Parameters
    ----------
    rate, spiking
        As in `figure3`.
    sample, repeat : int
        The presentation from which the two units are shown.

    Examples
    --------
    >>> import numpy as np
    >>> from matplotlib.axes import Axes
    >>> from spikedtp import load_rate_network, simulate
    >>> from spikedtp.models import weights_file
    >>> from spikedtp.plotting import dendritic_state_figure
    >>> network = load_rate_network("digits_dtp", weights_file("digits_dtp"))
    >>> x, target = np.full(64, 0.2), np.eye(10)[3]
    >>> spiking = simulate(network, x, target, population="H2E", device="runtime", seed=1)
    >>> rate = network.present(x, target, nudge_populations="all")
    >>> figure = dendritic_state_figure(rate, spiking)
    >>> len(figure.findobj(Axes)) > 2
    True
    """
    shown = Shown(rate, spiking, sample, repeat)
    figure = new_figure(DOUBLE_COLUMN, 1.95)
    axes = figure.subplots(1, 3)
    for ax, unit in zip(axes, shown.opposed_units(), strict=False):
        title, colour = describe_unit(shown, unit)
        dendritic_state(ax, shown, unit, colour=colour)
        ax.set_title(title, pad=11)
    axes[1].set_ylabel("")
    correlation_over_time(axes[2], population_correlation(rate, spiking), shown.timeline)
    axes[2].set_title(f"all {spiking.spec.n_cells} {spiking.population} units", pad=11)
    letter_panels(axes)
    return figure


@styled
def eligibility_figure(
    rate: RateResponse,
    spiking: SpikingResponse,
    projection: str = "H2E_H1E",
    *,
    sample: int = 0,
    repeat: int = 0,
    n_cells: int = 6,
) -> Figure:
    """Eligibility traces against the rates of their cells, from the most to the least active one.

    Parameters
    ----------
    rate, spiking
        As in `figure3`.
    projection : str
        The projection whose presynaptic cells are shown.
    sample, repeat : int
        The presentation that is shown.
    n_cells : int
        How many cells are shown, at least 1. They are evenly spaced over the ranks of the active cells
        (`Shown.active`).

    Examples
    --------
    >>> import numpy as np
    >>> from matplotlib.axes import Axes
    >>> from spikedtp import load_rate_network, simulate
    >>> from spikedtp.models import weights_file
    >>> from spikedtp.plotting import eligibility_figure
    >>> network = load_rate_network("digits_dtp", weights_file("digits_dtp"))
    >>> x, target = np.full(64, 0.2), np.eye(10)[3]
    >>> spiking = simulate(network, x, target, population="H2E", device="runtime", seed=1)
    >>> rate = network.present(x, target, nudge_populations="all")
    >>> figure = eligibility_figure(rate, spiking, "H2E_H1E")
    >>> len(figure.findobj(Axes)) > 2
    True
    """
    shown = Shown(rate, spiking, sample, repeat)
    population = presynaptic(spiking, projection)
    active = shown.active(population)
    if not len(active):
        raise SpikedtpError(f"no cell of {population} is active in sample {sample}: there are no traces to plot")
    cells = spread(active, n_cells)
    n_columns = min(3, len(cells))
    n_rows = -(-len(cells) // n_columns)
    figure = new_figure(DOUBLE_COLUMN * n_columns / 3, 0.35 + 1.5 * n_rows)
    axes = figure.subplots(n_rows, n_columns, sharex=True, squeeze=False)
    for k, ax in enumerate(axes.flat):
        if k >= len(cells):
            ax.remove()
            continue
        eligibility_trace(ax, shown, population, cells[k])
        rank = int(np.flatnonzero(active == cells[k])[0]) + 1
        ax.set_title(f"{population} cell {cells[k]}, rank {rank} of {len(active)}", pad=11)
        if k % n_columns:
            ax.set_ylabel("")
        if k + n_columns < len(cells):
            ax.set_xlabel("")
    axes[0, 0].legend(loc="lower right")
    return figure


# --- how alike --------------------------------------------------------------------------------------------------------


def similarity_strips(ax: Axes, table: pd.DataFrame, measure: str = "cosine", *, seed: int = 0) -> Axes:
    """Distribution of one measure over samples and repeats, a strip and a box for each reference.

    Beside the cosine, the noiseless cosine (if it is known) and the noise ceiling of each sample are drawn. Diamonds
    are medians with 95 % intervals from a bootstrap over samples.

    Parameters
    ----------
    ax : Axes
    table : pandas.DataFrame
        The rows of one projection from `compare_updates`.
    measure : str
        A column of the table.
    seed : int
        Seed of the sideways scatter of the points and of the bootstrap.
    """
    if measure not in MEASURE_NAMES:
        raise known_names("measure", measure, MEASURE_NAMES)
    rng = np.random.default_rng(check_whole("seed", seed))
    columns = []
    for reference, rows in table.groupby("reference", sort=True):
        columns.append((f"{reference}\nmeasured", rows, measure, COLOURS["spiking"]))
        if measure == "cosine":
            once = rows.drop_duplicates("sample")  # the predictions are the same in every repeat
            if once["noiseless_cosine"].notna().any():  # a closed loop has no prediction
                columns.append((f"{reference}\nno noise", once, "noiseless_cosine", COLOURS["rate"]))
    if measure == "cosine":  # of the spiking ΔW with its own expectation: the same for every reference
        columns.append(("noise\nceiling", table.drop_duplicates("sample"), "noise_ceiling", COLOURS["other"]))
    for place, (_, part, column, colour) in enumerate(columns):
        _strip(ax, place, part[column], part["sample"], colour, rng, seed)
    ax.errorbar([], [], [], fmt="D", color="0.3", markersize=2.5, linewidth=0.8, label="median, 95 % interval")
    ax.set_xticks(range(len(columns)), [label for label, *_ in columns])
    ax.tick_params(axis="x", length=0)
    ax.set_xlim(-0.6, len(columns) - 0.4)
    ax.set_ylabel(MEASURE_NAMES[measure])
    return ax


def _strip(
    ax: Axes, place: float, values: np.ndarray, groups: np.ndarray, colour: str, rng: np.random.Generator, seed: int
) -> None:
    values, groups = np.asarray(values, float), np.asarray(groups)
    keep = np.isfinite(values)
    values, groups = values[keep], groups[keep]
    if not len(values):
        ax.text(place, 0.5, "not defined", rotation=90, transform=ax.get_xaxis_transform(), ha="center", va="center")
        return
    sideways = rng.uniform(-0.13, 0.13, len(values))
    ax.scatter(place - 0.17 + sideways, values, s=3, color=colour, alpha=0.45, linewidths=0, gid="points")
    ax.boxplot(
        values,
        positions=[place + 0.17],
        widths=0.2,
        showfliers=False,
        manage_ticks=False,
        boxprops={"color": colour, "linewidth": 0.7},
        whiskerprops={"color": colour, "linewidth": 0.7},
        capprops={"color": colour, "linewidth": 0.7},
        medianprops={"color": colour, "linewidth": 1.2},
    )
    median, low, high = bootstrap_median(values, groups, seed=seed)
    ax.errorbar(
        place + 0.38, median, [[median - low], [high - median]], fmt="D", color=colour, markersize=2.5, linewidth=0.8
    )


def ceiling_scatter(ax: Axes, table: pd.DataFrame) -> Axes:
    """Measured cosine of each sample against its noise ceiling, with median and range over repeats, and the identity.

    Parameters
    ----------
    ax : Axes
    table : pandas.DataFrame
        The rows of one projection from `compare_updates`. Samples without a predicted ceiling are left out.
    """
    known = table[np.isfinite(table["noise_ceiling"]) & np.isfinite(table["cosine"])]
    for reference, rows in known.groupby("reference", sort=True):
        by_sample = rows.groupby("sample")
        ceiling, cosine = by_sample["noise_ceiling"].first(), by_sample["cosine"]
        median = cosine.median()
        ax.errorbar(
            ceiling,
            median,
            [median - cosine.min(), cosine.max() - median],
            fmt="o" if reference in OF_THE_RULE else "s",
            color=COLOURS["spiking"] if reference in OF_THE_RULE else COLOURS["other"],
            markerfacecolor=COLOURS["spiking"] if reference in OF_THE_RULE else "white",
            markersize=2.8,
            markeredgewidth=0.7,
            elinewidth=0.5,
            label=reference,
        )
    lowest = min(known["noise_ceiling"].min(), known["cosine"].min()) if len(known) else 0.0
    low = lowest - 0.06 * (1 - lowest)
    high = 1 + 0.02 * (1 - low)
    ax.plot([low, 1], [low, 1], color=COLOURS["rate"], linewidth=0.6, linestyle="--", gid="identity")
    ax.set(xlim=(low, high), ylim=(low, high), aspect="equal")
    ax.set_xlabel("noise ceiling (cosine)")
    ax.set_ylabel("measured cosine (median, range)")
    for axis in (ax.xaxis, ax.yaxis):
        axis.set_major_locator(MaxNLocator(5))
    if len(known):
        ax.legend(title="rate ΔW", title_fontsize=6, loc="lower right")
    else:
        ax.text(0.5, 0.5, "no prediction", transform=ax.transAxes, ha="center")
    return ax


@styled
def similarity_figure(table: pd.DataFrame, projection: str = "H2E_H1E") -> Figure:
    """How similar spiking and rate ΔW are over all samples and repeats, beside what Poisson noise allows.

    Parameters
    ----------
    table : pandas.DataFrame
        From `compare_updates`.
    projection : str

    Examples
    --------
    >>> import numpy as np
    >>> from spikedtp import compare_updates, load_rate_network, simulate
    >>> from spikedtp.models import weights_file
    >>> from spikedtp.plotting import similarity_figure
    >>> network = load_rate_network("digits_dtp", weights_file("digits_dtp"))
    >>> x, target = np.full(64, 0.2), np.eye(10)[3]
    >>> spiking = simulate(network, x, target, population="H2E", n_repeats=2, device="runtime", record=())
    >>> figure = similarity_figure(compare_updates(network.present(x, target), spiking), "H2E_H1E")
    >>> len(figure.axes)
    3
    """
    rows = table[table["projection"] == projection]
    if rows.empty:
        raise known_names("projection of this table", projection, table["projection"].unique())
    figure = new_figure(DOUBLE_COLUMN, 2.3)
    axes = figure.subplots(1, 3, width_ratios=(1.75, 0.8, 1.15))
    similarity_strips(axes[0], rows, "cosine")
    similarity_strips(axes[1], rows, "pearson_r")
    ceiling_scatter(axes[2], rows)
    axes[0].legend(loc="best")
    n_samples, n_repeats = rows["sample"].nunique(), rows["repeat"].nunique()
    axes[0].set_title(
        f"{projection.replace('_', ' from ')}: {_count(n_samples, 'sample')} × {_count(n_repeats, 'repeat')}",
        loc="left",
    )
    letter_panels(axes)
    return figure
