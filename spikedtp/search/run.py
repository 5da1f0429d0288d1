"""A search: ask Optuna for trials, run their jobs, tell it what they are worth, and write what was found."""

from __future__ import annotations

import logging
import os
import shutil
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
from tqdm import tqdm

from spikedtp.configuration import SearchConfiguration
from spikedtp.extras import optional
from spikedtp.plotting.search import search_figure
from spikedtp.records import save_figure, staged, write_manifest, write_summary
from spikedtp.records.tracking import Tracker, trackers_named
from spikedtp.summaries import Summarised, counted
from spikedtp.sweep.executors import cluster_at, run_local, run_on_cluster
from spikedtp.sweep.job import Job
from spikedtp.sweep.journal import Journal, check_command
from spikedtp.sweep.plan import with_device
from spikedtp.sweep.table import write_parquet
from spikedtp.sweep.workers import check_workers

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial

    from spikedtp.search.space import Space
    from spikedtp.search.trials import Trials

__all__ = ["SearchResult", "run_search"]

logger = logging.getLogger(__name__)

BEST = "best"  # the folder of the best trial's configuration, and of those on the Pareto front


@dataclass(frozen=True, repr=False)
class SearchResult(Summarised):
    """The result of a search.

    Attributes
    ----------
    table : DataFrame
        One row per trial, as in ``trials.parquet``.
    summary : dict
        The content of summary.json. ``best_trial`` and ``best.KEY`` are missing if no trial succeeded.
    n_run : int
        How many jobs were run this time.
    failed : dict of int to str
        One line for each trial that failed, by number.
    """

    table: pd.DataFrame
    summary: dict[str, Any]
    n_run: int
    failed: dict[int, str]

    def _headline(self) -> str:
        return f"{counted(len(self.table), 'trial')}, {len(self.failed)} failed"

    def _parts(self) -> dict[str, str]:
        return {key: str(value) for key, value in self.summary.items() if key.startswith("best")}


def run_search(
    configuration: SearchConfiguration,
    out: str | Path,
    *,
    progress: bool = True,
    report: Callable[[str], object] = lambda line: None,
    on_finished: Tracker | None = None,
) -> SearchResult:
    """Look for the settings that are best for an objective, and continue where an earlier call was interrupted.

    The same configuration finds the same, to the last bit, in one process, in several and on a cluster, and after any
    interruption.

    Parameters
    ----------
    configuration : SearchConfiguration
    out : path
        The folder for the results. It gets config.yaml, ``jobs/`` and study.db at once; trials.parquet, summary.json,
        manifest.json, the figure and ``best/config.yaml`` when all trials are finished.
    progress : bool
        Whether to draw a progress bar if stderr is a terminal.
    report : callable
        It is called with one line for each trial that fails.
    on_finished : callable, optional
        It is called with a `FinishedRun` for each job that ends now, like the trackers that the configuration names.

    Returns
    -------
    SearchResult

    Raises
    ------
    SpikedtpError
        Something is wrong with the settings, Optuna is not installed, the storage cannot be opened, or it holds a study
        of this name that another search made.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> from spikedtp.configuration import SearchConfiguration
    >>> from spikedtp.search import run_search
    >>> learning_rate = {"low": 0.001, "high": 0.1, "scale": "log"}
    >>> settings = SearchConfiguration.of({
    ...     "base": {"samples": 100, "validation": 200},
    ...     "parameters": {"rules.H1E_InputE.learning_rate": learning_rate},
    ...     "trials": 2, "jobs": 1,
    ... })
    >>> with TemporaryDirectory() as folder:
    ...     found = run_search(settings, f"{folder}/result", progress=False)
    >>> len(found.table), found.failed, 0 < found.summary["best.validation_accuracy"] < 1
    (2, {}, True)
    """
    started = time.perf_counter()
    optional("optuna", "search")
    from spikedtp.search import study as studies
    from spikedtp.search.pruning import check_pruning
    from spikedtp.search.samplers import pruner_named, quiet, sampler_named
    from spikedtp.search.space import Space
    from spikedtp.search.table import TABLE, search_summary, trials_table
    from spikedtp.search.trials import CLIENT, Trials, client_of

    configuration = with_device(configuration.absolute())
    out = Path(os.path.expanduser(out)).absolute()
    space = Space(configuration)
    check_command(out, configuration.command)
    # all that can be wrong is looked at before anything is written
    choosing = (
        sampler_named(configuration.sampler, configuration.sampler_seed), pruner_named(configuration.pruner),
    )  # fmt: skip
    url = configuration.storage or studies.default_storage(out)
    trackers = trackers_named(configuration.tracker, on_finished)
    check_pruning(configuration, url)
    contents, journal = space.contents(), Journal(out)
    with quiet(), _workers(space, journal) as run:
        opened = studies.open_study(configuration, url, contents, *choosing) if configuration.storage else None
        with journal.opened(), studies.needing(url):
            study, storage = opened or studies.open_study(configuration, url, contents, *choosing)
            with staged(out) as folder:
                configuration.save(folder)
            client = client_of(journal.folder)
            studies.enqueue_again(study, storage, lambda trial: trial.user_attrs.get(CLIENT) == client)
            trials = Trials(study, url, space, client, journal, report, trackers)
            seconds = list(_run(trials, run, progress))
            told = trials.told()
            table, summary = trials_table(told, space), search_summary(told, space)
            frame = table.to_pandas()
            shutil.rmtree(out / BEST, ignore_errors=True)  # of an earlier call with fewer trials
            with staged(out) as folder:
                write_parquet(folder, table, TABLE)
                write_summary(folder, summary)
                _write_best(folder / BEST, told, space)
                if "best_trial" in summary:
                    save_figure(folder, "search", search_figure(frame, *space.drawn()))
                write_manifest(
                    folder,
                    configuration=configuration.saved(),
                    seeds={"sampler_seed": configuration.sampler_seed},
                    timings={"search": time.perf_counter() - started, "jobs": sum(seconds)},
                    inputs=space.input_files(),
                    jobs={"run_this_time": len(seconds)},
                    study={"name": configuration.study, "storage": studies.storage_name(url)},
                )
    failed = {int(row.trial): row.error for row in frame.itertuples() if row.status == "failed"}
    return SearchResult(frame, summary, len(seconds), failed)


@contextmanager
def _workers(space: Space, journal: Journal) -> Iterator[Callable[[deque[Job]], Iterator[dict[str, Any]]]]:
    """What runs jobs. A cluster is asked at once: one that is not there, or cannot run them, leaves no folder."""
    from spikedtp.search.pruning import run_prunable

    search = space.search
    most = search.at_once * len(search.seeds)
    if search.scheduler is not None:
        with cluster_at(search.scheduler) as client:
            check_workers(client, [job for values in space.checked() for job in space.jobs(values)])
            yield lambda jobs: run_on_cluster(jobs, client, run_prunable)
    else:
        n = min(search.jobs or os.cpu_count() or 1, most)
        if search.jobs is not None and search.jobs > n:
            logger.warning("--jobs %d: %d are enough for %d trials at once (--at-once)", search.jobs, n, search.at_once)
        yield lambda jobs: run_local(jobs, n, journal.checkpoint, run_prunable)


def _run(trials: Trials, run: Callable[[deque[Job]], Iterator[dict[str, Any]]], progress: bool) -> Iterator[float]:
    """Run trials until there are enough; the seconds of each job that was run."""
    trials.advance()
    total, known = trials.space.search.trials, len(trials.told())
    with tqdm(total=total, initial=min(known, total), unit="trial", disable=None if progress else True) as bar:
        for done in run(trials.jobs):
            trials.ended(done)
            bar.update(len(trials.told()) - bar.n)
            yield done["seconds"] or 0.0


def _write_best(folder: Path, told: Sequence[FrozenTrial], space: Space) -> None:
    """The configuration of the best trial, and of the others on the front by their numbers."""
    from spikedtp.search.table import front

    for place, trial in enumerate(front(told, space.search)):
        inside = folder / f"trial-{trial.number}" if place else folder
        inside.mkdir(parents=True)
        space.configurations(trial.params)[0].save(inside)
