"""Figures of BTSP: its time course, place fields that appear and move, the experiment, and the same in spikes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from spikedtp.plotting.style import COLOURS, DOUBLE_COLUMN, letter_panels, new_figure, styled

__all__ = ["experiment_figure", "fields_figure", "speeds_figure", "spikes_figure", "time_course_figure"]


def shades(n: int) -> list:
    """Colours from dark to light, for an order."""
    return [mpl.colormaps["viridis"](x) for x in np.linspace(0.0, 0.85, n)]


def zero(ax: Axes, *, x: bool = True) -> None:
    ax.axhline(0, color=COLOURS["other"], linewidth=0.5, zorder=0)
    if x:
        ax.axvline(0, color=COLOURS["other"], linewidth=0.5, linestyle=":", zorder=0)


@styled
def time_course_figure(pulses: Mapping[str, pd.DataFrame], inputs: pd.DataFrame, w_max: Mapping[str, float]) -> Figure:
    """ΔW over the interval for isolated pulses, both fits, and for inputs of the track; where weights come to rest.

    Parameters
    ----------
    pulses : dict
        Fit -> table of `place_field_curves.pulses`.
    inputs : DataFrame
        Of `place_field_curves.place_inputs`, for the network model.
    w_max : dict
        Fit -> its highest weight.
    """
    figure = new_figure(DOUBLE_COLUMN, 2.1)
    axes = figure.subplots(1, 4)
    panels = [(f"1 s pulses, {fit}", table, w_max[fit]) for fit, table in pulses.items()]
    for ax, (title, table, most) in zip(
        axes, [*panels, ("place inputs, network", inputs, w_max["network"])], strict=False
    ):
        starts = table.groupby("w0")
        for colour, (w0, rows) in zip(shades(len(starts)), starts, strict=True):
            ax.plot(rows.interval_s, rows.dw, color=colour, label=f"{w0 / most:.2f}")
        zero(ax)
        ax.set(xlabel="input after plateau (s)", title=title, xlim=(-4, 4), ylim=(-2.7, 3.3))
    axes[0].set_ylabel("ΔW")
    axes[1].legend(title="W / W$_{max}$ before", loc="lower center")
    for (fit, table), line in zip(pulses.items(), ("-", "--"), strict=True):
        one = table[table.w0 == 1]
        axes[3].plot(one.interval_s, one.w_eq / w_max[fit], line, color="black", label=fit)
    axes[3].axvline(0, color=COLOURS["other"], linewidth=0.5, linestyle=":", zorder=0)
    axes[3].set(xlabel="input after plateau (s)", title="unchanged weight", ylabel="w$_{eq}$ / W$_{max}$", xlim=(-4, 4),
                ylim=(0, 1))  # fmt: skip
    axes[3].legend()
    letter_panels(axes, x=-0.06)
    return figure


@styled
def fields_figure(
    places: np.ndarray, shift: np.ndarray, distances: list[float], moved: pd.DataFrame,
    speeds: Mapping[float, np.ndarray], widths: pd.DataFrame, where: float,
) -> Figure:  # fmt: skip
    """A field that moves; where fields at all distances go; fields of a silent cell at several speeds; their widths.

    Parameters
    ----------
    places : (n_bins,)
        cm.
    shift : (1 + laps, n_bins)
        Ramps (mV) before, and after as many laps as `moved` has, in ascending order.
    distances : list of float
        From the plateau to the field before.
    moved : DataFrame
        Of `place_field_curves.field_shift`, with a column `induction_laps`.
    speeds : dict
        Speed (cm/s) -> ramp (n_bins,).
    widths : DataFrame
        speed_cm_s, induction_laps, half_width_cm.
    where : float
        The plateau's place (cm).
    """
    figure = new_figure(DOUBLE_COLUMN, 2.1)
    ramps, changes, silent, width = axes = figure.subplots(1, 4)
    ramps.plot(places, shift[0], color=COLOURS["other"], label="before")
    numbers = sorted(moved.induction_laps.unique().tolist())
    for colour, laps, ramp in zip(shades(len(numbers)), numbers, shift[1:], strict=True):
        ramps.plot(places, ramp, color=colour, label=f"{laps} lap{'s' * (laps > 1)}")
    for colour, (laps, rows) in zip(shades(len(numbers)), moved.groupby("induction_laps"), strict=True):
        changes.plot(distances, rows.dV_at_plateau_mV, "-", color=colour, label=f"{laps}")
        changes.plot(distances, rows.dV_at_initial_peak_mV, "--", color=colour)
    zero(changes)
    changes.set(xlabel="old field after plateau (cm)", ylabel="ΔV (mV)", title="— at plateau  - - at old field")
    for colour, (speed, ramp) in zip(shades(len(speeds)), speeds.items(), strict=True):
        silent.plot(places, ramp, color=colour, label=f"{speed:g} cm/s")
        for laps, marker in ((1, "o"), (3, "s")):
            one = widths[(widths.speed_cm_s == speed) & (widths.induction_laps == laps)]
            width.plot(one.speed_cm_s, one.half_width_cm, marker, color=colour, markersize=4)
    for laps, line in ((1, ":"), (3, "-")):
        rows = widths[widths.induction_laps == laps]
        width.plot(
            rows.speed_cm_s, rows.half_width_cm, line, color="black", zorder=0, label=f"{laps} lap{'s' * (laps > 1)}"
        )
    highest = max(shift.max(), *(ramp.max() for ramp in speeds.values()))
    for ax, title in ((ramps, "a field that moves"), (silent, "silent cell, 3 laps")):
        ax.axvline(where, color=COLOURS["other"], linewidth=0.5, linestyle=":", zorder=0)
        ax.set(xlabel="place (cm)", ylabel="ramp (mV)", title=title, ylim=(-0.5, 1.5 * highest))
        ax.legend(loc="upper left", ncols=2, columnspacing=0.8, handlelength=1.2)
    width.set(xlabel="speed (cm/s)", ylabel="width at half (cm)", title="silent cell", xlim=(0, None), ylim=(0, None))
    width.legend(loc="lower right")
    letter_panels(axes, x=-0.06)
    return figure


@styled
def experiment_figure(measured: pd.DataFrame, models: Mapping[str, pd.DataFrame]) -> Figure:
    """The change of the membrane potential over time from the plateau, for four initial ramps.

    Parameters
    ----------
    measured : DataFrame
        Of `place_field_curves.experiment`.
    models : dict
        Title -> table of `place_field_curves.by_initial_ramp`.
    """
    figure = new_figure(DOUBLE_COLUMN, 2.3)
    axes = figure.subplots(1, 1 + len(models), sharey=True)
    time = (measured.t_from_s + measured.t_to_s) / 2
    means = measured[[name for name in measured if name.startswith("mean")]]
    names = ("< 1 mV", "1 to 3 mV", "3 to 5 mV", "> 5 mV")
    for ax, (title, table) in zip(axes, {"experiment": means, **models}.items(), strict=True):
        for colour, name, column in zip(shades(4), names, table, strict=True):
            ax.plot(time, table[column], "o-", color=colour, markersize=2.5, label=name)
        zero(ax)
        ax.set(xlabel="time from plateau (s)", title=title, xlim=(-4.2, 4.2))
    axes[0].set(ylabel="ΔV (mV)", ylim=(-5, 13))
    axes[0].legend(title="initial ramp", loc="upper left")
    letter_panels(axes, x=-0.03)
    return figure


@styled
def spikes_figure(
    places: np.ndarray, conditions: list[dict[str, Any]], trace: Mapping[str, np.ndarray], where: float
) -> Figure:
    """Ramps of both forms, weights against one another, firing lap by lap, and one plateau.

    Parameters
    ----------
    conditions : list of dict
        name; before, rate (n_bins,) and spiking (trials, n_bins) ramps in mV; w_rate (n_inputs,) and w_spiking (trials,
        n_inputs); rates (laps, n_bins) in Hz.
    trace : dict
        t (s), v_soma (mV) and instructive, around the first plateau of one trial.
    """
    figure = new_figure(DOUBLE_COLUMN, 3.9)
    grid = figure.add_gridspec(2, 12)
    ramps = [figure.add_subplot(grid[0, start : start + 4]) for start in (0, 4)]
    scatter = figure.add_subplot(grid[0, 8:])
    maps = [figure.add_subplot(grid[1, start : start + 4]) for start in (0, 4)]
    plateau = figure.add_subplot(grid[1, 8:])
    for ax, fired, one in zip(ramps, maps, conditions, strict=True):
        mean = one["spiking"].mean(axis=0)
        error = one["spiking"].std(axis=0, ddof=1) / np.sqrt(len(one["spiking"]))
        ax.plot(places, one["before"], color=COLOURS["other"], label="before")
        ax.plot(places, one["rate"], color=COLOURS["rate"], label="rate form")
        ax.fill_between(places, mean - 2 * error, mean + 2 * error, color=COLOURS["spiking"], alpha=0.4, linewidth=0)
        ax.plot(places, mean, "--", color=COLOURS["spiking"], label="spikes, mean ± 2 s.e.")
        ax.axvline(where, color=COLOURS["other"], linewidth=0.5, linestyle=":", zorder=0)
        ax.set(xlabel="place (cm)", ylabel="ramp (mV)", title=one["name"], ylim=(-0.5, 10))
        laps = len(one["rates"])
        image = fired.imshow(
            one["rates"], aspect="auto", cmap="Greys", vmin=0, vmax=40,
            extent=(0, places[-1] + places[0], laps + 0.5, 0.5),
            interpolation="nearest",
        )  # fmt: skip
        fired.axvline(where, color=COLOURS["E"], linewidth=0.8, linestyle=":")
        fired.set(xlabel="place (cm)", ylabel="lap", yticks=range(1, laps + 1), title="the cell's spikes")
    ramps[0].legend(loc="upper left")
    figure.colorbar(image, ax=maps[1], label="Hz", extend="max")
    both = np.concatenate([one["w_rate"] for one in conditions])
    for one, colour in zip(conditions, (COLOURS["spiking"], COLOURS["positive"]), strict=True):
        scatter.plot(one["w_rate"], one["w_spiking"].mean(axis=0), ".", color=colour, markersize=2, label=one["name"])
    scatter.plot([0, both.max()], [0, both.max()], color=COLOURS["other"], linewidth=0.5, zorder=0)
    scatter.set(xlabel="W, rate form", ylabel="W, spikes (mean)", title="weights at the end")
    scatter.legend()
    plateau.plot(trace["t"], trace["v_soma"], color="black", linewidth=0.4)
    plateau.set(xlabel="time (s)", ylabel="soma (mV)", title="a plateau")
    right = plateau.twinx()
    right.plot(trace["t"], trace["instructive"], color=COLOURS["E"])
    right.set_ylabel("instructive trace", color=COLOURS["E"])
    right.set_ylim(0, 1)
    letter_panels([*ramps, scatter, *maps, plateau], x=-0.06)
    return figure


@styled
def speeds_figure(table: pd.DataFrame) -> Figure:
    """Width, height and place of the new field over running speed, in both forms.

    Parameters
    ----------
    table : DataFrame
        ``speed_cm_s``, and for each measure its mean over trials, ``_standard_error`` and ``_of_the_rate_form``.
    """
    figure = new_figure(DOUBLE_COLUMN, 1.9)
    axes = figure.subplots(1, 3)
    labels = {
        "half_width_cm": "width of the new field (cm)",
        "ramp_peak_mV": "its peak (mV)",
        "peak_minus_plateau_cm": "peak - plateau (cm)",
    }
    for ax, (name, label) in zip(axes, labels.items(), strict=True):
        ax.plot(
            table.speed_cm_s,
            table[f"{name}_of_the_rate_form"],
            ".-",
            color=COLOURS["rate"],
            label="rate form",
            zorder=1,
        )
        ax.errorbar(
            table.speed_cm_s, table[name], 2 * table[f"{name}_standard_error"], fmt="o", markersize=3, mfc="none",
            color=COLOURS["spiking"], label="spikes, mean ± 2 s.e.",
        )  # fmt: skip
        ax.set(xlabel="running speed (cm/s)", ylabel=label, xlim=(0, None))
    axes[0].set_ylim(0, None)
    axes[1].set_ylim(0, None)
    axes[0].legend(loc="lower right")
    letter_panels(list(axes))
    return figure
