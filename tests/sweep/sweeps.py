"""A sweep as a process of its own, and what it leaves."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

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


def fresh_weights(circuit: Path, path: Path, seed: int = 3) -> Path:
    write_weights(path, load_rate_network(circuit, seed=seed).state_dict())
    return path
