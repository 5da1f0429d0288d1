"""The figures of a sweep, and the tables that they show: means over seeds, and learning curves."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from spikedtp.plotting.sweep import sweep_figure
from spikedtp.plotting.sweep_means import means_figure
from spikedtp.records import save_figure, write_table
from spikedtp.sweep.means import learning_curves, means_over_seeds, setting_columns

__all__ = ["write_figures"]

COSINE = ".rule.cosine.median"
#: By command: what is drawn, and how it is called.
MEASURES = {
    "train": {"test_accuracy": "test accuracy", "validation_accuracy": "validation accuracy"},
    "evaluate": {"accuracy": "accuracy"},
    "replay": {"change.mean": "mean change of a weight"},
}


def write_figures(folder: Path, command: str, table: pd.DataFrame, varied: list[str], jobs: Path) -> None:
    """Write ``sweep.png`` of comparisons, ``means.csv`` and its figure, and ``learning_curves.csv`` of trainings.

    Parameters
    ----------
    folder : path
    command : str
        Of the jobs.
    table : DataFrame
        One row per job.
    varied : list of str
        The settings that the sweep varies.
    jobs : path
        The folder in which each job has left its files, by its key.
    """
    means = means_over_seeds(table)
    measures = MEASURES.get(command, {})
    if command == "compare":
        save_figure(folder, "sweep", sweep_figure(table, varied))
        if len(means) == len(table):  # nothing to average, and no files that earlier versions did not write
            return
        measures = {
            name: f"median cosine,\n{name.removesuffix(COSINE).replace('_', ' from ')}"
            for name in table
            if name.endswith(COSINE)
        }
    write_table(folder, "means", means)
    curves = None
    if command == "train":
        curves = learning_curves(table, {key: jobs / key for key in table["job"]})
        write_table(folder, "learning_curves", curves)
    drawn = curves if curves is not None and len(curves) else None
    save_figure(folder, "means", means_figure(table, setting_columns(table), measures, drawn))
