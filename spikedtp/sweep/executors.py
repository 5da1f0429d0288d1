"""Where the jobs run: in processes of this machine (joblib) or on the workers of a Dask cluster."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from joblib import Parallel, delayed
from joblib.externals.loky import get_reusable_executor
from joblib.externals.loky.process_executor import TerminatedWorkerError

from spikedtp.errors import SpikedtpError
from spikedtp.sweep.job import FAILED, Job, run_job

__all__ = ["cluster_at", "run_local", "run_on_cluster"]

CONNECT_SECONDS = 10


def run_local(jobs: list[Job], n_processes: int) -> Iterator[dict[str, Any]]:
    """Run jobs in so many processes (1: in this one).

    If a process is killed, for example because memory is full, the jobs that ended with it are run one by one, each in
    a process of its own. The job that caused it is reported as failed, and the others are not lost.
    """
    waiting = {job["key"]: job for job in jobs}
    try:
        for finished in Parallel(n_processes, return_as="generator_unordered", batch_size=1)(
            delayed(_run_for)(os.getpid(), job) for job in jobs
        ):
            del waiting[finished["key"]]
            yield finished
    except TerminatedWorkerError:
        for job in waiting.values():
            try:
                yield get_reusable_executor(max_workers=1).submit(run_job, job).result()
            except TerminatedWorkerError:
                yield _killed(job)


def _run_for(sweep: int, job: Job) -> dict[str, Any]:
    """Run a job for the process `sweep`; if that was killed, leave the job to the sweep that continues."""
    if os.getpid() != sweep and os.getppid() != sweep:
        os._exit(1)
    return run_job(job)


@contextmanager
def cluster_at(scheduler: str) -> Iterator[Any]:
    """A client of a Dask scheduler.

    Raises
    ------
    SpikedtpError
        dask.distributed is not installed, or nothing answers.
    """
    try:
        from distributed import Client
    except ImportError:
        raise SpikedtpError("--scheduler needs dask.distributed: pip install 'spikedtp[dask]'") from None
    try:
        client = Client(scheduler, timeout=CONNECT_SECONDS, set_as_default=False)
    except (OSError, ValueError) as error:
        raise SpikedtpError(f"--scheduler {scheduler}: no Dask scheduler answers there ({error})") from None
    with client:
        yield client


def run_on_cluster(jobs: list[Job], client: Any) -> Iterator[dict[str, Any]]:
    """Run jobs on the workers of a Dask cluster; they need spikedtp, and the files that the jobs name."""
    from distributed import as_completed
    from distributed.scheduler import KilledWorker

    futures = {client.submit(run_job, job, pure=False): job for job in jobs}
    for future in as_completed(futures, loop=client.loop):
        try:
            yield future.result()
        except KilledWorker:
            yield _killed(futures[future])
        future.release()


def _killed(job: Job) -> dict[str, Any]:
    error = "its process was killed (out of memory?)"
    return {**job, "status": FAILED, "error": error, "results": {}, "seconds": None, "files": {}}
