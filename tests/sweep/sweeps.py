"""A sweep as a process of its own, and what it leaves."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil

from spikedtp.rate import load_rate_network
from spikedtp.rate.checkpoints import write_weights

COMMAND = [sys.executable, "-c", "import sys; from spikedtp.cli import main; sys.exit(main())"]


def spikedtp(*words: object, **options) -> subprocess.Popen:
    return subprocess.Popen(
        [*COMMAND, *map(str, words)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options
    )


def table_bytes(out: Path) -> bytes:
    return (out / "sweep.parquet").read_bytes()


def recorded(out: Path) -> dict[str, tuple[int, int]]:
    """The finished jobs; a job that was run again would have another file."""
    return {path.name: (path.stat().st_ino, path.stat().st_mtime_ns) for path in out.glob("jobs/*.json")}


def killed_three_times(words: list, out: Path, table: str, seed: int, pause: float, **options) -> list[dict]:
    """kill -9 up to `pause` seconds after one more job has finished, three times: what is recorded each time.

    Finished jobs stay as they are, no process of the killed one is left, and the table is not there.
    """
    rng, found = random.Random(seed), [{}]
    for _ in range(3):
        process = spikedtp(*words, **options)
        while recorded(out).keys() == found[-1].keys():  # at least one more
            assert process.poll() is None, process.communicate()
            time.sleep(0.01)
        time.sleep(rng.uniform(0, pause))
        children = psutil.Process(process.pid).children(recursive=True)
        os.kill(process.pid, signal.SIGKILL)
        process.communicate()
        assert not psutil.wait_procs(children, timeout=60)[1]
        found.append(recorded(out))
        assert found[-2].items() <= found[-1].items() and not (out / table).exists()
    return found[1:]


def fresh_weights(circuit: Path, path: Path, seed: int = 3) -> Path:
    write_weights(path, load_rate_network(circuit, seed=seed).state_dict())
    return path
