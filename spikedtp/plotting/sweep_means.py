"""What a sweep found, over its seeds: mean and standard error against the settings, and learning curves."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from pathlib import PurePath
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from spikedtp.plotting.style import COLOURS, letter_panels, new_figure, styled
from spikedtp.plotting.sweep import different_settings, setting_axis, setting_places, setting_text

__all__ = ["mean_curves", "means_figure", "setting_means"]

MAX_ROWS, MAX_CURVES = 6, 6  # panels that a page holds
PANEL = 1.75  # inch
SPREAD = 0.6  # of the distance between two words on an axis, for the colours side by side
HUES = [COLOURS[name] for name in ("E", "DendI", "spiking", "positive", "negative", "SomaI", "rate", "other")]
DOTS: dict[str, Any] = dict(marker="o", markersize=2.5, alpha=0.35, markeredgewidth=0, linestyle="")
MEANS: dict[str, Any] = dict(marker="o", markersize=4, capsize=2, elinewidth=1)


def setting_means(ax: Axes, jobs: pd.DataFrame, measure: str, x: str, hue: str | None, *, scale: float = 1) -> Axes:
    """Mean and standard error over seeds against one setting, in a colour for each value of another; dots: jobs.

    Parameters
    ----------
    ax : Axes
    jobs : DataFrame
        Of a sweep, those that are done.
    measure : str
        A column.
    x : str
        The setting on the axis; its words are put side by side.
    hue : str or None
        The setting of the colours.
    scale : float
        What the measure is multiplied by: 100 for per cent.
    """
    place, words = setting_places(jobs[x])
    groups = _by_hue(jobs, hue)
    for n, (label, colour, rows) in enumerate(groups):
        shift = 0.0 if words is None else SPREAD * ((n + 0.5) / len(groups) - 0.5)
        values = scale * jobs.loc[rows, measure].astype(float)
        ax.plot(place[rows] + shift, values, color=colour, **DOTS)
        found = values.groupby(place[rows]).agg(["mean", "sem"])
        ax.errorbar(
            found.index + shift, found["mean"], found["sem"].fillna(0), color=colour, label=label,
            linestyle="-" if words is None else "", **MEANS,
        )  # fmt: skip
    setting_axis(ax, jobs[x])
    if words is not None:
        ax.set_xlim(-0.6, len(words) - 0.4)
    return ax


def mean_curves(ax: Axes, curves: pd.DataFrame, hue: str | None, colours: Mapping[str, str]) -> Axes:
    """Learning curves in rate with a band of one standard error; a diamond: the same network asked in spikes.

    Parameters
    ----------
    ax : Axes
    curves : DataFrame
        Settings, ``samples``, and ``accuracy_rate.mean, accuracy_rate.sem`` and the same in spikes.
    hue : str or None
        The setting of the colours.
    colours : mapping of str to colour
        By the value of `hue`.
    """
    for value, rows in curves.groupby(_text(curves, hue), sort=False):
        colour = colours[str(value)]
        mean, sem = (100 * rows[f"accuracy_rate.{kind}"].fillna(0) for kind in ("mean", "sem"))
        ax.plot(rows["samples"], mean, color=colour)
        ax.fill_between(rows["samples"], mean - sem, mean + sem, color=colour, alpha=0.2, linewidth=0)
        spiking = rows[rows["accuracy_spiking.mean"].notna()]
        if len(spiking):
            mean, sem = (100 * spiking[f"accuracy_spiking.{kind}"].fillna(0) for kind in ("mean", "sem"))
            ax.errorbar(
                spiking["samples"], mean, sem, color=colour, marker="D", markersize=3.5, capsize=2, linestyle=""
            )
    last = curves["samples"].max()
    ax.set_xlim(0, 1.05 * last)
    ax.set_xticks([0, last / 2, last])
    ax.set_xlabel("presentations")
    return ax


@styled
def means_figure(
    table: pd.DataFrame, settings: list[str], measures: Mapping[str, str], curves: pd.DataFrame | None = None
) -> Figure:
    """One row for each measure, or for each value of further settings; of trainings also their learning curves.

    Parameters
    ----------
    table : DataFrame
        Of a sweep, failed jobs and all.
    settings : list of str
        Those that differ, other than seeds. The one with the most values is on the axis, the next one is the colour.
    measures : mapping of str to str
        Columns, and how they are called.
    curves : DataFrame, optional
        The learning curves by setting.
    """
    jobs = table[table["status"] == "done"]
    measures = {name: label for name, label in measures.items() if name in jobs and jobs[name].notna().any()}
    if not measures:
        figure = new_figure(2 * PANEL, PANEL)
        figure.text(0.5, 0.5, "no finished job with a result to draw", ha="center", va="center")
        return figure
    settings = different_settings(jobs, settings)
    axes_of = sorted(settings, key=lambda name: -setting_text(jobs[name]).nunique())
    x, hue, rest = _roles(axes_of)
    jobs = jobs.assign(**{"": "all jobs"}) if x is None else jobs
    x = x or ""
    rows = [(name, where) for name in measures for where in _combinations(jobs, rest)]
    shown = _evenly(list(dict.fromkeys(setting_text(jobs[x]))), MAX_CURVES) if curves is not None else []
    _, words = setting_places(jobs[x])
    under = 0.04 * max(map(len, words or [""]))  # inch, for words that stand aslant
    n_rows = min(len(rows), MAX_ROWS)
    figure = new_figure(0.7 + PANEL * max(1 + len(shown), 1.3), 0.7 + (PANEL + under) * n_rows)
    # panels of one size: with ratios between them, the solver of the layout differs in last digits from time to time
    grid = figure.subplots(n_rows, 1 + len(shown), squeeze=False, sharey="row" if shown else False)
    colours = {label: colour for label, colour, _ in _by_hue(jobs, hue)}
    for panels, (name, where) in zip(grid, rows, strict=False):
        per_cent = 100 if "accuracy" in name else 1
        setting_means(panels[0], _chosen(jobs, where), name, x, hue, scale=per_cent)
        panels[0].set_ylabel(measures[name] + (" (%)" if per_cent == 100 else ""))
        panels[0].set_title(", ".join(f"{key.replace('_', ' ')} {_word(value)}" for key, value in where.items()))
        if shown:
            assert curves is not None
            asked = ",\n\N{BLACK DIAMOND} in spikes" if curves["accuracy_spiking.mean"].notna().any() else ""
            panels[1].set_ylabel(f"{measures[name]} in rate{asked} (%)")
        for ax, value in zip(panels[1:], shown, strict=True):
            assert curves is not None
            mean_curves(ax, _chosen(curves, where | ({x: value} if x else {})), hue, colours)
            ax.set_title(_word(value) if x else "")
    notes = [] if len(rows) <= MAX_ROWS else [f"the first {MAX_ROWS} of {len(rows)} rows"]
    n_values = setting_text(jobs[x]).nunique()
    notes += [f"learning curves of {len(shown)} of {n_values} values"] if 0 < len(shown) < n_values else []
    if notes:
        figure.suptitle("; ".join(notes) + " (the tables have all)", x=0.01, ha="left", fontsize=7)
    if hue is not None:
        handles, labels = grid[0, 0].get_legend_handles_labels()
        figure.legend(
            handles, [_word(label) for label in labels], loc="outside lower center", ncols=len(labels),
            title=hue.replace("_", " "),
        )  # fmt: skip
    letter_panels(grid.ravel())
    return figure


def _roles(names: list[str]) -> tuple[str | None, str | None, list[str]]:
    return (names[0] if names else None), (names[1] if len(names) > 1 else None), names[2:]


def _text(table: pd.DataFrame, name: str | None) -> pd.Series:
    return pd.Series("all", index=table.index) if name is None else setting_text(table[name])


def _by_hue(jobs: pd.DataFrame, hue: str | None) -> list[tuple[str, str, pd.Series]]:
    """Label, colour and rows for each value of a setting; rate and spikes in the colours that they have everywhere."""
    text = _text(jobs, hue)
    values = list(dict.fromkeys(text))
    hues = [COLOURS[value] if hue == "mode" else HUES[n % len(HUES)] for n, value in enumerate(values)]
    return [(value, colour, text == value) for value, colour in zip(values, hues, strict=True)]


def _combinations(jobs: pd.DataFrame, names: list[str]) -> list[dict[str, str]]:
    values = [list(dict.fromkeys(setting_text(jobs[name]))) for name in names]
    return [dict(zip(names, point, strict=True)) for point in itertools.product(*values)]


def _chosen(table: pd.DataFrame, where: Mapping[str, str]) -> pd.DataFrame:
    keep = np.ones(len(table), bool)
    for name, value in where.items():
        keep &= (setting_text(table[name]) == value).to_numpy()
    return table[keep]


def _evenly(values: list[str], most: int) -> list[str]:
    if len(values) <= most:
        return values
    return [values[n] for n in np.linspace(0, len(values) - 1, most).round().astype(int)]


def _word(value: str) -> str:
    """A path as its name."""
    return PurePath(value).stem if "/" in value else value
