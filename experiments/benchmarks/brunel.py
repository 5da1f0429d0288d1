"""Brunel's network with STDP in this package, in stock Brian2 and in NEST: the same firing, and in how much time?

All have the same model: sizes, delta synapses, delays between 0.5 and 2.5 ms, additive STDP with bounds, Poisson input,
steps of 0.1 ms, one thread, double precision, all spikes recorded. Connections and noise are drawn anew by NEST. The
programs differ in when STDP sees spikes: this package when they are fired, stock Brian2 presynaptic ones when they
arrive, and NEST postsynaptic ones later by the delay. NEST tests the threshold before the voltage decays and Brian2
after it, so NEST gets a threshold that is higher by what decays in a step (0.5 %). So rates, irregularity and weights
agree as distributions.

Times are CPU seconds of the time steps, without building. In each repeat every program runs once, in rotated order;
the median counts, and the smallest and largest are given beside it. The run fails if rates or irregularity differ by
more than the limits in `AGREE`.

    python experiments/benchmarks/brunel.py --out results/brunel_benchmark --nest PYTHON [--cells 1000,10000] [--quick]

PYTHON is an interpreter for which `pip install nest-simulator` was done. Without it NEST is left out.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import typer
from brian2 import ms

from spikedtp.cli import run_script
from spikedtp.errors import SpikedtpError
from spikedtp.records import staged, write_manifest, write_table
from spikedtp.spiking import default_device

sys.path.insert(0, str(Path(__file__).parent.parent))
from brunel_stdp import simulate, statistics
from recurrent.brunel import DT, T_REFRACTORY, TAU, THETA_AT_ONCE, V_RESET, Brunel
from recurrent.own_device import run_again

NEST_SCRIPT = Path(__file__).parent / "brunel_in_nest.py"
#: By how much rates, irregularity and mean weight may differ from those of this package, relative to them.
AGREE = {"rate_e_hz": 0.05, "rate_i_hz": 0.05, "cv": 0.05, "weight_mean": 0.02}
OURS = "spikedtp"


def main(
    out: Path = typer.Option(Path("results/brunel_benchmark"), help="Folder for the results."),
    quick: bool = typer.Option(False, help="200 cells for 2 s, one repeat."),
    seed: int = typer.Option(0, min=0, help="Of everything that is drawn."),
    cells: str = typer.Option("1000,10000", help="Numbers of cells, between commas."),
    seconds: str = typer.Option("10,3", help="Simulated time for each of them."),
    repeats: int = typer.Option(3, min=1, help="Repeats, of which the medians are taken."),
    nest: str = typer.Option(None, metavar="PYTHON", help="An interpreter that has NEST; without it NEST is left out."),
) -> None:
    """CPU seconds, rates, irregularity and weights of the same network in three programs."""
    sizes, times = (
        [_number("cells", n) for n in cells.split(",")],
        [_number("seconds", s) for s in seconds.split(",")],
    )
    if len(sizes) != len(times):
        raise SpikedtpError(f"--seconds needs one number for each of --cells, got {len(times)} for {len(sizes)}")
    if default_device() != "cpp_standalone":
        raise SpikedtpError("the benchmark compares compiled programs: install g++ and make, or set CXX")
    if quick:
        sizes, times, repeats = [200], [2.0], 1
    missing = _missing(nest)
    if missing:
        typer.echo(f"without NEST: {missing}", err=True)
    rows = []
    with staged(out) as folder:
        for n, duration in zip(sizes, times, strict=True):
            found = compare(Brunel(int(n)), duration, seed, repeats, None if missing else nest)
            rows += found
            typer.echo(f"{n:g} cells: " + ", ".join(f"{row['program']} {row['cpu_seconds']:.3g} s" for row in found))
        table = pd.DataFrame(rows)
        write_table(folder, "brunel", table)
        write_manifest(
            folder,
            configuration=dict(cells=sizes, seconds=times, repeats=repeats, quick=quick, nest=nest),
            seeds={"seed": seed},
        )
    typer.echo(table.to_string(index=False, float_format=lambda value: f"{value:.4g}"))
    typer.echo(f"results in {out}")
    for name, limit in () if quick else AGREE.items():
        ours = table[table.program == OURS].set_index("cells")[name]
        off = (table[name] / table.cells.map(ours) - 1).abs()
        if (off > limit).any():
            raise RuntimeError(f"{name} differs by {off.max():.1%}, more than {limit:.0%}")


def _number(what: str, text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < 1e7:
        raise SpikedtpError(f"--{what} must be positive numbers between commas, got {text!r}")
    return value


def _missing(nest: str | None) -> str | None:
    if nest is None:
        return "no interpreter was given (--nest PYTHON)"
    try:
        done = subprocess.run([nest, "-c", "import nest"], capture_output=True, text=True, check=False)
    except OSError as error:
        return f"{nest} does not start: {error.strerror}"
    return None if done.returncode == 0 else f"{nest} has no NEST: {done.stderr.strip().splitlines()[-1]}"


def compare(model: Brunel, seconds: float, seed: int, repeats: int, nest: str | None) -> list[dict[str, Any]]:
    """One row for each program."""
    with tempfile.TemporaryDirectory(prefix="brunel-") as work:
        programs: dict[str, Callable[[], float]] = {}
        found, build = {}, {}
        times: dict[str, list[float]] = {}
        for name, kind in ((OURS, "sparse"), ("Brian2", "stock")):
            project = Path(work) / kind
            found[name], cost = simulate(model, kind, seconds, seed, "cpp_standalone", project)
            build[name], times[name] = cost.build, [cost.steps]
            programs[name] = partial(run_again, project)
        if nest is not None:
            programs["NEST"] = lambda: _nest(nest, model, seconds, seed, Path(work))[1]
            found["NEST"], first, build["NEST"] = _nest(nest, model, seconds, seed, Path(work))
            times["NEST"] = [first]
        names = list(programs)
        for repeat in range(1, repeats):
            for name in names[repeat % len(names) :] + names[: repeat % len(names)]:
                times[name].append(programs[name]())
    return [
        {
            "cells": model.n, "seconds": seconds, "program": name, "cpu_seconds": float(np.median(times[name])),
            "least": min(times[name]), "most": max(times[name]), "build_cpu_seconds": build[name],
            **statistics(model, found[name], seconds),
        }
        for name in names
    ]  # fmt: skip


def _nest(python: str, model: Brunel, seconds: float, seed: int, work: Path) -> tuple[dict[str, Any], float, float]:
    """What NEST found, and its CPU seconds of time steps and of building."""
    given = {name: getattr(model, name) for name in ("n", "n_e", "c_e", "c_i", "j", "g", "external_rate", "alpha")} | {
        "learning_rate": model.learning_rate, "delays": model.delays, "tau_stdp": float(model.rule.tau_plus / ms),
        "dt": float(DT / ms), "tau": TAU, "t_refractory": T_REFRACTORY, "theta": THETA_AT_ONCE, "v_reset": V_RESET,
        "seconds": seconds, "seed": seed,
    }  # fmt: skip
    (work / "parameters.json").write_text(json.dumps(given), encoding="utf-8")
    command = [python, str(NEST_SCRIPT), str(work / "parameters.json"), str(work / "found.npz")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"NEST failed:\n{done.stderr[-2000:]}")
    with np.load(work / "found.npz") as file:
        found = dict(file)
    return found, float(found.pop("steps")), float(found.pop("build"))


if __name__ == "__main__":
    run_script(main)
