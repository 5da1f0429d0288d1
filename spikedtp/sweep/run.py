"""A sweep: plan the jobs, run those that are not done, write the table. A killed sweep can continue."""

from __future__ import annotations

import functools
import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
from tqdm import tqdm

from spikedtp.configuration import Configuration, SweepConfiguration
from spikedtp.errors import SpikedtpError
from spikedtp.jobs.data import input_files
from spikedtp.records import file_hash, staged, write_manifest, write_summary
from spikedtp.records.tracking import Tracker, tell, trackers_named
from spikedtp.summaries import Summarised, counted
from spikedtp.sweep.contents import former_key, job_key
from spikedtp.sweep.executors import cluster_at, run_local, run_on_cluster
from spikedtp.sweep.figures import write_figures
from spikedtp.sweep.job import COMMANDS, FAILED, Job
from spikedtp.sweep.journal import Journal, check_command
from spikedtp.sweep.plan import plan_jobs, varied_keys, with_device
from spikedtp.sweep.table import sweep_table, write_parquet
from spikedtp.sweep.workers import check_workers

__all__ = ["SweepResult", "run_sweep"]


@dataclass(frozen=True, repr=False)
class SweepResult(Summarised):
    """The result of a sweep.

    Attributes
    ----------
    table : DataFrame
        One row per job, as in ``sweep.parquet``.
    n_run, n_found : int
        How many jobs were run this time, and how many were done before.
    failed : dict of str to str
        One line for each job that failed, by key.
    """

    table: pd.DataFrame
    n_run: int
    n_found: int
    failed: dict[str, str]

    def _headline(self) -> str:
        done = f"{self.n_run} run now, {self.n_found} found done, {len(self.failed)} failed"
        return f"{counted(self.n_run + self.n_found, 'job')}, {done}"

    def _parts(self) -> dict[str, str]:
        return {"table": f"{counted(len(self.table), 'row')}, {counted(self.table.shape[1], 'column')}"}


def run_sweep(
    configuration: SweepConfiguration,
    out: str | Path,
    *,
    progress: bool = True,
    report: Callable[[str], object] = lambda line: None,
    on_finished: Tracker | None = None,
) -> SweepResult:
    """Run the jobs of a sweep that `out` does not hold yet, then write its table.

    Parameters
    ----------
    configuration : SweepConfiguration
    out : path
        The folder for the results. It gets config.yaml and ``jobs/`` at once, and sweep.parquet, summary.json,
        manifest.json, means over seeds and figures when all jobs are finished. ``jobs/KEY/`` has what each training,
        evaluation or replay leaves.
    progress : bool
        Whether to draw a progress bar if stderr is a terminal.
    report : callable
        It is called with one line for each job that fails.
    on_finished : callable, optional
        It is called with a `FinishedRun` for each job that ends now, in this process, like the trackers that the
        configuration names. What it raises is reported, and stops nothing.

    Returns
    -------
    SweepResult

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> from spikedtp.configuration import SweepConfiguration
    >>> from spikedtp.sweep import run_sweep
    >>> settings = SweepConfiguration(base={"samples": 1, "device": "runtime"}, grid={"seed": [0]}, jobs=1)
    >>> with TemporaryDirectory() as folder:
    ...     found = run_sweep(settings, f"{folder}/result", progress=False)
    >>> found.n_run, found.failed
    (1, {})
    """
    started = time.perf_counter()
    configuration = with_device(configuration.absolute())
    plan = plan_jobs(configuration)
    trackers = trackers_named(configuration.tracker, on_finished)
    out = Path(os.path.expanduser(out)).absolute()
    check_command(out, configuration.command)
    journal, hashed = Journal(out), functools.cache(file_hash)
    jobs = _jobs(plan, journal, hashed)
    # connected before anything is written: an address where nobody answers leaves no folder
    with _cluster(configuration, jobs) as client, journal.opened():
        with staged(out) as folder:
            configuration.save(folder)
        finished = journal.read(jobs)
        if configuration.retry_failed:
            finished = {key: job for key, job in finished.items() if job["status"] != FAILED}
        n_found, todo = len(finished), [job for key, job in jobs.items() if key not in finished]
        with tqdm(total=len(jobs), initial=n_found, unit="job", disable=None if progress else True) as bar:
            for ended in _execute(todo, configuration.jobs, client, journal):
                done = _of_the_same_files(ended, hashed)
                finished[done["key"]] = journal.write(done)
                bar.update()
                if done["status"] == FAILED:
                    report(f"job {done['key']} failed: {done['error']}")
                tell(trackers, journal.run_of(done), report)
        inputs = sorted({path for job in plan for path in input_files(job)})
        gone = [path for path in inputs if not path.is_file()]
        if gone:
            raise SpikedtpError(f"{gone[0]} is gone: put it back, and give the same command again")
        # with the settings of now: files may have moved since a job ran
        settings = _told(jobs)
        ordered = [{**finished[key], "settings": settings[key]} for key in jobs]
        failed = {job["key"]: job["error"] for job in ordered if job["status"] == FAILED}
        table = sweep_table(ordered)
        frame = table.to_pandas()
        with staged(out) as folder:
            write_parquet(folder, table)
            varied = varied_keys(configuration)
            summary = {"n_jobs": len(jobs), "n_failed": len(failed), "varied": varied}
            write_summary(folder, summary)
            write_figures(folder, configuration.job_command, frame, varied, journal.folder)
            write_manifest(
                folder,
                configuration=configuration.saved(),
                seeds={"seed": configuration.random.seed} if configuration.random else {},
                timings={"sweep": time.perf_counter() - started, "jobs": sum(j["seconds"] or 0 for j in ordered)},
                inputs=inputs,
                jobs={"run_this_time": len(todo), "found": n_found},
            )
    return SweepResult(frame, len(todo), n_found, failed)


def _of_the_same_files(ended: dict[str, Any], hashed: Callable[[Path], str]) -> dict[str, Any]:
    """A job that ended; failed if a file is no longer what its key says, for nobody knows which content it has read."""
    if ended["status"] == FAILED:
        return ended
    for path in input_files(COMMANDS[ended["command"]].of(ended["settings"])):
        try:
            same = file_hash(path) == hashed(path)
        except OSError:
            same = False
        if not same:
            error = f"{path} has changed since the sweep began: give the same command again"
            return ended | {"status": FAILED, "error": error, "results": {}, "files": {}}
    return ended


def _jobs(plan: list[Configuration], journal: Journal, hashed: Callable[[Path], str]) -> dict[str, Job]:
    """The jobs by key; the same job twice is one job, and what an earlier version has finished keeps its key."""
    jobs = dict[str, Job]()
    for job in plan:
        key, former = job_key(job, hashed), former_key(job, hashed)
        if former != key and not journal.holds(key) and journal.holds(former):
            key = former
        jobs[key] = {"key": key, "command": job.command, "settings": job.saved()}
    return jobs


def _told(jobs: Mapping[str, Job]) -> dict[str, dict[str, Any]]:
    """The settings of each job for the table: those that only some jobs saved (`later`), as the others had them."""
    known = {name for job in jobs.values() for name in job["settings"]}
    told = {}
    for key, job in jobs.items():
        model = COMMANDS[job["command"]]
        usual = model.model_construct().model_dump(mode="json", include=set(model.later & known))
        told[key] = job["settings"] | {name: value for name, value in usual.items() if name not in job["settings"]}
    return told


@contextmanager
def _cluster(configuration: SweepConfiguration, jobs: dict[str, Job]) -> Iterator[Any]:
    """A client of the cluster, whose workers can run the jobs; None where they run on this machine."""
    if configuration.scheduler is None:
        yield None
        return
    with cluster_at(configuration.scheduler) as client:
        check_workers(client, jobs.values())
        yield client


def _execute(todo: list[Job], n_processes: int | None, client: Any, journal: Journal) -> Iterator[dict[str, Any]]:
    if not todo:
        return iter(())
    if client is not None:
        return run_on_cluster(todo, client)
    return run_local(todo, min(n_processes or os.cpu_count() or 1, len(todo)), journal.checkpoint)
