"""Where the jobs run: in processes of this machine (joblib) or on the workers of a Dask cluster."""

from __future__ import annotations

import functools
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from joblib import Parallel, delayed
from joblib.externals.loky import get_reusable_executor
from joblib.externals.loky.process_executor import TerminatedWorkerError

from spikedtp.errors import SpikedtpError, in_one_line
from spikedtp.sweep.job import FAILED, Job, run_job
from spikedtp.sweep.workers import submitted

__all__ = ["cluster_at", "run_local", "run_on_cluster"]

CONNECT_SECONDS = 10


class _Abandoned(BaseException):
    """The process that wanted a job is gone."""


def run_local(
    jobs: list[Job], n_processes: int, checkpoint: Callable[[Job], Path | None] = lambda job: None
) -> Iterator[dict[str, Any]]:
    """Run jobs in so many processes (1: in this one). `checkpoint` says where a training continues.

    If a process is killed, for example because memory is full, the jobs that ended with it are run one by one, each in
    a process of its own. The job that caused it is reported as failed, and the others are not lost.
    """
    waiting = {job["key"]: job for job in jobs}
    try:
        for finished in Parallel(n_processes, return_as="generator_unordered", batch_size=1)(
            delayed(_run_for)(os.getpid(), job, checkpoint(job)) for job in jobs
        ):
            del waiting[finished["key"]]
            yield finished
    except TerminatedWorkerError:
        for job in waiting.values():
            try:
                yield get_reusable_executor(max_workers=1).submit(_run_for, os.getpid(), job, checkpoint(job)).result()
            except TerminatedWorkerError:
                yield _killed(job)


def _run_for(sweep: int, job: Job, checkpoint: Path | None) -> dict[str, Any]:
    """Run a job for the process `sweep`; if that was killed, leave the job to the sweep that continues."""

    def still_wanted() -> None:
        if sweep not in (os.getpid(), os.getppid()):
            raise _Abandoned

    try:
        still_wanted()
        if os.getpid() != sweep:
            end_with(sweep)
        return run_job(job, checkpoint=checkpoint, heartbeat=still_wanted)
    except _Abandoned:
        os._exit(1)


@functools.cache
def end_with(parent: int, seconds: float = 2) -> threading.Thread:
    """End this process soon after its parent, whatever it waits for: a compiler, or a pipe that nobody reads."""

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(seconds)
        os._exit(1)

    watching = threading.Thread(target=watch, daemon=True)
    watching.start()
    return watching


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
    """Run jobs on the workers of a Dask cluster that `check_workers` has found fit; their files go along."""
    from concurrent.futures import CancelledError

    from distributed import as_completed
    from distributed.comm import CommClosedError
    from distributed.scheduler import KilledWorker

    futures = dict(submitted(jobs, client))
    for future in as_completed(futures, loop=client.loop):
        try:
            yield future.result()
        except KilledWorker:
            yield _killed(futures[future])
        except (CancelledError, CommClosedError, OSError) as problem:
            raise SpikedtpError(
                f"the Dask cluster is gone ({in_one_line(problem)}): what is finished is kept; give the same command "
                "again when it is back"
            ) from None
        future.release()


def _killed(job: Job) -> dict[str, Any]:
    error = "its process was killed (out of memory?)"
    return {**job, "status": FAILED, "error": error, "results": {}, "seconds": None, "files": {}}
