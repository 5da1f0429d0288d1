"""A Dask cluster of machines that share nothing with the client: workers with their own home, cache and folder."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

CHECKOUT = Path(__file__).parents[2]


@contextmanager
def cluster(folder: Path) -> Iterator[Any]:
    """A scheduler on loopback, as yet without workers."""
    from distributed import LocalCluster

    found = LocalCluster(
        n_workers=0, host="127.0.0.1", dashboard_address=None, processes=True, local_directory=str(folder / "dask")
    )
    with found:
        yield found


@contextmanager
def worker(address: str, home: Path, *more: str, python_path: Path = CHECKOUT, **environment: str) -> Iterator[Any]:
    """A worker as a process of its own, in a folder and with a home of its own."""
    home.mkdir(parents=True)
    words = [sys.executable, "-m", "distributed.cli.dask_worker", address, "--nthreads", "1", "--no-nanny"]
    own = {
        "HOME": str(home), "XDG_CACHE_HOME": str(home / "cache"), "TMPDIR": str(home), "PYTHONPATH": str(python_path),
        "DASK_DISTRIBUTED__WORKER__DAEMON": "False",
    }  # fmt: skip
    (home / "tmp").mkdir()
    log = open(home / "log", "w")
    process = subprocess.Popen(
        [*words, "--no-dashboard", "--local-directory", str(home / "tmp"), *more],
        cwd=home, env={**os.environ, **own, **environment}, stdout=log, stderr=log,
    )  # fmt: skip
    try:
        yield process
    finally:
        process.kill()
        process.wait()
        log.close()


def wait_for_workers(client: Any, n: int, seconds: float = 120) -> None:
    until = time.monotonic() + seconds
    while len(client.scheduler_info(n_workers=-1)["workers"]) < n:
        assert time.monotonic() < until, "the workers do not come"
        time.sleep(0.05)
