"""Ensembles of bursting cells learn XOR by Burstprop, where feedback and feed-forward signals share the same spikes.

Claim (Payeur, Guerguiev, Zenke, Richards & Naud 2021, Nat. Neurosci. 24:1010, doi:10.1038/s41593-021-00857-x, Figure
4): in a network of five populations, events carry the inputs forward and bursts carry the teacher back. Synapses that
see only the events and bursts of their two cells learn XOR in 500 epochs.

What differs from the authors' program: averages settle for one example (8 s), and not for 6 s, before the first test.
Random numbers are others. Constants, the order of operations, time step and single precision are the same.

To expect with 500 cells in each population: an epoch cost of 2.92 at first, which falls slowly (2.74 to 2.80 after
eight epochs). 4 ln 2 = 2.77 is that of a network that cannot tell the inputs apart. Chance is left behind later. The
result is XOR where the outputs fire above 6 Hz for (1, 0) and (0, 1) and below it for the other two.

    python experiments/burstprop_xor.py --out results/burstprop_xor                      # 500 epochs
    python experiments/burstprop_xor.py --out results/burstprop_xor_start --epochs 8

Finished parts of 20 epochs are kept in OUT/parts: an interrupted run continues, with the same results.
"""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import typer
from brian2 import second
from bursts.xor_network import Xor
from bursts.xor_run import run
from figures.burstprop import xor_figure

from spikedtp.cli import run_script
from spikedtp.records import save_figure, staged, write_manifest, write_summary, write_table
from spikedtp.spiking import default_device

THRESHOLD = 6.0  # Hz, midway between the rates that stand for 0 and 1


def main(
    out: Path = typer.Option(Path("results/burstprop_xor"), help="Folder for the results."),
    quick: bool = typer.Option(False, help="100 cells and examples of 0.1 s: does it work?"),
    seed: int = typer.Option(1, min=0, help="Of connections, first voltages and noise."),
    cells: int = typer.Option(500, help="Of each of the five populations, at least 100."),
    epochs: int = typer.Option(500, min=1, help="How often the four examples are shown."),
    device: str = typer.Option(None, help="cpp_standalone or runtime; default: C++ where it compiles."),
) -> None:
    """Test, learn, test again; the cost of each epoch."""
    model = Xor(100, example=0.1 * second, tau_avg=0.025 * second) if quick else Xor(cells)
    epochs, device = 1 if quick else epochs, device or default_device()
    with staged(out) as folder:
        (rates, weights), seconds, simulated = run(model, epochs, seed, device, out / "parts")
        costs = epoch_costs(rates)
        summary = statistics(rates, costs)
        write_table(folder, "examples", rates)
        write_table(folder, "costs", costs)
        write_table(folder, "weights", weights)
        save_figure(folder, "burstprop_xor", xor_figure(rates, costs, THRESHOLD))
        write_summary(folder, summary)
        timings = {"cpu_s": seconds, "simulated_s": simulated}
        options = {"cells": model.n, "epochs": epochs, "example_s": float(model.example), "device": device}
        write_manifest(folder, configuration=options, seeds={"seed": seed}, timings=timings)
    for key, value in summary.items():
        typer.echo(f"{key:28} {value:.6g}")
    if simulated:
        typer.echo(f"{seconds:.4g} CPU s for {simulated:.6g} simulated s: {1e3 * seconds / simulated:.3g} ms for each")
    typer.echo(f"results in {out}")


def epoch_costs(rates: pd.DataFrame) -> pd.DataFrame:
    """The sum over the four examples of each epoch of learning."""
    learning = rates[rates["phase"] == "learning"]
    return learning.groupby("epoch", as_index=False)["cost"].sum()


def statistics(rates: pd.DataFrame, costs: pd.DataFrame) -> dict[str, float]:
    tests = rates[rates["phase"] == "after"]
    output = tests["output_event_rate_late"]
    solved = ((output > THRESHOLD) == (tests["target"] == 1)).all()
    return {
        "solved": float(solved),
        "epochs": float(len(costs)),
        "cost_first": float(costs["cost"].iloc[0]),
        "cost_last": float(costs["cost"].iloc[-10:].mean()),
        "cost_lowest": float(costs["cost"].min()),
        **{
            f"output_hz_{int(row.input1)}{int(row.input2)}": rate
            for row, rate in zip(tests.itertuples(), output, strict=True)
        },
    }


if __name__ == "__main__":
    run_script(main)
