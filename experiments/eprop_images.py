"""A recurrent network of spiking cells learns digits by e-prop, and its recurrent layer is worth learning.

Claim: e-prop (Bellec et al. 2020, Nat. Commun. 11:3625, doi:10.1038/s41467-020-17236-y) trains the hidden cells of a
spiking classifier of images from eligibility traces and the errors of ten read-outs, with symmetric or with random
feedback. The control has the same cells and read-outs, but only the read-outs learn.

An image lasts 100 steps of 1 ms. Each pixel is a Poisson source of at most 0.2 spikes per step. LIF cells, all of them
connected with each other, drive read-outs with a softmax, and there is an error in the last 50 steps. Weights change
after each batch of four images (ten of MNIST), by Adam; the learning rate falls to a tenth. Paper and code of the
authors have no such task: cells, encoding and learning rates are choices of this script, made with samples that are
held out of the training part. Test samples are shown once to each finished network.

To expect (digits, seeds 0 to 2, 6,000 presentations): test accuracies of 93.9 % with symmetric and 91.1 % with random
feedback, and 85.7 % where the read-outs alone learn; 0.8 ms of CPU time for a presentation.

    python experiments/eprop_images.py --out results/eprop_images
    python experiments/eprop_images.py --data mnist:DIR --seeds 1 --out results/eprop_images_mnist
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import typer
from brian2 import ms
from figures.eprop import images_figure
from intervals import interval
from processor_time import cpu_seconds

from spikedtp import EPropNetwork
from spikedtp.cli import run_script
from spikedtp.datasets import Dataset, load
from spikedtp.errors import SpikedtpError, known_names
from spikedtp.plasticity import EProp
from spikedtp.records import save_figure, staged, write_manifest, write_summary, write_table

__all__ = ["image_network", "poisson"]

STEPS, BRIGHTEST = 100, 0.2  # of an image; spikes of a white pixel in one step
#: Data -> cells, presentations, images between updates, learning rate, images that are held out.
TASKS = {"digits": (100, 6_000, 4, 4e-3, 300), "mnist": (500, 50_000, 10, 2e-3, 10_000)}
#: What learns, and with which feedback.
MODELS = {
    "symmetric feedback": ("symmetric", ("in", "rec", "out")),
    "random feedback": ("random", ("in", "rec", "out")),
    "read-outs alone": ("symmetric", ("out",)),
}
PART, CURVE = 200, 12  # images whose spikes are drawn at once; points of a learning curve
RULE = EProp(
    t_refractory=5 * ms, loss="cross_entropy", learning_window=50 * ms, average_gradient=True, optimizer="adam",
    readout_arrival="unit",
)  # fmt: skip


def main(
    data: str = typer.Option("digits", help="digits or mnist:DIR."),
    out: Path = typer.Option(Path("results/eprop_images"), help="Folder for the results."),
    quick: bool = typer.Option(False, help="A few images and one seed: does it work?"),
    seeds: int = typer.Option(3, min=1, help="How many; from 0."),
    models: str = typer.Option(",".join(MODELS), help="Which, separated by commas."),
    recurrent: bool = typer.Option(True, help="Connections between the hidden cells."),
    presentations: int = typer.Option(None, min=CURVE, help="Images that are learned; default: 6,000 and 50,000."),
    tested: bool = typer.Option(True, help="Show the test images; without, accuracies are those of held-out images."),
) -> None:
    """Accuracy of networks that learned by e-prop, with their learning curves."""
    kind, names = data.partition(":")[0], [name.strip() for name in models.split(",")]
    if kind not in TASKS:
        raise known_names("data", kind, TASKS)
    for name in names:
        if name not in MODELS:
            raise known_names("model", name, MODELS)
    cells, shown, batch, rate, held_out = TASKS[kind]
    shown, seeds, cells = (240, 1, 20) if quick else (presentations or shown, seeds, cells)
    if shown % batch:
        raise SpikedtpError(f"--presentations must be a multiple of the {batch} images between updates, got {shown}")
    given = load(data)
    learned = given.validated(held_out, seed=0 if kind == "digits" else None)
    with staged(out) as folder:
        rows, curves = [], []
        for seed in range(seeds):
            for name in names:
                started = cpu_seconds()
                feedback, learns = MODELS[name]
                network = image_network(
                    given.n_inputs, 10, shown // batch, seed=seed, cells=cells, feedback=feedback, learns=learns,
                    recurrent=recurrent, learning_rate=rate,
                )  # fmt: skip
                curve, hz = learn(network, learned, shown, batch, np.random.default_rng([seed, 1]))
                cpu, judge = cpu_seconds() - started, np.random.default_rng([seed, 2])
                row = {"model": name, "seed": seed, "validation": accuracy(network, learned, judge)}
                if tested:
                    row["test"] = accuracy(network, given, judge)
                rows.append(row | {"rate_hz": hz, "cpu_ms": 1e3 * cpu / shown})
                curves.append(curve.assign(model=name, seed=seed))
                typer.echo("  ".join(f"{key} {value}" for key, value in rows[-1].items()))
        table, curve = pd.DataFrame(rows), pd.concat(curves, ignore_index=True)
        write_table(folder, "networks", table)
        write_table(folder, "curves", curve)
        save_figure(folder, "eprop_images", images_figure(curve, table))
        summary = summarised(table)
        write_summary(folder, summary)
        options = {"data": data, "cells": cells, "presentations": shown, "batch": batch, "learning_rate": rate}
        write_manifest(folder, configuration=options | {"recurrent": recurrent}, seeds={"seeds": list(range(seeds))})
    for key, value in summary.items():
        typer.echo(f"{key:40} {value:.4g}")
    typer.echo(f"results in {out}")


def image_network(
    n_in: int, n_out: int, updates: int, *, seed: int = 0, cells: int = 100, feedback: str = "symmetric",
    learns: tuple[str, ...] = ("in", "rec", "out"), recurrent: bool = True, learning_rate: float = 4e-3,
) -> EPropNetwork:  # fmt: skip
    """A network for images, whose learning rate falls to a tenth in so many updates."""
    rng = np.random.default_rng(seed)
    w_in, w_rec = (rng.standard_normal((cells, n)) / np.sqrt(n) for n in (n_in, cells))
    np.fill_diagonal(w_rec, 0)
    limit = np.sqrt(6 / (cells + n_out))
    w_out, back = rng.uniform(-limit, limit, (n_out, cells)), rng.standard_normal((cells, n_out))
    return EPropNetwork(
        replace(RULE, learning_rate=learning_rate, learning_rate_decay=0.1 ** (1 / updates)),
        w_in, w_rec * recurrent, w_out, feedback=back if feedback == "random" else feedback,
        learns=learns if recurrent else tuple(name for name in learns if name != "rec"), precision="single",
    )  # fmt: skip


def poisson(images: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Input spikes ``(samples, steps, pixels)`` of images in [0, 1]. Nothing arrives in the first step."""
    x = rng.random((len(images), STEPS, images.shape[1]), dtype=np.float32) < np.float32(BRIGHTEST) * images[:, None]
    x[:, 0] = False
    return x


def learn(
    network: EPropNetwork, data: Dataset, shown: int, batch: int, rng: np.random.Generator
) -> tuple[pd.DataFrame, float]:
    """Show training images in a drawn order: right answers before each update, and the mean rate of the cells."""
    order = np.concatenate([rng.permutation(len(data.train_x)) for _ in range(-(-shown // len(data.train_x)))])[:shown]
    right, rates, window = [], [], network.network.window(STEPS)
    for first in range(0, shown, PART):
        part = order[first : first + PART]
        response = network.learn(poisson(data.train_x[part], rng), data.train_t[part], batch_size=batch)
        right.append(response.output[:, -window:].mean(axis=1).argmax(axis=-1) == data.train_y[part])
        rates.append(response.spikes.mean() / float(network.network.dt))
    answers = np.array_split(np.concatenate(right), CURVE)
    ends = np.cumsum([len(each) for each in answers])
    return pd.DataFrame({"presentations": ends, "right": [each.mean() for each in answers]}), float(np.mean(rates))


def accuracy(network: EPropNetwork, data: Dataset, rng: np.random.Generator) -> float:
    """Of the images in the place of the test part."""
    right = 0
    for first in range(0, len(data.test_x), PART):
        part = slice(first, first + PART)
        right += int((network.predict(poisson(data.test_x[part], rng)) == data.test_y[part]).sum())
    return right / len(data.test_x)


def summarised(table: pd.DataFrame) -> dict[str, float]:
    """Means over seeds, with 95 % intervals of accuracies."""
    found = {}
    for name, of_model in table.groupby("model", sort=False):
        for measure in [column for column in table.columns if column not in ("model", "seed")]:
            found[f"{name}, {measure}"] = float(of_model[measure].mean())
            if measure in ("validation", "test") and len(of_model) > 1:
                found[f"{name}, {measure}, low"], found[f"{name}, {measure}, high"] = interval(of_model[measure])
    return found


if __name__ == "__main__":
    run_script(main)
