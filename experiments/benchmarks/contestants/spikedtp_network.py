"""spikedtp itself: its compiled runner on networks made of its own cells and dense synapses.

Case b is the network of `simulate`, everything recorded; c is that of `replay`. The others are put together here, from
declarations of `spikedtp.neurons` and `DenseSynapses`, as a user of the library would.
"""

from __future__ import annotations

import os
import re
import shutil
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from unittest.mock import patch

import numpy as np
from brian2 import Clock, Hz, Network, NeuronGroup, ms

from spikedtp.neurons import CellModel, SteadyInput, TwoCompartment
from spikedtp.neurons.group import Slots, make_group
from spikedtp.spiking.engine.batch import RunInputs, RunResults
from spikedtp.spiking.engine.batch_files import read_results, write_inputs
from spikedtp.spiking.engine.built_network import BuiltNetwork
from spikedtp.spiking.engine.compiled.compiler import compile_project
from spikedtp.spiking.engine.compiled.processes import run_processes
from spikedtp.spiking.engine.compiled.standalone import compiled
from spikedtp.spiking.engine.devices import compiler_available
from spikedtp.spiking.open_loop import build as network
from spikedtp.spiking.open_loop.plan import OpenLoop
from spikedtp.spiking.open_loop.readout import readout_named
from spikedtp.spiking.parts.code_objects import code_object_class
from spikedtp.spiking.parts.initial_state import start_cells
from spikedtp.spiking.parts.operations import play_rows
from spikedtp.spiking.parts.random_numbers import RANDOM_NUMBERS
from spikedtp.spiking.responses.response import RECORDABLE
from spikedtp.spiking.rule_replay.dense_network import build_dense_replay, dense_patterns
from spikedtp.spiking.rule_replay.given_signals import GivenSignals
from spikedtp.spiking.rule_replay.stock_network import ReplaySpec
from spikedtp.spiking.synapses.dense import DenseSynapses

from .cases import DT, Case, Feedforward, Learning, PairRule, Presentations
from .contestant import Contestant, Run

__all__ = ["contestants"]


# --- a: cells and synapses ------------------------------------------------------------------------------------------


def _cells(model: CellModel, n: int, name: str, clock: Clock, *, fires: bool, count: bool = False) -> NeuronGroup:
    declaration = model.declaration()
    if not fires:  # and nothing arrives at their somas
        declaration = replace(
            declaration, threshold="", reset="", early_reset=False, before_threshold="", clear=("input_dend",)
        )
    return make_group(
        model,
        n,
        declaration=declaration,
        slots=Slots.of(declaration),
        more="count : 1" if count else "",
        at_spike="count += 1" if count else "",
        method="euler",
        clock=clock,
        name=name,
        namespace=dict(RANDOM_NUMBERS),
        codeobj_class=code_object_class(),
    )


def build_feedforward(case: Feedforward) -> BuiltNetwork:
    """Cells of a constant rate, without a trace, onto the dendrites of cells that do not fire."""
    clock = Clock(DT * ms, name="feedforward_clock")
    models = {"inputs": SteadyInput(unit_rate=case.rate * Hz), "cells": TwoCompartment()}
    inputs = _cells(models["inputs"], case.n_pre, "inputs", clock, fires=True, count=True)
    cells = _cells(models["cells"], case.n_post, "cells", clock, fires=False)
    synapses = DenseSynapses(inputs, cells, "input_dend", clock=clock, name="synapses")

    def start():
        start_cells(inputs, models["inputs"].declaration(), lasting=("activity",))
        start_cells(cells, models["cells"].declaration())

    net = Network(inputs, cells, synapses, *inputs.contained_objects, *cells.contained_objects, name="feedforward")
    net.add(*synapses.contained_objects)
    built = BuiltNetwork(net, clock, case.n_steps, start)
    for group in (inputs, cells):
        for name, value in models[group.name].quantities().items():
            built.constants[f"{group.name}.{name}"] = (group.variables[name], np.array([float(value)]))
    built.constants["activity"] = (inputs.variables["activity"], np.ones(case.n_pre))
    built.constants["w"] = (synapses.variables["w"], synapses.flat(case.weights))
    built.vectors = {"spikes": inputs.variables["count"]}
    built.vectors |= {name: cells.variables[name] for name in ("v_dend", "v_soma")}
    return built


def _feedforward_found(case: Feedforward, results: RunResults) -> dict:
    found = {name: results.vectors[name][0].mean() for name in ("v_dend", "v_soma")}
    return found | {"spikes": results.vectors["spikes"][0].sum()}


# --- b: what `simulate` builds --------------------------------------------------------------------------------------


def build_presentations(case: Presentations) -> BuiltNetwork:
    """As a rate network has them, weights are of single precision."""
    sources = tuple(replace(source, weight=source.weight.astype(np.float32)) for source in case.sources)
    spec = OpenLoop(
        "H2E", case.cell, case.inputs, sources, case.timeline, readout_named("best").kernels(case.timeline),
        record=RECORDABLE,
    )  # fmt: skip
    return network.build(spec)


def _presentations_found(case: Presentations, results: RunResults) -> dict:
    found = {name: results.traces[name][:, -1].mean() for name in ("v_soma", "v_dend")}
    counts = {"spikes": "inputs", "output_spikes": "cells"}
    return found | {name: results.spikes[group][1].sum() for name, group in counts.items()}


# --- c: what `replay` builds -----------------------------------------------------------------------------------------


def _replay(case: PairRule) -> GivenSignals:
    bounds = {"w_min": 0.0, "w_max": case.w_max} if case.name == "STDP" else {}
    return GivenSignals(replace(case.rule, **bounds), case.pre, case.post, case.w0, case.reward, "spiking")


def build_pair_rule(case: PairRule) -> BuiltNetwork:
    signals = _replay(case)
    rule = signals.rule
    spec = ReplaySpec(
        form=rule.spiking_form(),
        parameters={},
        signals=signals.group_names(),
        n_steps=len(signals),
        w0=signals.w0,
        dt=DT * ms,
        n_kept=1,
    )
    return build_dense_replay(rule, spec)


def _trains(case: PairRule) -> dict:
    return dense_patterns(_replay(case), np.array([case.n_steps - 1]))


def _pair_rule_found(case: PairRule, results: RunResults) -> dict:
    rows = results.vectors["w"][0].reshape(case.n_pre, -1)
    return {"w": rows[:, : case.n_post].T}


# --- e: learning events ---------------------------------------------------------------------------------------------


def build_learning(case: Learning, *, dtype=np.float64) -> BuiltNetwork:
    """A learning event per step between two groups that play the vectors."""
    clock = Clock(DT * ms, name="learning_clock")
    sides = {}
    net = Network(name="learning")
    built = BuiltNetwork(net, clock, case.n_events, start=lambda: None, precision=dtype)
    for side, vectors in (("pre", case.pre), ("post", case.post)):
        group = NeuronGroup(
            vectors.shape[1], "x : 1", dtype={"x": dtype}, clock=clock, name=side, namespace={},
            codeobj_class=code_object_class(),
        )  # fmt: skip
        rows = vectors[np.arange(case.n_events) % len(vectors)]
        group.variables.add_array("vectors", size=rows.size)
        built.constants[side] = (group.variables["vectors"], rows.ravel())
        player = play_rows(
            group, "x", "vectors", [(0, group.N, 0)], n_points=len(rows), points_per_step=1.0, name=f"{side}_vectors",
            when="start", clock=clock,
        )  # fmt: skip
        net.add(group, player)
        sides[side] = group
    numbers = {"low": case.low, "high": case.high}
    w = DenseSynapses(*sides.values(), dtype=dtype, clock=clock, parameters=dict.fromkeys(numbers), name="w")
    w.learn("w = clip(w + x_pre*x_post, low, high)", at="True")
    if case.kind == "normalised":
        w.normalize_rows(case.scale, at="True", order=1)
    built.constants |= {f"w.{name}": (w.variables[name], np.array([value])) for name, value in numbers.items()}
    built.constants["w"] = (w.variables["w"], w.flat(case.w0))
    built.vectors["w"] = w.variables["w"]
    net.add(w, *w.contained_objects)
    if case.kind == "tied":
        copy = DenseSynapses(sides["post"], sides["pre"], dtype=dtype, clock=clock, name="copy")
        copy.copy_of(w, at="True", factor=case.scale, transpose=True, order=1)
        built.vectors["copy"] = copy.variables["w"]
        net.add(copy, *copy.contained_objects)
    return built


def _learning_found(case: Learning, results: RunResults) -> dict:
    shapes = {"w": (case.n_pre, case.n_post), "copy": (case.n_post, case.n_pre)}
    found = {}
    for name, flat in results.vectors.items():
        n_rows, n = shapes[name]
        found[name] = flat[0].reshape(n_rows, -1)[:, :n].T
    return found


# --- all -------------------------------------------------------------------------------------------------------------


def _nothing(case: Case) -> dict[str, np.ndarray]:
    return {}


#: what is built, what is shown (`RunInputs.patterns`), what is found
NETWORKS: dict[type[Case], tuple[Callable, Callable, Callable]] = {
    Feedforward: (build_feedforward, _nothing, _feedforward_found),
    Presentations: (build_presentations, lambda case: {"replay": case.points}, _presentations_found),
    PairRule: (build_pair_rule, _trains, _pair_rule_found),
    Learning: (build_learning, _nothing, _learning_found),
}


#: The call of the run loop that `slim_run_loop` writes, and the same with a clock around it.
CALL = "functions[i]();"
TIMED = "{ const double before = spikedtp::now(); functions[i](); spent[i] += spikedtp::now() - before; }"
SPENT = """
#include "presentations.h"
static struct Spent {
    double of[1000] = {};
    double& operator[](size_t i) { return of[i]; }
    ~Spent() {
        for (size_t i = 0; i < 1000; i++)
            if (of[i] > 0) std::cerr << i << " " << of[i] << std::endl;
    }
} spent;
"""


def _with_clocks(project: Path) -> list[str]:
    """Compile a project again with a clock around each object of a time step; the names of these objects."""
    source = project / "hot.cpp"
    text = source.read_text()
    if text.count(CALL) != 1:
        raise RuntimeError("the run loop of spikedtp does not look as the benchmarks know it")
    source.write_text(SPENT + text.replace(CALL, TIMED))
    compile_project(project)
    main = (project / "main.cpp").read_text()
    return re.findall(r"\.add\(&\w+, _run_(\w+?)(?:_codeobject)?\);", main)


def prepare(case: Case, folder: Path, *, split: bool = False, **options) -> Callable[[], Run]:
    """Build in a cache of its own; each repeat is a run of the binary with a seed of its own."""
    build, show, find = NETWORKS[type(case)]
    n = len(case) if isinstance(case, Presentations) else 1
    data = RunInputs(show(case), np.arange(n), np.arange(n))
    folder.mkdir(parents=True)
    began = time.perf_counter()
    with (
        patch.dict(os.environ, SPIKEDTP_CACHE=str(folder / "cache")),
        compiled(partial(build, case, **options), data) as (project, layout, data),
    ):
        built = time.perf_counter() - began
        project = shutil.copytree(project, folder / "project")
        write_inputs(folder / "inputs", layout, data)
    objects = _with_clocks(project) if split else []
    repeats = 0

    def run() -> Run:
        nonlocal repeats
        (case.seed + 1000 * repeats + np.arange(n, dtype=np.int64)).tofile(folder / "inputs" / "seeds")
        repeats += 1
        shutil.rmtree(folder / "results", ignore_errors=True)
        (folder / "results").mkdir()
        began = time.perf_counter()
        finished = run_processes(project, folder, n, 1)
        wall = time.perf_counter() - began
        results = read_results(folder / "results", layout, [0], data)
        return Run(
            finished[0].seconds - finished[0].writing,
            wall,
            case,
            found=find(case, results),
            build=built,
            memory=finished[0].peak_memory,
            split=_spent(folder, objects) if split else {},
        )

    return run


def _spent(folder: Path, objects: list[str]) -> dict[str, float]:
    """Seconds of each object, as the process said when it ended."""
    lines = (folder / "complaints.0").read_text().split()
    return {objects[int(k)]: float(seconds) for k, seconds in zip(lines[::2], lines[1::2], strict=True)}


def _parts(case: Case, folder: Path):
    return prepare(case, folder, split=True) if isinstance(case, (Feedforward, Presentations)) else None


def contestants() -> list[Contestant]:
    def missing() -> str | None:
        return None if compiler_available() else "no C++ compiler ($CXX, or g++) and make were found"

    return [
        Contestant(
            "spikedtp",
            "dense synapses, rescaled Poisson; a counts spikes; b has float32 weights, and keeps spikes, voltages and "
            "traces of all steps; seconds do not count writing, wall does",
            prepare,
            missing,
        ),
        Contestant("spikedtp, parts", "the same with a clock around each object", _parts, missing),
    ]
