"""Runs of one's own networks on either device, compiled quickly, with the CPU seconds that they take."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import brian2
from brian2 import Quantity
from brian2.devices.device import reset_device
from processor_time import cpu_seconds

from spikedtp.spiking.engine.compiled.compiler import compile_project
from spikedtp.spiking.engine.compiled.merge_sources import merge_sources
from spikedtp.spiking.engine.compiled.write_source import ALLOCATION

__all__ = ["Cost", "run_again", "run_own"]

Made = TypeVar("Made")
Found = TypeVar("Found")


@dataclass(frozen=True)
class Cost:
    """Seconds of CPU time: of building (source and compiler), of the time steps, and of the whole process."""

    build: float
    steps: float
    process: float


def run_own(
    device: str,
    make: Callable[[], Made],
    run: Callable[[Made], None],
    read: Callable[[Made], Found],
    *,
    seed: int,
    dt: Quantity,
    project: Path | None = None,
) -> tuple[Found, Cost]:
    """Make a network, run it, and read what was found, on a device that is as it was afterwards.

    Parameters
    ----------
    device : {"cpp_standalone", "runtime"}
    make : callable
        Makes all objects.
    run : callable
        Calls `Network.run` as often as it likes.
    read : callable
        Reads results.
    seed : int
        Of Brian2's random numbers. Repeats draw the same.
    dt : Quantity (second)
    project : Path, optional
        Where the compiled program is left, for `run_again`.
    """
    compiled, before = device == "cpp_standalone", (brian2.prefs.codegen.target, brian2.defaultclock.dt)
    folder = Path(tempfile.mkdtemp(prefix="own-network-")) if project is None else project
    brian2.set_device(device, **({"build_on_run": False} if compiled else {}))
    current = brian2.get_device()
    try:
        if compiled:
            current.reinit()
            current.activate(build_on_run=False)
        else:
            brian2.prefs.codegen.target = "numpy"  # compiling at run time takes longer than most runs
        brian2.defaultclock.dt = dt
        brian2.seed(seed)
        began = cpu_seconds()
        made = make()
        if not compiled:
            built = time.process_time()
            run(made)
            seconds = time.process_time() - built
            return read(made), Cost(0.0, seconds, seconds)
        run(made)
        current.build(directory=str(folder), compile=False, run=False, with_output=False)
        shutil.copy(ALLOCATION, folder)
        merge_sources(folder)
        compile_project(folder)
        build, began = cpu_seconds() - began, cpu_seconds()
        current.run(str(folder), with_output=False)
        return read(made), Cost(build, _steps(folder), cpu_seconds() - began)
    finally:
        if compiled:
            current.reinit()
        reset_device()
        brian2.prefs.codegen.target, brian2.defaultclock.dt = before
        if project is None:
            shutil.rmtree(folder, ignore_errors=True)


def run_again(project: Path) -> float:
    """CPU seconds of the time steps of a compiled program that `run_own` has left; it draws the same numbers."""
    subprocess.run(["./main"], cwd=project, check=True, capture_output=True)
    return _steps(project)


def _steps(project: Path) -> float:
    """What Brian2's run loop says of the last run, in CPU time."""
    return float((project / "results" / "last_run_info.txt").read_text().split()[0])
