"""The XOR network of Burstprop beside the same arithmetic in C++ written by hand: how far is it from that floor?

Both have the same cells, noise, detection of events and bursts, connections and plasticity, in single precision and
with steps of 0.1 ms. The floor holds its connections as lists of targets; this package has dense rows. They draw their
own random numbers, so event rates agree within a few per cent, and the run fails if they do not.

Times are CPU milliseconds per simulated second, without building and without the first epoch of learning: of this
package it is the difference between batches of two lengths, of the floor what its loop takes from then on. In each
repeat both run once, in rotated order. The median counts, and the smallest and largest are given beside it.

    python experiments/benchmarks/burstprop_xor.py --out results/burstprop_xor_benchmark [--quick]
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from functools import partial
from pathlib import Path

import pandas as pd
import typer

from spikedtp.cli import run_script
from spikedtp.errors import SpikedtpError
from spikedtp.records import staged, write_manifest, write_table
from spikedtp.spiking import default_device

sys.path.insert(0, str(Path(__file__).parent.parent))
from bursts.xor_network import POPULATIONS, Xor
from bursts.xor_run import run
from contestants.hand_written import compiled
from processor_time import cpu_seconds

#: By how much event rates may differ from those of the floor, relative to them.
AGREE = 0.08


def main(
    out: Path = typer.Option(Path("results/burstprop_xor_benchmark"), help="Folder for the results."),
    quick: bool = typer.Option(False, help="100 cells in each population, one epoch, one repeat."),
    cells: int = typer.Option(500, help="Of each of the five populations, at least 100."),
    epochs: int = typer.Option(6, min=2, help="Of learning; what building and the first epoch cost is subtracted."),
    repeats: int = typer.Option(5, min=1, help="Repeats, of which the medians are taken."),
    seed: int = typer.Option(1, min=0, help="Of everything that is drawn."),
) -> None:
    """CPU milliseconds per simulated second of the network and of its floor."""
    if default_device() != "cpp_standalone":
        raise SpikedtpError("the benchmark compares compiled programs: install g++ and make, or set CXX")
    if quick:
        cells, epochs, repeats = 100, 2, 1
    model = Xor(cells)
    programs = {"spikedtp": partial(_ours, model, epochs), "floor": partial(_floor, model, epochs)}
    rows = []
    with staged(out) as folder:
        for repeat in range(repeats):
            names = list(programs)
            for name in names[repeat % 2 :] + names[: repeat % 2]:
                ms, rates = programs[name](seed + repeat)
                rows.append({"repeat": repeat, "program": name, "ms_per_second": ms} | rates)
        table = pd.DataFrame(rows)
        means = table.groupby("program")[list(POPULATIONS)].mean()
        apart = float((means.loc["spikedtp"] / means.loc["floor"] - 1).abs().max())
        if apart > AGREE:
            raise SpikedtpError(f"event rates differ by up to {100 * apart:.3g} %: these are not the same networks")
        write_table(folder, "repeats", table)
        options = {"cells": cells, "epochs": epochs, "repeats": repeats}
        write_manifest(folder, configuration=options, seeds={"seed": seed}, timings={})
    times = table.groupby("program")["ms_per_second"].agg(["median", "min", "max"])
    for name in programs:
        low, middle, high = times.loc[name, ["min", "median", "max"]]
        typer.echo(f"{name:10} {middle:.3g} ms of CPU time per simulated second ({low:.3g} to {high:.3g})")
    ratio = times.loc["spikedtp", "median"] / times.loc["floor", "median"]
    typer.echo(f"ratio {ratio:.3g}; event rates differ by up to {100 * apart:.2g} %\nresults in {out}")


def _ours(model: Xor, epochs: int, seed: int) -> tuple[float, dict[str, float]]:
    """Milliseconds per second, and the event rate of each population in the last epoch of learning."""
    spent = []
    for length in (1, 1, epochs):  # the first one compiles what depends on the seed
        with tempfile.TemporaryDirectory(prefix="burstprop-xor-") as folder:
            began = cpu_seconds()
            (rates, _), _, simulated = run(model, length, seed, "cpp_standalone", Path(folder))
            spent.append((cpu_seconds() - began, simulated))
    _, (short, few), (long, many) = spent
    last = rates[(rates["phase"] == "learning") & (rates["epoch"] == epochs)]
    return 1e3 * (long - short) / (many - few), {name: last[f"{name}_event_rate_late"].mean() for name in POPULATIONS}


def _floor(model: Xor, epochs: int, seed: int) -> tuple[float, dict[str, float]]:
    examples = 5 + 4 * epochs
    done = subprocess.run(
        [compiled("burstprop_xor"), str(model.n), str(examples), str(seed)], capture_output=True, text=True, check=True
    )
    found = {name: float(value) for name, value in (line.split() for line in done.stdout.splitlines())}
    rates = {name: found[f"events_{k}"] for k, name in enumerate(POPULATIONS)}
    return 1e3 * found["cpu_seconds"] / ((examples - 9) * float(model.example)), rates


if __name__ == "__main__":
    run_script(main)
