"""One job of a sweep: one command with its settings, and what it gives as plain values and bytes."""

from __future__ import annotations

import tempfile
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from spikedtp.configuration import (
    CompareConfiguration,
    Configuration,
    EvaluateConfiguration,
    ReplayConfiguration,
    TrainConfiguration,
)
from spikedtp.errors import in_one_line
from spikedtp.plugins import import_plugins
from spikedtp.sweep.contents import job_key

__all__ = ["COMMANDS", "DONE", "FAILED", "Job", "job_key", "run_job"]

DONE, FAILED = "done", "failed"
_BRIAN2 = threading.Lock()  # Brian2 has one device per process; a cluster's worker may have several threads

#: The commands that a job can be, by name.
COMMANDS: dict[str, type[Configuration]] = {
    model.command: model
    for model in (CompareConfiguration, TrainConfiguration, EvaluateConfiguration, ReplayConfiguration)
}

Job = dict[str, Any]  # key, command, settings


def run_job(
    job: Job,
    *,
    checkpoint: Path | None = None,
    heartbeat: Callable[[], object] = lambda: None,
    probed: Callable[[int, float | None], object] | None = None,
) -> dict[str, Any]:
    """Run a job wherever this is called: nothing stays on disk but the build cache, and no failure leaves it.

    Parameters
    ----------
    job : dict
        ``key, command, settings``.
    checkpoint : path, optional
        The file from which a training continues that was interrupted. It goes away when the job is done.
    heartbeat : callable
        Called after every presentation of a training.
    probed : callable, optional
        Called after every probe of a training, with the presentations that are done and the accuracy in rate.

    Returns
    -------
    dict
        ``key, command, settings, status, error, results, seconds, files``. `results` is the summary of the command, and
        `files` are the files that it leaves, by name, as bytes. A comparison leaves none.
    """
    started = time.perf_counter()
    status, error, results, files = DONE, None, dict[str, Any](), dict[str, bytes]()
    try:
        import_plugins(job["settings"].get("plugins", ()))  # the process that made this job has imported them
        configuration = COMMANDS[job["command"]].of(job["settings"])
        with _BRIAN2:
            if isinstance(configuration, CompareConfiguration):
                results = _compared(configuration)
            else:
                results, files = _with_files(configuration, checkpoint, heartbeat, probed)
    except Exception as problem:
        status, error, results, files = FAILED, in_one_line(problem), {}, {}
    seconds = time.perf_counter() - started
    return {**job, "status": status, "error": error, "results": _plain(results), "seconds": seconds, "files": files}


def _compared(configuration: CompareConfiguration) -> dict[str, Any]:
    from spikedtp.jobs.compare import compare_networks

    return compare_networks(configuration).summary()


def _with_files(
    configuration: Configuration,
    checkpoint: Path | None,
    heartbeat: Callable[[], object],
    probed: Callable[[int, float | None], object] | None,
) -> tuple[dict[str, Any], dict[str, bytes]]:
    """The summary of a command, and the whole folder of its results."""
    from spikedtp.jobs.evaluate import run_evaluation
    from spikedtp.jobs.replay import run_replay
    from spikedtp.jobs.train import run_training

    # beside the checkpoint, a sweep that continues removes what a killed one has left
    beside = None if checkpoint is None else checkpoint.parent
    with tempfile.TemporaryDirectory(prefix="spikedtp-job-", suffix=".partial", dir=beside) as temporary:
        out = Path(temporary) / "out"
        if isinstance(configuration, TrainConfiguration):
            summary = run_training(configuration, out, lambda *done: heartbeat(), checkpoint=checkpoint, probed=probed)
        elif isinstance(configuration, EvaluateConfiguration):
            summary = run_evaluation(configuration, out)
        else:
            assert isinstance(configuration, ReplayConfiguration)
            summary = run_replay(configuration, out)
        return summary, {path.name: path.read_bytes() for path in sorted(out.iterdir())}


def _plain(summary: Mapping[str, Any]) -> dict[str, Any]:
    """numpy's numbers as Python's, and None for those that are not finite."""
    plain = {key: value.item() if hasattr(value, "item") else value for key, value in summary.items()}
    return {key: None if isinstance(v, float) and not abs(v) < float("inf") else v for key, v in plain.items()}
