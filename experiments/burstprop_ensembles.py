"""A network of ensembles of bursting cells learns digits by Burstprop, beside its rate form with the same weights.

Claim (after Payeur, Guerguiev, Zenke, Richards & Naud 2021, Nat. Neurosci. 24:1010, doi:10.1038/s41593-021-00857-x):
what the rate model of Burstprop learns, ensembles of cells learn from their events and bursts. The article has spikes
for XOR, and rates for MNIST. Here one network is both: `BurstpropNetwork` and `BurstpropEnsembles`.

Two questions are asked. How like the rate form's are the mean weight changes of the spiking form, for ensembles of
several sizes and for samples of several lengths? The ceiling is the likeness of two draws of spikes. And which accuracy
do both forms reach, from the same first weights, with the same digits in the same order?

    python experiments/burstprop_ensembles.py --out results/burstprop_ensembles

Every run is kept in OUT/runs, and an interrupted experiment continues. docs/burstprop.md has the numbers to expect.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import typer
from brian2 import Hz, ms
from figures.burstprop_rates import ensembles_figure
from kept import Jobs
from processor_time import cpu_seconds

from spikedtp.cli import run_script
from spikedtp.datasets import Dataset, load
from spikedtp.plasticity import BurstpropRates
from spikedtp.rate import BurstpropNetwork
from spikedtp.records import save_figure, staged, write_manifest, write_summary, write_table
from spikedtp.spiking import BurstpropEnsembles, default_device

RULE = BurstpropRates(
    tau_avg=1.0, tau_w=10.0, beta=10.0, gain=0.3, balanced=True, hidden_rate=0.5, homeostasis=0.5, e_max=3.0
)
HIDDEN, PART = 50, 1000
#: Cells of each unit, and the time that is 1 in the rule (ms).
COMPARED = ((25, 100), (100, 100), (100, 40))


def main(
    out: Path = typer.Option(Path("results/burstprop_ensembles"), help="Folder for the results."),
    samples: int = typer.Option(3000, min=1, help="Presentations of each training."),
    seeds: int = typer.Option(2, min=1, help="Of weights, order and spikes."),
    cells: int = typer.Option(100, min=10, help="Of each unit, in training."),
    compared: int = typer.Option(60, min=1, help="Samples whose mean weight changes are compared."),
    device: str = typer.Option(None, help="cpp_standalone or runtime; default: C++ where it compiles."),
    quick: bool = typer.Option(False, help="Few presentations and cells on the runtime device: does it work?"),
) -> None:
    """Weight changes in both forms; accuracies of both after learning."""
    began, material = cpu_seconds(), load("digits")
    cases, unit = COMPARED, 100
    device = device or default_device()
    if quick:
        samples, seeds, cells, compared, cases, unit, device = 4, 1, 10, 2, ((10, 10),), 10, "runtime"
    runs, likeness, learned = Jobs(out / "runs", RULE.quantities(), samples, cells, compared, unit), [], []
    for n, length in cases:
        likeness += runs.done(
            ["compare", n, length], lambda n=n, length=length: compare(material, n, length, compared, device)
        )
        typer.echo(f"{n} cells, {length} ms: compared after {cpu_seconds() - began:.0f} CPU s", err=True)
    for seed in range(seeds):
        learned += runs.done(
            ["learn", seed], lambda seed=seed: learn(material, seed, samples, cells, unit, device, quick)
        )
        typer.echo(f"seed {seed}: learned after {cpu_seconds() - began:.0f} CPU s", err=True)
    table, alike = pd.DataFrame(learned), pd.DataFrame(likeness)
    last = table[table["samples"] == table["samples"].max()]
    forms = ("spikes", "spikes_asked_in_rate", "rate")
    summary = {f"test_{form}": 100 * last[form].mean() for form in forms} | {"seeds": float(seeds)}
    with staged(out / "results") as folder:
        write_table(folder, "learning", table)
        write_table(folder, "weight_changes", alike)
        save_figure(folder, "burstprop_ensembles", ensembles_figure(table, alike))
        write_summary(folder, summary)
        options = {"samples": samples, "cells": cells, "time_unit_ms": unit, "device": device}
        write_manifest(folder, configuration=options, seeds={"seeds": seeds}, timings={"cpu_s": cpu_seconds() - began})
    typer.echo(alike.round(3).to_string(index=False))
    typer.echo(table.round(3).to_string(index=False))
    typer.echo(f"results in {out / 'results'}")


def network_of(material: Dataset, seed: int, **changes: Any) -> BurstpropNetwork:
    sizes = (material.n_inputs, HIDDEN, material.n_labels)
    return BurstpropNetwork(sizes, rule=replace(RULE, **changes), feedback_scale=1.0, seed=seed)


def ensembles_of(network: BurstpropNetwork, cells: int, unit: int, seed: int, device: str) -> BurstpropEnsembles:
    return BurstpropEnsembles(network, cells=cells, rate=100 * Hz, time_unit=unit * ms, seed=seed, device=device)


def compare(material: Dataset, cells: int, unit: int, n: int, device: str) -> list[dict[str, Any]]:
    """Cosines of mean weight changes of `n` samples, for each layer. The rate form takes small steps, as spikes do."""
    x, y = material.train_x[:n], material.train_y[:n]
    rate = network_of(material, 0, dt=0.01).delta_w(x, y).weights
    ensembles = ensembles_of(network_of(material, 0), cells, unit, 0, device)
    draws = [ensembles.delta_w(x, y, first=k * n)[0] for k in range(2)]
    rows = []
    for layer, wanted in enumerate(rate):
        mean, (one, other) = wanted.mean(axis=0), (draw[layer].mean(axis=0) for draw in draws)
        rows.append(
            {"cells": cells, "time_unit_ms": unit, "layer": layer + 1, "cosine": cosine(one, mean),
             "ceiling": cosine(one, other), "slope": float((one * mean).sum() / (mean**2).sum())}
        )  # fmt: skip
    return rows


def cosine(one: np.ndarray, other: np.ndarray) -> float:
    return float((one * other).sum() / np.linalg.norm(one) / np.linalg.norm(other))


def learn(
    material: Dataset, seed: int, samples: int, cells: int, unit: int, device: str, quick: bool
) -> list[dict[str, Any]]:
    """Test accuracy of both forms during learning; in spikes at the end alone, since it takes as long as learning."""
    rate = network_of(material, seed)
    spiking = ensembles_of(rate, cells, unit, seed, device)
    asked = network_of(material, seed)
    order = np.random.default_rng([seed, 1]).integers(0, len(material.train_y), samples)
    x, y = material.test_x[: 4 if quick else None], material.test_y[: 4 if quick else None]
    rows = []
    for first in range(0, samples, PART):
        now = order[first : first + PART]
        for network in (rate, spiking):
            network.train(material.train_x[now], material.train_y[now])
        asked.weights, asked.biases = (
            [np.asarray(a, np.float32) for a in each] for each in (spiking.weights, spiking.biases)
        )
        done = first + len(now)
        right = [float((network.predict(x) == y).mean()) for network in (rate, asked)]
        spikes = float((spiking.predict(x) == y).mean()) if done == samples else np.nan
        rows.append(
            {"seed": seed, "samples": done, "spikes": spikes, "spikes_asked_in_rate": right[1], "rate": right[0]}
        )
    return rows


if __name__ == "__main__":
    run_script(main)
