"""Results of a sweep over its seeds: mean and standard error of the mean for every setting, and learning curves."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from spikedtp.plotting.sweep import setting_text

__all__ = ["SEEDS", "learning_curves", "means_over_seeds", "setting_columns"]

SEEDS = ("seed", "data_seed", "validation_seed")
CURVE = "learning_curve.csv"


def setting_columns(table: pd.DataFrame) -> list[str]:
    """The settings in which jobs of a sweep differ, other than seeds."""
    settings = list(table)[1 : list(table).index("status")]
    return [name for name in settings if name not in SEEDS and setting_text(table[name]).nunique() > 1]


def means_over_seeds(table: pd.DataFrame) -> pd.DataFrame:
    """One row for all jobs that differ in their seeds alone, in the order of the plan.

    Parameters
    ----------
    table : DataFrame
        Of a sweep: ``job``, settings, ``status``, ``error``, results.

    Returns
    -------
    DataFrame
        The settings that differ, ``n_seeds`` (jobs that are done), ``n_failed``, and ``NAME.mean, NAME.sem`` for every
        result that is a number. Both are missing where a job has no such number. The standard error of the mean is that
        of the sample (n - 1); of one job there is none.
    """
    settings = setting_columns(table)
    results = list(table)[list(table).index("error") + 1 :]
    numbers = [name for name in results if pd.api.types.is_numeric_dtype(table[name].dtype)]
    rows = []
    for _, jobs in table.groupby(_groups(table, settings), sort=False):
        done = jobs[jobs["status"] == "done"]
        row = {name: jobs[name].iloc[0] for name in settings}
        row |= {"n_seeds": len(done), "n_failed": len(jobs) - len(done)}
        for name in numbers:
            known = {"skipna": False}  # a mean of some seeds would pass for one of all
            row |= {f"{name}.mean": done[name].mean(**known), f"{name}.sem": done[name].sem(**known)}
        rows.append(row)
    return pd.DataFrame(rows)


def learning_curves(table: pd.DataFrame, folders: Mapping[str, Path]) -> pd.DataFrame:
    """The learning curves of trainings, in mean and standard error over their seeds.

    Parameters
    ----------
    table : DataFrame
        Of a sweep of trainings.
    folders : mapping of str to Path
        What each job has left, by its key.

    Returns
    -------
    DataFrame
        The settings that differ, ``samples``, ``n_seeds``, and ``NAME.mean, NAME.sem`` of accuracy_rate and
        accuracy_spiking. Jobs without a test part have no curve.
    """
    settings = setting_columns(table)
    parts = []
    for _, jobs in table.groupby(_groups(table, settings), sort=False):
        files = [folders[key] / CURVE for key in jobs["job"] if key in folders and (folders[key] / CURVE).is_file()]
        if files:
            curves = pd.concat([pd.read_csv(file) for file in files])
            points = curves.groupby("samples").agg(["mean", "sem"])
            points.columns = [f"{name}.{kind}" for name, kind in points.columns]
            points.insert(0, "n_seeds", curves.groupby("samples").size())
            parts.append(points.reset_index().assign(**{name: jobs[name].iloc[0] for name in settings}))
    if not parts:
        return pd.DataFrame()
    found = pd.concat(parts, ignore_index=True)
    return found[[*settings, *(name for name in found if name not in settings)]]


def _groups(table: pd.DataFrame, settings: list[str]) -> pd.Series:
    """A number for the settings of each job, the same for jobs that differ in their seeds alone."""
    if not settings:
        return pd.Series(0, index=table.index)
    return pd.DataFrame({name: setting_text(table[name]) for name in settings}).agg("\0".join, axis=1)
