"""Stock Brian2 on its two devices: compiled by its own make, or at run time with numpy."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import brian2 as b2
import numpy as np
from brian2 import ms
from brian2.devices.device import reset_device

from spikedtp.spiking.engine.devices import compiler_available

from .brian2_networks import MODELS, Model, pair_rule
from .cases import DT, Case, Learning, PairRule, shortened
from .contestant import Contestant, Run

__all__ = ["contestants", "prepare_runtime", "prepare_standalone"]


@contextmanager
def _fresh(device: str):
    b2.set_device(device, build_on_run=False)
    b2.get_device().reinit()
    b2.get_device().activate(build_on_run=False)
    b2.defaultclock.dt = DT * ms
    try:
        yield b2.get_device()
    finally:
        b2.get_device().reinit()
        reset_device()


def prepare_standalone(case: Case, folder: Path, model: Callable[..., Model | None] | None = None):
    """Build with Brian2's own make, then run its binary again and again."""
    began = time.perf_counter()
    with _fresh("cpp_standalone") as device:
        b2.seed(case.seed)
        made = (model or MODELS[type(case)])(case)
        if made is None:
            return None
        made.net.run(made.steps * DT * ms, namespace={})
        device.build(directory=str(folder), compile=True, run=False, with_output=False)
        files = {
            name: [(folder / "results" / device.get_array_filename(v), v.dtype) for v in variables]
            for name, (variables, _) in made.read.items()
        }
    build = time.perf_counter() - began

    def run() -> Run:
        began = time.perf_counter()
        subprocess.run(["./main"], cwd=folder, check=True, capture_output=True)
        wall = time.perf_counter() - began
        seconds = float((folder / "results" / "last_run_info.txt").read_text().split()[0])
        found = {
            name: combine(*(np.fromfile(path, dtype) for path, dtype in files[name]))
            for name, (_, combine) in made.read.items()
        }
        return Run(seconds, wall, case, found=found, build=build)

    return run


def prepare_runtime(case: Case, folder: Path) -> Callable[[], Run] | None:
    """The same objects on Brian2's runtime device, for a part of the case.

    With numpy: Cython compiles each piece of code for half a minute, and dense projections gain little by it.
    """
    case = shortened(case, seconds=1.0, presentations=2, events=20)
    if isinstance(case, Learning) and case.kind == "tied":
        return None

    def run() -> Run:
        target = b2.prefs.codegen.target
        b2.prefs.codegen.target = "numpy"
        try:
            with _fresh("runtime"):
                b2.seed(case.seed)
                made = MODELS[type(case)](case)
                made.net.run(0 * ms, namespace={})  # generates the code
                began = time.perf_counter()
                made.net.run(made.steps * DT * ms, namespace={})
                seconds = time.perf_counter() - began
                found = {name: combine(*(v.get_value() for v in vs)) for name, (vs, combine) in made.read.items()}
        finally:
            b2.prefs.codegen.target = target
        return Run(seconds, seconds, case, found=found)

    return run


def contestants() -> list[Contestant]:
    def no_compiler() -> str | None:
        return None if compiler_available() else "no C++ compiler ($CXX, or g++) and make were found"

    def documented(case: Case, folder: Path):
        return prepare_standalone(case, folder, partial(pair_rule, documented=True)) if _is_stdp(case) else None

    return [
        Contestant("Brian2 standalone", "PoissonGroup, Synapses; counts spikes", prepare_standalone, no_compiler),
        Contestant("Brian2, documented STDP", "event-driven traces per synapse", documented, no_compiler),
        Contestant("Brian2 runtime", "the same objects, numpy, a part of the case", prepare_runtime),
    ]


def _is_stdp(case: Case) -> bool:
    return isinstance(case, PairRule) and case.name == "STDP"
