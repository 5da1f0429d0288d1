"""One job of a sweep: a comparison without figures, as one row of plain values."""

from __future__ import annotations

import hashlib
import json
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from spikedtp._version import __version__
from spikedtp.configuration import CompareConfiguration
from spikedtp.errors import in_one_line
from spikedtp.plugins import import_plugins

__all__ = ["DONE", "FAILED", "Job", "job_key", "run_job"]

DONE, FAILED = "done", "failed"
_BRIAN2 = threading.Lock()  # Brian2 has one device per process; a cluster's worker may have several threads

Job = dict[str, Any]  # key, settings


def job_key(configuration: CompareConfiguration, file_hash: Callable[[Path], str]) -> str:
    """What a job's result depends on: settings, the contents of circuit and weights, the version of the package."""
    from spikedtp.jobs.compare import input_files

    content = [__version__, configuration.saved(), [file_hash(path) for path in input_files(configuration)]]
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:24]


def run_job(job: Job) -> dict[str, Any]:
    """Run a job wherever this is called: nothing is written but the build cache, and no failure leaves it.

    Returns
    -------
    dict
        ``key, settings, status, error, results, seconds``.
    """
    from spikedtp.jobs.compare import compare_networks

    started = time.perf_counter()
    status, error, results = DONE, None, {}
    try:
        import_plugins(job["settings"].get("plugins", ()))  # the process that made this job has imported them
        with _BRIAN2:
            found = compare_networks(CompareConfiguration.of(job["settings"]))
        results = _plain(found.summary())
    except Exception as problem:
        status, error = FAILED, in_one_line(problem)
    return {**job, "status": status, "error": error, "results": results, "seconds": time.perf_counter() - started}


def _plain(summary: Mapping[str, Any]) -> dict[str, Any]:
    """numpy's numbers as Python's, and None for those that are not finite."""
    plain = {key: value.item() if hasattr(value, "item") else value for key, value in summary.items()}
    return {key: None if isinstance(v, float) and not abs(v) < float("inf") else v for key, v in plain.items()}
