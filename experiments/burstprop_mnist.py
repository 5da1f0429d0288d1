"""The rate model of Burstprop on MNIST: what its published constants reach, and what makes it better.

Claim (Payeur, Guerguiev, Zenke, Richards & Naud 2021, Nat. Neurosci. 24:1010, doi:10.1038/s41593-021-00857-x,
supplement): units that send events forward and bursts back learn to classify MNIST, with 200 hidden units.

"published" has the constants of the authors' program, with one sample at a time. The other two have weights for bursts
that are random and fixed, or the transpose of those above. In them feedback is balanced, hidden layers learn faster,
predictions are so long that averages forget the sample before, five samples are shown side by side, and the learning
rate falls to 0. tau_w and homeostasis are chosen on validation images, which are taken from the training set. One of
these changes after the other is also left out there. Test images are asked after each epoch, and no choice depends on
them.

    python experiments/burstprop_mnist.py --data mnist:DIR --out results/burstprop_mnist
    python experiments/burstprop_mnist.py --data digits --seeds 5 --epochs 20 --out results/burstprop_digits

Every run is kept in OUT/runs, and an interrupted experiment continues. An epoch of MNIST takes 8 s of processor time,
and 30 s with one sample at a time. docs/burstprop.md has the numbers to expect.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import typer
from figures.burstprop_rates import rates_figure
from intervals import interval
from kept import Jobs
from processor_time import cpu_seconds

from spikedtp.cli import run_script
from spikedtp.datasets import Dataset, load
from spikedtp.errors import SpikedtpError
from spikedtp.plasticity import BurstpropRates
from spikedtp.rate import BurstpropNetwork
from spikedtp.records import save_figure, staged, write_manifest, write_summary, write_table

BETTER = {"balanced": True, "prediction": 25.0}
#: Name -> feedback, scale of random feedback, constants.
MODELS: dict[str, tuple[str, float, dict[str, Any]]] = {
    "published": ("random", 0.1, {}),
    "random": ("random", 3.0, BETTER | {"hidden_rate": 2.0}),
    "transposed": ("transposed", 0.1, BETTER | {"hidden_rate": 8.0}),
}
TRIED = [{"tau_w": tau, "homeostasis": h} for tau, h in ((10.0, 0.2), (5.0, 0.2), (3.0, 0.2), (3.0, 0.05))]
#: What is left out of the best constants, one after the other.
WITHOUT: dict[str, dict[str, Any]] = {
    "balanced feedback": {"balanced": False}, "long predictions": {"prediction": 5.0},
    "fast hidden layers": {"hidden_rate": 1.0}, "strong homeostasis": {"homeostasis": 0.05},
}  # fmt: skip
BATCH, PROBES = 5, 200


def main(
    data: str = typer.Option("digits", help="digits, mnist:DIR, or other data."),
    out: Path = typer.Option(Path("results/burstprop_mnist"), help="Folder for the results."),
    hidden: str = typer.Option("", help="Sizes of hidden layers, such as 200 or 200,100; default 200, digits 50."),
    epochs: int = typer.Option(5, min=1, help="Of the networks that are tested."),
    published_epochs: int = typer.Option(1, min=1, help="Of those with published constants."),
    validation: int = typer.Option(0, min=0, help="Validation images; default a sixth of the training set."),
    validation_epochs: int = typer.Option(1, min=1, help="For each choice."),
    seeds: int = typer.Option(3, min=1, help="Of weights, feedback and order."),
    quick: bool = typer.Option(False, help="One epoch of 100 samples, one seed, one choice."),
) -> None:
    """Choose on validation images, train, test; angles to backpropagation in each epoch."""
    began, material = cpu_seconds(), load(data)
    widths = [int(n) for n in (hidden or ("50" if data == "digits" else "200")).split(",")]
    sizes = (material.n_inputs, *widths, material.n_labels)
    held_out = material.validated(validation or len(material.train_y) // 6)
    samples = 100 if quick else None
    tried, without = TRIED[: 1 if quick else None], {} if quick else WITHOUT
    seeds, epochs = (1, 1) if quick else (seeds, epochs)
    runs, choices, rows = Jobs(out / "runs", data, sizes, BATCH, samples, validation), [], []

    def done(name: str, changes: dict, seed: int, n_epochs: int, part: Dataset, of: str) -> dict[str, Any]:
        return runs.done(
            [name, changes, seed, n_epochs, of], lambda: run(name, changes, seed, n_epochs, part, sizes, samples)
        )

    chosen: dict[str, dict] = {"published": {}}
    for name in ("random", "transposed"):
        found = [(c, done(name, c, 1000, validation_epochs, held_out, "validation")) for c in tried]
        choices += [{"model": name, "without": "", **c, **ends(one)} for c, one in found]
        chosen[name] = max(found, key=lambda one: one[1]["accuracy"][-1])[0]
        for what, changes in without.items():
            one = done(name, chosen[name] | changes, 1000, validation_epochs, held_out, "validation")
            choices.append({"model": name, "without": what, **chosen[name], **ends(one)})
    for name in ("transposed", "random", "published"):
        for seed in range(seeds):
            n_epochs = min(epochs, published_epochs) if name == "published" else epochs
            found_test = done(name, chosen[name], seed, n_epochs, material, "test")
            for epoch, accuracy in enumerate(found_test["accuracy"]):
                angles = found_test["cosines"][epoch] if epoch < len(found_test["cosines"]) else []
                row = {"model": name, "seed": seed, "epoch": epoch + 1, "accuracy": accuracy}
                rows.append(row | {f"cosine_layer{k + 1}": value for k, value in enumerate(angles)})
        typer.echo(f"{name}: done after {cpu_seconds() - began:.0f} CPU s", err=True)
    table = pd.DataFrame(rows)
    summary = {}
    for name, part in table[table["epoch"] == table.groupby("model")["epoch"].transform("max")].groupby("model"):
        low, high = interval(100 * part["accuracy"])
        summary |= {f"{name}_test": 100 * part["accuracy"].mean(), f"{name}_low": low, f"{name}_high": high}
    with staged(out / "results") as folder:
        write_table(folder, "epochs", table)
        write_table(folder, "choices", pd.DataFrame(choices))
        save_figure(folder, "burstprop_mnist", rates_figure(table))
        write_summary(folder, summary)
        write_manifest(
            folder, configuration={"data": data, "sizes": sizes, "chosen": chosen, "epochs": epochs},
            seeds={"seeds": seeds}, timings={"cpu_s": cpu_seconds() - began},
            choices=f"on {len(held_out.test_y)} validation samples, none on test samples",
        )  # fmt: skip
    typer.echo(pd.DataFrame(choices).to_string(index=False))
    for key, value in summary.items():
        typer.echo(f"{key:25} {value:.2f}")
    typer.echo(f"results in {out / 'results'}")


def run(
    name: str, changes: dict[str, Any], seed: int, epochs: int, part: Dataset, sizes: tuple[int, ...],
    samples: int | None,
) -> dict[str, Any]:  # fmt: skip
    """Train; accuracy on the second part, and the cosine of each layer's changes with gradients, after each epoch."""
    feedback, scale, constants = MODELS[name]
    rule = BurstpropRates(**(constants | changes))
    network = BurstpropNetwork(sizes, rule=rule, feedback=feedback, feedback_scale=scale, seed=seed)
    rng, n = np.random.default_rng([seed, 1]), samples or len(part.train_y)
    published, found = name == "published", {"accuracy": [], "cosines": [], "diverged": False}
    for epoch in range(epochs):
        order = rng.permutation(len(part.train_y))[:n]
        fall = 1.0 if published else 1 - (epoch * n + np.arange(n)) / (epochs * n)
        try:
            network.train(
                part.train_x[order], part.train_y[order], batch_size=1 if published else BATCH, rate_factor=fall
            )
        except SpikedtpError:
            return found | {"accuracy": [*found["accuracy"], np.nan], "diverged": True}
        found["accuracy"].append(float((network.predict(part.test_x) == part.test_y).mean()))
        found["cosines"].append(cosines(network, part.train_x[order[:PROBES]], part.train_y[order[:PROBES]]))
    return found


def cosines(network: BurstpropNetwork, x: np.ndarray, y: np.ndarray) -> list[float]:
    """Of the mean change of each layer with the mean of the gradients."""
    pairs = zip(network.delta_w(x, y).weights, network.gradients(x, y).weights, strict=True)
    means = [(a.mean(axis=0).ravel(), b.mean(axis=0).ravel()) for a, b in pairs]
    return [float(a @ b / max(np.linalg.norm(a) * np.linalg.norm(b), 1e-30)) for a, b in means]


def ends(found: dict[str, Any]) -> dict[str, Any]:
    return {"accuracy": found["accuracy"][-1], "diverged": found["diverged"]}


if __name__ == "__main__":
    run_script(main)
