"""What a sweep found: fidelity against each setting that was varied, and against what noise statistics predict."""

from __future__ import annotations

from pathlib import PurePath
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from spikedtp.plotting.style import COLOURS, SINGLE_COLUMN, letter_panels, new_figure, styled

__all__ = [
    "angle_axis", "different_settings", "predicted_angles", "setting_angles", "setting_axis", "setting_places",
    "setting_text", "sweep_figure",
]  # fmt: skip

MEASURED = ".rule.cosine.median"
MAX_PROJECTIONS, MAX_SETTINGS = 4, 6  # panels that a page holds
PANEL = 1.75  # inch
UNITS = {"time_per_step": "ms", "unit_rate": "Hz", "dt": "ms"}  # of settings that are plain numbers
TICKS = (1, 2, 3, 5, 7, 10, 15, 20, 30, 40, 60, 80)
MEDIAN: dict[str, Any] = dict(color=COLOURS["spiking"])
NOISE: dict[str, Any] = dict(color=COLOURS["rate"], linestyle=":")
DOTS: dict[str, Any] = dict(
    color=COLOURS["spiking"], marker="o", markersize=3, alpha=0.4, markeredgewidth=0, linestyle=""
)


def setting_angles(ax: Axes, table: pd.DataFrame, setting: str, projection: str) -> Axes:
    """Angle between spiking and rate ΔW of every job against one setting; lines: medians; dotted: noise alone.

    Parameters
    ----------
    ax : Axes
    table : pandas.DataFrame
        Of a sweep.
    setting : str
        A column; words and mixed values are put side by side.
    projection : str
    """
    place, _ = setting_places(table[setting])
    measured, noise = (_angle(table, projection, name) for name in ("cosine", "noise_ceiling"))
    ax.plot(place, measured, label="jobs", **DOTS)
    for angles, line, label in ((measured, MEDIAN, "median"), (noise, NOISE, "noise alone (predicted)")):
        medians = angles.groupby(place).median()
        ax.plot(medians.index, medians, label=label, **line)
    return setting_axis(ax, table[setting])


def setting_axis(ax: Axes, values: pd.Series) -> Axes:
    """Make the x axis that of a setting: its ticks, its scale, its name and unit."""
    place, labels = setting_places(values)
    setting = str(values.name)
    if labels is None:
        numbers = np.unique(place)
        if len(numbers) > 1 and numbers[0] > 0 and numbers[-1] / numbers[0] > 4:
            ax.set_xscale("log")
            ax.minorticks_off()
            ax.xaxis.set_major_formatter("{x:g}")
        if len(numbers) <= 6:
            ax.set_xticks(numbers)
    else:
        long = max(map(len, labels)) > 6
        ax.set_xticks(range(len(labels)), labels, rotation=30 * long, ha="right" if long else "center")
    unit = UNITS.get(setting) or str(values.iloc[0]).partition("*")[2]
    ax.set_xlabel(setting.replace("_", " ") + (f" ({unit})" if unit else ""))
    return ax


def predicted_angles(ax: Axes, table: pd.DataFrame, projection: str) -> Axes:
    """Measured angle of every job against the prediction from rates alone; on the diagonal the two agree.

    Noise is independent of the systematic error, so their cosines multiply: noise ceiling x noiseless cosine.
    """
    cosine = _column(table, projection, "noise_ceiling") * _column(table, projection, "noiseless_cosine")
    predicted = np.degrees(np.arccos(cosine.clip(-1, 1)))
    measured = _angle(table, projection, "cosine")
    ax.plot(predicted, measured, **DOTS)
    ends = np.array([np.nanmin([predicted, measured]), np.nanmax([predicted, measured])]) * (0.9, 1.1)
    ax.plot(ends, ends, color=COLOURS["rate"], linewidth=0.8, zorder=0)
    ax.set_xscale("log")
    ax.minorticks_off()
    ax.set_xticks(_ticks(ends[0], ends[1], most=4))
    ax.xaxis.set_major_formatter("{x:g}")
    ax.set_xlabel("predicted angle (degrees)")
    return ax


@styled
def sweep_figure(table: pd.DataFrame, varied: list[str]) -> Figure:
    """One row per projection: its angle against each varied setting and against the prediction.

    Parameters
    ----------
    table : pandas.DataFrame
        Of a sweep, failed jobs and all.
    varied : list of str
        Columns of the table; those with a single value are left out, and those that always change with another one.
        Seeds are repeats: what differs by them is scatter.
    """
    table = table[table["status"] == "done"]
    projections = [name.removesuffix(MEASURED) for name in table if name.endswith(MEASURED)]
    projections = [name for name in projections if table[name + MEASURED].notna().any()][:MAX_PROJECTIONS]
    settings = different_settings(table, varied)[:MAX_SETTINGS]
    if not projections:
        figure = new_figure(SINGLE_COLUMN, SINGLE_COLUMN / 3)
        figure.text(0.5, 0.5, "no finished job with a weight change", ha="center", va="center")
        return figure
    n_columns = len(settings) + 1
    figure = new_figure(0.4 + PANEL * max(n_columns, 2), 0.6 + PANEL * len(projections))
    axes = figure.subplots(len(projections), n_columns, sharey="row", squeeze=False)
    for row, projection in zip(axes, projections, strict=True):
        rows = table[table[projection + MEASURED].notna()]
        for ax, setting in zip(row, settings, strict=False):
            setting_angles(ax, rows, setting, projection)
        predicted_angles(row[-1], rows, projection)
        angle_axis(row[0])
        row[0].set_ylabel("angle with the\nrule's ΔW (degrees)")
        row[0].set_title(projection.replace("_", " from "), loc="left")
    if settings:
        handles, labels = axes[0, 0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncols=len(labels))
    letter_panels(axes.ravel())
    return figure


def angle_axis(ax: Axes) -> Axes:
    """Make the y axis of drawn angles, in degrees, logarithmic, with ticks at round numbers inside its limits."""
    ax.set_yscale("log")
    ax.minorticks_off()
    low, high = ax.get_ylim()
    ax.set_yticks(_ticks(low, high, most=5))
    ax.yaxis.set_major_formatter("{x:g}")
    ax.set_ylim(low, high)
    return ax


def _ticks(low: float, high: float, most: int) -> list[int]:
    inside = [tick for tick in TICKS if low <= tick <= high]
    return inside[:: -(-len(inside) // most) or 1]


def _column(table: pd.DataFrame, projection: str, measure: str) -> pd.Series:
    return table[f"{projection}.rule.{measure}.median"].astype(float)


def _angle(table: pd.DataFrame, projection: str, measure: str) -> pd.Series:
    return np.degrees(np.arccos(_column(table, projection, measure)))


def different_settings(table: pd.DataFrame, varied: list[str]) -> list[str]:
    """The settings that tell jobs apart: `weights` that go with `circuit` say nothing new."""
    kept: dict[tuple, str] = {}
    for name in varied:
        if name != "seed" and name in table and (text := setting_text(table[name])).nunique() > 1:
            kept.setdefault(tuple(pd.factorize(text)[0]), name)
    return list(kept.values())


def setting_text(values: pd.Series) -> pd.Series:
    """The values of a setting as text. Where a job does not set it, it has its default."""
    missing = values.isna()
    return pd.Series(["default" if no else str(v) for v, no in zip(values, missing, strict=True)], index=values.index)


def setting_places(values: pd.Series) -> tuple[pd.Series, list[str] | None]:
    """Where values lie on an axis: numbers (``20*ms`` too) at themselves, words side by side with their labels."""
    text = setting_text(values)
    numbers = pd.to_numeric(text.str.partition("*")[0], errors="coerce")
    if numbers.notna().all():
        return numbers, None
    words = text.map(lambda word: PurePath(word).stem)
    known = list(dict.fromkeys(words))
    return words.map(known.index), known
