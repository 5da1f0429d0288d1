"""The floor: C++ written for each case by hand (`floor/*.cpp`), as fast as its author could make it."""

from __future__ import annotations

import functools
import os
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from brian2 import Hz, ms

from spikedtp.equations.escape import LEAST_FREE_TIME
from spikedtp.neurons import TwoCompartment
from spikedtp.spiking.engine.devices import compiler_available
from spikedtp.spiking.open_loop.readout import readout_named

from .cases import DT, Case, Feedforward, Learning, PairRule, Presentations
from .contestant import Contestant, Run

__all__ = ["FLAGS", "contestants", "run_program"]

FLAGS = ("-O3", "-march=native", "-ffast-math")
SOURCES = Path(__file__).parent / "floor"
#: An epoch of the lazy rules: the smallest of its factors is exp(-10), so ten digits and more are left.
EPOCH_STEPS = 200
KINDS = ("bounded", "normalised", "tied")


@functools.cache
def _binaries() -> tempfile.TemporaryDirectory:
    return tempfile.TemporaryDirectory(prefix="hot-loop-floor-")  # removed when the process ends


def compiled(program: str) -> Path:
    """The binary of `floor/PROGRAM.cpp`, compiled once per process by each compiler that CXX names."""
    return _compiled(program, tuple(os.environ.get("CXX", "g++").split()))


@functools.cache
def _compiled(program: str, compiler: tuple[str, ...]) -> Path:
    binary = Path(tempfile.mkdtemp(dir=_binaries().name)) / program
    subprocess.run([*compiler, *FLAGS, str(SOURCES / f"{program}.cpp"), "-o", str(binary)], check=True)
    return binary


def write_inputs(folder: Path, numbers: dict[str, float], arrays: dict[str, np.ndarray]) -> None:
    """Numbers as lines, arrays as raw files: float64, or int32 if they hold integers."""
    folder.mkdir(parents=True, exist_ok=True)
    lines = (f"{name} {float(value)!r}\n" for name, value in numbers.items())
    (folder / "numbers").write_text("".join(lines), encoding="utf-8")
    for name, values in arrays.items():
        values = np.asarray(values)
        np.ascontiguousarray(values, np.int32 if values.dtype.kind in "iu" else np.float64).tofile(folder / name)


def run_program(binary: Path, folder: Path) -> tuple[dict[str, float], float]:
    """The numbers that the program prints, and the wall time of the process."""
    began = time.perf_counter()
    done = subprocess.run([binary, folder], capture_output=True, text=True, check=True)
    wall = time.perf_counter() - began
    return {name: float(value) for name, value in map(str.split, done.stdout.splitlines())}, wall


# --- what each program is given -------------------------------------------------------------------------------------


def _cell_numbers(cell: TwoCompartment) -> dict[str, float]:
    return {
        "dt": DT,
        "tau_soma": cell.tau_soma / ms,
        "tau_dend": cell.tau_dend / ms,
        "coupling": cell.coupling,
        "weight_scale": cell.weight_scale,
        "spike_width": cell.spike_width / ms,
        "dead_time": cell.dead_time / ms,
    }


def feedforward_inputs(case: Feedforward):
    numbers = _cell_numbers(TwoCompartment()) | {
        "n_pre": case.n_pre, "n_post": case.n_post, "n_steps": case.n_steps, "rate": case.rate / 1000,
    }  # fmt: skip
    return numbers, {"w": case.weights.T}


def presentation_inputs(case: Presentations):
    timeline, sources = case.timeline, case.sources
    sizes = [source.size for source in sources]
    soma = sum(source.size for source in sources if source.compartment == "soma")
    numbers = _cell_numbers(case.cell) | {
        "n_soma_inputs": soma, "n_inputs": sum(sizes), "n_cells": case.n_cells, "n_steps": timeline.n_steps,
        "n_points": timeline.n_points, "n_presentations": len(case), "points_per_step": timeline.points_per_step,
        "unit_rate": case.inputs.unit_rate / Hz / 1000, "max_rate": case.inputs.max_rate / Hz / 1000,
        "least_free_time": LEAST_FREE_TIME, "tau_eligibility": case.inputs.tau_eligibility / ms,
    }  # fmt: skip
    kernels = readout_named("best").kernels(timeline)
    wanted = [(signal, phase) for signal in ("dendrite", "soma", "trace") for phase in ("settled", "nudged")]
    arrays = {
        "w": np.vstack([source.weight.T for source in sources]),
        "activities": case.points,
        "kernels": np.array([kernels.weights[signal, phase, "drive"] for signal, phase in wanted]),
        "block_first": np.cumsum([0, *sizes]),
        "block_lag": np.array([timeline.lag_steps * source.lag for source in sources]),
    }
    return numbers, arrays


def pair_rule_inputs(case: PairRule, *, by_event: bool = False):
    rule = case.rule
    numbers = {
        name: float(value) for name, value in rule.numbers().items() if name in ("a_plus", "a_minus", "learning_rate")
    }
    numbers |= {name: value / ms for name, value in rule.quantities().items() if name.startswith("tau")}
    numbers |= {
        "dt": DT, "n_pre": case.n_pre, "n_post": case.n_post, "n_steps": case.n_steps, "w_max": case.w_max,
        "rewarded": case.name == "MSTDPET", "by_event": by_event, "epoch_steps": EPOCH_STEPS,
    }  # fmt: skip
    arrays = {"w": case.w0.T, "reward": case.reward}
    for side, raster in (("pre", case.pre), ("post", case.post)):
        arrays[f"{side}_cells"] = np.nonzero(raster)[1]
        arrays[f"{side}_first"] = np.concatenate([[0], np.cumsum(raster.sum(axis=1))])
    return numbers, arrays


def learning_inputs(case: Learning):
    names = ("n_post", "n_pre", "n_events", "n_vectors", "low", "high", "scale")
    numbers = {name: getattr(case, name) for name in names} | {"kind": KINDS.index(case.kind)}
    return numbers, {"w": case.w0, "pre": case.pre, "post": case.post}


# --- what it gives back ---------------------------------------------------------------------------------------------


def _feedforward_found(case, folder: Path, numbers) -> dict:
    return {"spikes": numbers["spikes"]} | {name: np.fromfile(folder / name).mean() for name in ("v_dend", "v_soma")}


def _presentation_found(case, folder: Path, numbers) -> dict:
    return {name: numbers[name] for name in ("spikes", "output_spikes", "v_soma", "v_dend")}


def _pair_rule_found(case: PairRule, folder: Path, numbers) -> dict:
    return {"w": np.fromfile(folder / "w_out").reshape(case.n_pre, case.n_post).T}


def _learning_found(case: Learning, folder: Path, numbers) -> dict:
    found = {"w": np.fromfile(folder / "w_out").reshape(case.n_post, case.n_pre)}
    if case.kind == "tied":
        found["copy"] = np.fromfile(folder / "copy").reshape(case.n_pre, case.n_post)
    return found


PROGRAMS: dict[type[Case], tuple[str, Callable, Callable]] = {
    Feedforward: ("feedforward", feedforward_inputs, _feedforward_found),
    Presentations: ("presentation", presentation_inputs, _presentation_found),
    PairRule: ("pair_rules", pair_rule_inputs, _pair_rule_found),
    Learning: ("learning_events", learning_inputs, _learning_found),
}


def prepare(case: Case, folder: Path, *, split: bool = False, dump: bool = False, **options):
    """Compile, write the inputs, and give what runs once; each repeat has a seed of its own."""
    program, inputs, found = PROGRAMS[type(case)]
    binary = compiled(program)
    numbers, arrays = inputs(case, **options)
    write_inputs(folder, numbers, arrays)
    repeats = 0

    def run() -> Run:
        nonlocal repeats
        write_inputs(folder, numbers | {"split": split, "dump": dump, "seed": case.seed + 1000 * repeats}, {})
        repeats += 1
        printed, wall = run_program(binary, folder)
        parts = {name.removeprefix("split_"): value for name, value in printed.items() if name.startswith("split_")}
        return Run(printed["seconds"], wall, case, found=found(case, folder, printed), split=parts)

    return run


def _by_event(case: Case, folder: Path):
    return prepare(case, folder, by_event=True) if isinstance(case, PairRule) and case.name == "STDP" else None


def contestants() -> list[Contestant]:
    def missing() -> str | None:
        return None if compiler_available() else "no C++ compiler ($CXX, or g++) and make were found"

    return [
        Contestant("floor", f"hand-written C++ ({' '.join(FLAGS)}), float64, records nothing", prepare, missing),
        Contestant("floor, event by event", "the same, rows and columns at each spike", _by_event, missing),
        Contestant("floor, parts", "the floor with a clock between its parts", _parts, missing),
    ]


def _parts(case: Case, folder: Path):
    return prepare(case, folder, split=True) if isinstance(case, (Feedforward, Presentations)) else None
