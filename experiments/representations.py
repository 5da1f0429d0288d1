"""Do networks that learned in spikes represent images as their rate twins do?

Galloni et al. 2026 (Cell Reports 45:117159, doi:10.1016/j.celrep.2026.117159) describe the representations of
rate networks by sparsity, selectivity, dimensionality, similarity within and between classes, and the structure of
receptive fields. Here a rate network and a spiking network begin with the same weights and learn from the same images
in the same order; then both sets of weights are asked in rate and in spikes. That keeps two questions apart: what
learning in spikes changes (learned), and what the noise of answering in spikes changes (answered). In spikes
everything is measured on the spike counts of one presentation.

To expect (digits, 5J): weights learned in spikes give nearly the same distributions as those learned in rate; no
difference that seeds agree on. The noise of answers in spikes makes patterns of one class less alike in the hidden
layers, by about .015, and adds some dimensions. Receptive fields depend on the weights alone.

    python experiments/representations.py --out results/representations
    python experiments/representations.py --data mnist:DIR --circuit mnist_dtp_one_pass --out results/mnist

The values of patterns, units and pairs are in distributions.parquet (of many pairs, quantiles), their means in
representations.csv, and differences paired by seed in differences.csv.
"""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pandas as pd
import typer
from figures.representations import representations_figure
from intervals import interval
from tqdm import tqdm

from spikedtp import datasets
from spikedtp.circuit import read_circuit
from spikedtp.cli import run_script
from spikedtp.rate import RateNetwork, load_rate_network
from spikedtp.rate.online import sample_order, train_online
from spikedtp.records import save_figure, staged, write_manifest, write_summary, write_table
from spikedtp.representations import (
    dimensionality,
    discriminability,
    maximally_activating_fields,
    morans_i,
    selectivity,
    similarity,
    similarity_by_class,
    sparsity,
)
from spikedtp.spiking import SpikingNetwork, default_device

N_PAIRS = 2000  # values of one distribution that are kept, where there are more


def main(
    out: Path = typer.Option(Path("results/representations"), help="Folder for the results."),
    quick: bool = typer.Option(False, help="One seed, few presentations: does it run?"),
    seed: int = typer.Option(0, min=0, help="The first seed, of weights, order of samples and spikes."),
    seeds: int = typer.Option(3, min=1, help="How many seeds."),
    data: str = typer.Option("digits", help="digits, mnist:DIR or other images."),
    circuit: str = typer.Option("digits_dtp", help="A circuit that learns in spikes."),
    samples: int = typer.Option(6000, min=1, help="Presentations to learn from."),
    patterns: int = typer.Option(500, min=10, help="Test images that are asked."),
    device: str = typer.Option(None, help="cpp_standalone or runtime; default: C++ where it compiles."),
) -> None:
    """Representations of networks that learned in rate and in spikes, side by side."""
    started = time.perf_counter()
    if quick:
        seeds, samples, patterns = 1, min(samples, 20), min(patterns, 30)
    device = device or default_device()
    images = datasets.load(data, n_classes=read_circuit(circuit).output.size)
    with staged(out) as folder:
        tables = [
            one_seed(circuit, images, s, samples, patterns, device)
            for s in tqdm(range(seed, seed + seeds), unit="seed")
        ]
        table = pd.concat(tables, ignore_index=True)
        means = means_of(table)
        write_table(folder, "representations", means)
        table.to_parquet(folder / "distributions.parquet", index=False)
        differences = differences_of(means)
        write_table(folder, "differences", differences)
        save_figure(folder, "representations", representations_figure(table))
        write_summary(
            folder,
            {"circuit": circuit, "samples": samples, "seeds": seeds}
            | {
                f"{r.population}.{r.measure}.{r.effect}.{key}": getattr(r, key)
                for r in differences.itertuples()
                for key in ("rate", "difference", "low", "high")
            },
        )
        write_manifest(
            folder,
            configuration=dict(
                data=data, circuit=circuit, samples=samples, patterns=patterns, seeds=seeds, device=device, quick=quick
            ),
            seeds={"seed": seed},
            timings={"all": time.perf_counter() - started},
        )
    typer.echo(differences.to_string(index=False, float_format=lambda value: f"{value:.3g}"))
    typer.echo(f"results in {out}")


def one_seed(circuit: str, images, seed: int, samples: int, patterns: int, device: str) -> pd.DataFrame:
    """All measures of both sets of weights, answering in rate and in spikes."""
    in_rate, in_spikes = (load_rate_network(circuit, seed=seed) for _ in range(2))
    spiking = SpikingNetwork(in_rate, device=device)
    for _ in train_online(in_rate, images.train_x, images.train_t, n_samples=samples, data_seed=seed):
        pass
    spiking.train(images.train_x, images.train_t, sample_order(len(images.train_y), samples, seed), seed=seed)
    in_spikes.load_state_dict(spiking.state_dict())
    x, y = images.test_x[:patterns], images.test_y[:patterns]
    tables = []
    for network, learned in ((in_rate, "rate"), (in_spikes, "spikes")):
        frames = {how: [measured(answers(network, x, how, seed, device), y)] for how in ("rate", "spikes")}
        frames["rate"].append(fields_of(network, x, images.shape))  # they depend on the weights alone
        tables += [
            pd.concat(found, ignore_index=True).assign(learned=learned, answered=answered, seed=seed)
            for answered, found in frames.items()
        ]
    return pd.concat(tables, ignore_index=True)


def answers(network: RateNetwork, x: np.ndarray, answered: str, seed: int, device: str) -> dict[str, np.ndarray]:
    """Settled activities, or spike counts of one presentation in the same unit, of the excitatory populations."""
    names = [p.name for p in network.circuit.populations[1:] if p.cell == "E"]
    if answered == "rate":
        settled = network.present(x).activity
        return {name: settled[name][:, network.circuit.forward_steps - 1] for name in names}
    counted = SpikingNetwork(network, device=device).respond(x, seed=seed).counted
    return {name: counted[name][:, 0] for name in names}


def measured(activity: dict[str, np.ndarray], labels: np.ndarray) -> pd.DataFrame:
    """Tidy: ``population, measure, value``, one row per pattern, unit, pair or population."""
    rows = []
    for name, A in activity.items():
        by_class = similarity_by_class(similarity(A), labels)
        within, between = (np.concatenate(list(kind.values())) for kind in by_class)
        found = {
            "sparsity": sparsity(A), "selectivity": selectivity(A), "discriminability": discriminability(A),
            "similarity within classes": within, "similarity between classes": between,
            "dimensionality": [dimensionality(A)],
        }  # fmt: skip
        rows += [pd.DataFrame({"population": name, "measure": m, "value": thinned(v)}) for m, v in found.items()]
    right = (list(activity.values())[-1].argmax(axis=1) == labels).mean()
    rows.append(pd.DataFrame({"population": name, "measure": "accuracy", "value": [right]}))
    return pd.concat(rows, ignore_index=True)


def thinned(values) -> np.ndarray:
    """At most `N_PAIRS` values: of more there are quantiles, which keep shape and mean."""
    values = np.asarray(values, float)
    if len(values) <= N_PAIRS:
        return values
    return np.quantile(values, (np.arange(N_PAIRS) + 0.5) / N_PAIRS)


def fields_of(network: RateNetwork, x: np.ndarray, shape: tuple[int, int] | None) -> pd.DataFrame:
    """The structure of maximally activating receptive fields, |Moran's I|, of the hidden excitatory populations."""
    if shape is None:
        return pd.DataFrame({"population": [], "measure": [], "value": []})
    hidden = [p.name for p in network.circuit.populations[1:] if p.cell == "E" and p != network.circuit.output]
    rows = []
    for name in hidden:
        images = maximally_activating_fields(network, name, x).reshape(-1, *shape)
        rows.append(pd.DataFrame({"population": name, "measure": "structure", "value": np.abs(morans_i(images))}))
    return pd.concat(rows, ignore_index=True).dropna()  # units that no image drives have no field


def means_of(table: pd.DataFrame) -> pd.DataFrame:
    keys = ["population", "measure", "learned", "answered", "seed"]
    return table.groupby(keys, sort=False)["value"].agg(["mean", "std", "count"]).reset_index()


def differences_of(means: pd.DataFrame) -> pd.DataFrame:
    """Paired by seed, with the 95 % interval of Student's t: what learning, and what answering in spikes changes."""
    wide = means.pivot_table(
        index=["population", "measure", "seed"], columns=["learned", "answered"], values="mean", sort=False
    )
    effects = {
        "learned in spikes": ("spikes", "rate"),
        "answered in spikes": ("rate", "spikes"),
        "both": ("spikes", "spikes"),
    }
    rows = []
    for (population, measure), group in wide.groupby(level=["population", "measure"], sort=False):
        for effect, condition in effects.items():
            rate = group["rate", "rate"]
            if condition not in wide or group[condition].isna().all():
                continue
            apart = group[condition] - rate
            low, high = interval(apart)
            rows.append(
                {
                    "population": population, "measure": measure, "effect": effect, "rate": rate.mean(),
                    "spikes": group[condition].mean(), "difference": apart.mean(), "low": low, "high": high,
                    "seeds": len(apart),
                }
            )  # fmt: skip
    return pd.DataFrame(rows)


if __name__ == "__main__":
    run_script(main)
