"""Runs a compiled network in one or several processes, each on its own part of the batch."""

from __future__ import annotations

import os
import selectors
import signal
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import IO

import numpy as np

from spikedtp.errors import SpikedtpError
from spikedtp.spiking.engine.batch import Progress

__all__ = ["Finished", "check_processes", "run_processes"]

DISK = 4  # `Status` of presentations.h


@dataclass(frozen=True)
class Finished:
    """The report of a process at its end.

    Attributes
    ----------
    first : int
        Its first presentation.
    seconds, writing : float
        Seconds in the loop over presentations, and the part of them for writing results.
    peak_memory : int
        Bytes.
    """

    first: int
    seconds: float
    writing: float
    peak_memory: int


class _Process(subprocess.Popen[str]):
    """A running binary, what it says, and the file that it complains to."""

    stdout: IO[str]
    complaints: IO[str]


def check_processes(n_processes: int) -> int:
    """`n_processes`, if it is a whole number of at least 1."""
    if int(n_processes) != n_processes or n_processes < 1:
        raise SpikedtpError(f"n_processes must be a whole number of at least 1, got {n_processes!r}")
    return int(n_processes)


def run_processes(
    project: Path, folder: Path, n: int, n_processes: int, progress: Progress | None = None, keep_every: int = 0
) -> list[Finished]:
    """Run `n` presentations, split evenly among the processes. Inputs and results are in `folder`.

    Raises
    ------
    RuntimeError
        A process failed. The message has its last output, and the other processes are stopped.
    """
    bounds = np.linspace(0, n, min(n_processes, n) + 1).astype(int)
    with ExitStack() as stack:
        processes = [_start(stack, project, folder, *part, progress, keep_every) for part in pairwise(bounds)]
        done = 0
        last: dict[_Process, list[str]] = {}
        for process, line in _lines(processes):
            if line == "done":
                done += 1
                assert progress is not None  # or nobody would have been asked to say so
                progress(done)
            else:
                last[process] = line.split()
    finished = []
    for first, process in zip(bounds, processes, strict=False):
        word, *numbers = last.get(process, ["nothing"])
        if word != "finished":
            raise RuntimeError("the compiled network stopped without a message: this is a bug of spikedtp")
        seconds, writing, peak = map(float, numbers)
        finished.append(Finished(int(first), seconds, writing, int(peak) * 1024))
    return finished


def _start(
    stack: ExitStack, project: Path, folder: Path, first: int, last: int, progress: Progress | None, keep_every: int
) -> _Process:
    complaints = stack.enter_context((folder / f"complaints.{first}").open("w+"))
    environment = os.environ | {
        "SPIKEDTP_INPUTS": str(folder / "inputs"),
        "SPIKEDTP_RESULTS": str(folder / "results"),
        "SPIKEDTP_FIRST": str(first),
        "SPIKEDTP_LAST": str(last),
        "SPIKEDTP_KEEP_EVERY": str(keep_every),
    }
    if progress is not None:
        environment["SPIKEDTP_PROGRESS"] = "1"
    process = _Process(["./main"], cwd=project, env=environment, stdout=subprocess.PIPE, stderr=complaints, text=True)
    process.complaints = complaints
    stack.callback(_stop, process)
    return process


def _stop(process: _Process) -> None:
    process.kill()  # does nothing to one that has ended
    process.wait()
    process.stdout.close()


def _lines(processes: list[_Process]) -> Iterator[tuple[_Process, str]]:
    """(process, line) of every line as it comes, until all have ended well; raises as soon as one has not."""
    with selectors.DefaultSelector() as selector:
        for process in processes:
            selector.register(process.stdout, selectors.EVENT_READ, process)
        while selector.get_map():
            for key, _ in selector.select():
                line = key.data.stdout.readline()
                if line:
                    yield key.data, line.strip()
                else:
                    selector.unregister(key.fileobj)
                    _check(key.data)


def _check(process: _Process) -> None:
    status = process.wait()
    if not status:
        return
    process.complaints.seek(0)
    message = (process.complaints.read().strip().splitlines() or ["no message"])[-1]
    if status == DISK:
        raise SpikedtpError(f"there was no space for the results of the run: {message}; free some space, or set TMPDIR")
    if status == -signal.SIGKILL:
        message = "it was killed, perhaps because memory ran out"
    raise RuntimeError(f"the compiled network stopped with status {status}: {message}")
