"""Where the jobs run: in processes of this machine (joblib) or on the workers of a Dask cluster."""

from __future__ import annotations

import functools
import os
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, wait
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from joblib.externals.loky import get_reusable_executor
from joblib.externals.loky.process_executor import TerminatedWorkerError

from spikedtp.errors import SpikedtpError, in_one_line
from spikedtp.sweep.job import FAILED, Job, run_job
from spikedtp.sweep.workers import submitter

__all__ = ["cluster_at", "run_local", "run_on_cluster"]

Run = Callable[..., dict[str, Any]]

CONNECT_SECONDS = 10
#: How many threads numerical libraries take, in processes that share the cores.
THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")


class _Abandoned(BaseException):
    """The process that wanted a job is gone."""


def run_local(
    jobs: Iterable[Job],
    n_processes: int,
    checkpoint: Callable[[Job], Path | None] = lambda job: None,
    run: Run = run_job,
) -> Iterator[dict[str, Any]]:
    """Run jobs in so many processes (1: in this one).

    If a process is killed, for example because memory is full, the jobs that ended with it are run one by one, each in
    a process of its own. The job that caused it is reported as failed, and the others are not lost.

    Parameters
    ----------
    jobs : iterable of Job
        A deque may grow: what is added to it whenever a job has ended is run, too.
    n_processes : int
    checkpoint : callable
        Where a training continues that was interrupted.
    run : callable
        `run_job`, or what calls it.
    """
    queue = jobs if isinstance(jobs, deque) else deque(jobs)
    running: dict[Future[dict[str, Any]], Job] = {}
    while queue and n_processes == 1:
        job = queue.popleft()
        yield _run_for(os.getpid(), job, checkpoint(job), run)
    while queue or running:
        while queue and len(running) < n_processes:
            job = queue.popleft()
            running[_processes(n_processes).submit(_run_for, os.getpid(), job, checkpoint(job), run)] = job
        for future in wait(running, return_when=FIRST_COMPLETED).done:
            job = running.pop(future)
            try:
                finished = future.result()
            except TerminatedWorkerError:
                finished = _run_alone(job, checkpoint(job), run)
            yield finished


def _run_alone(job: Job, checkpoint: Path | None, run: Run) -> dict[str, Any]:
    try:
        return _processes(1).submit(_run_for, os.getpid(), job, checkpoint, run).result()
    except TerminatedWorkerError:
        return _killed(job)


def _processes(n: int) -> Any:
    """The pool of so many processes; another one if one of its processes was killed."""
    threads = str(max((os.cpu_count() or 1) // n, 1))
    return get_reusable_executor(max_workers=n, env={name: os.environ.get(name, threads) for name in THREADS})


def _run_for(sweep: int, job: Job, checkpoint: Path | None, run: Run) -> dict[str, Any]:
    """Run a job for the process `sweep`; if that was killed, leave the job to the sweep that continues."""

    def still_wanted() -> None:
        if sweep not in (os.getpid(), os.getppid()):
            raise _Abandoned

    try:
        still_wanted()
        if os.getpid() != sweep:
            end_with(sweep)
        return run(job, checkpoint=checkpoint, heartbeat=still_wanted)
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


def run_on_cluster(jobs: Iterable[Job], client: Any, run: Run = run_job) -> Iterator[dict[str, Any]]:
    """Run jobs on the workers of a Dask cluster that `check_workers` has found fit; their files go along.

    A deque of jobs may grow, and `run` may be another, as in `run_local`.
    """
    from concurrent.futures import CancelledError

    from distributed import as_completed
    from distributed.comm import CommClosedError
    from distributed.scheduler import KilledWorker

    queue = jobs if isinstance(jobs, deque) else deque(jobs)
    submit, ended, futures = submitter(client, run), as_completed(loop=client.loop), dict[Any, Job]()
    while queue or futures:
        while queue:
            job = queue.popleft()
            future = submit(job)
            futures[future] = job
            ended.add(future)
        future = next(ended)
        job = futures.pop(future)
        try:
            finished = future.result()
        except KilledWorker:
            finished = _killed(job)
        except (CancelledError, CommClosedError, OSError) as problem:
            raise SpikedtpError(
                f"the Dask cluster is gone ({in_one_line(problem)}): what is finished is kept; give the same command "
                "again when it is back"
            ) from None
        future.release()
        yield finished


def _killed(job: Job) -> dict[str, Any]:
    error = "its process was killed (out of memory?)"
    return {**job, "status": FAILED, "error": error, "results": {}, "seconds": None, "files": {}}
