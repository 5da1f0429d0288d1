"""How well and how fast does the rate network learn MNIST, one image at a time?

Claim: the rate side of spikedtp learns as EIANN does (Galloni et al. 2026, Cell Reports 45:117159,
doi:10.1016/j.celrep.2026.117159; github.com/Milstein-Lab/EIANN) and takes less time for an online step, on one thread,
than a plain loop over the same equations in torch.

What differs: the images. EIANN's accuracies here come from one network seed (66049), 8,000 steps on images 0 to 7,999
of MNIST's t10k set and a test on the other 2,000; ours from one pass over the training half of the folder given.

To expect, 7,500 images, network and data seeds 0, 1, 2, 1,500 test images; ms on two shared AMD EPYC cores:

                     accuracy (%), anneal   EIANN's   ms a step (least disturbed)   torch loop   EIANN
    5J               92.5 ± 0.2             90.8      1.1                           3.4           7.3
    BTSP             93.1 ± 2.5             92.3      2.6                           7.4          19.9
    TCH              84.9 ± 2.5             85.9      1.8                           6.2
    supervised BCM   43 ± 17                47.4      1.7                           5.7
    backprop, Dale   93.6 ± 5.3             94.0      2.9                           3.3
    2L               86.7 ± 1.1             84.5      1.6                           5.6          16.8

    python experiments/benchmarks/rate_training.py --data mnist:DIR --out results/rate_training

Finished accuracies are kept in OUT/runs; times are measured anew, the two programs taking turns, and the programs'
weights are held against each other, so that both do the same work.
"""

from __future__ import annotations

import itertools
import json
import os
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import torch
import typer
from tqdm import tqdm

from spikedtp import datasets
from spikedtp.cli import run_script
from spikedtp.rate import load_rate_network
from spikedtp.rate.online import train_online
from spikedtp.records import staged, write_manifest, write_summary, write_table
from spikedtp.schedules import schedule_named

sys.path.insert(0, str(Path(__file__).parent))
from plain_torch import PlainTorch

# circuit, EIANN's accuracy, EIANN's ms for a step (on a quiet machine of this kind)
MODELS = {
    "5J": ("mnist_dtp_one_pass", 0.908, 7.3),
    "BTSP": ("mnist_btsp", 0.923, 19.9),
    "TCH": ("mnist_temporal_contrast", 0.859, None),
    "supervised BCM": ("mnist_supervised_bcm", 0.474, None),
    "backprop, Dale": ("mnist_backprop_dale", 0.940, None),
    "2L": ("mnist_dtp_equilibrated", 0.845, 16.8),
}
SCHEDULES = ("anneal", "constant")
ROUND = 50  # steps that one program takes before it is the other's turn


def main(
    data: str = typer.Option(..., help="mnist:DIR."),
    out: Path = typer.Option(Path("results/rate_training"), help="Folder for the results."),
    quick: bool = typer.Option(False, help="Few steps and one seed: does it run?"),
    seed: int = typer.Option(0, min=0, help="The first seed, of weights and order of images."),
    seeds: int = typer.Option(3, min=1, help="How many seeds."),
    samples: int = typer.Option(7500, min=1, help="Presentations."),
    steps: int = typer.Option(1000, min=1, help="Timed steps of each program and model."),
    schedule: list[str] = typer.Option(SCHEDULES, help="Of the learning rates; may be given twice."),
) -> None:
    """Test accuracy after one epoch of MNIST, and milliseconds for an online step."""
    if quick:
        seeds, samples, steps = 1, min(samples, 200), min(steps, 100)
    for name in schedule:
        schedule_named(name)
    torch.set_num_threads(1)
    dataset = datasets.load(data)
    with staged(out) as folder:
        speed = pd.DataFrame([_time(name, dataset, steps, seed) for name in tqdm(MODELS, desc="speed", unit="model")])
        runs = list(itertools.product(schedule, range(seed, seed + seeds), MODELS))
        with tqdm(total=len(runs) * samples, unit="image", disable=None) as bar:
            accuracy = pd.DataFrame([_train(out / "runs", dataset, samples, *run, bar) for run in runs])
        table = _table(accuracy, speed, schedule)
        write_table(folder, "speed", speed)
        write_table(folder, "accuracy", accuracy)
        write_table(folder, "rate_training", table)
        rows = table.set_index("model").to_dict(orient="index")
        write_summary(folder, {f"{name}.{key}": value for name, row in rows.items() for key, value in row.items()})
        write_manifest(
            folder,
            configuration=dict(data=data, samples=samples, seeds=seeds, steps=steps, schedule=schedule, quick=quick),
            seeds={f"seed_{k}": seed + k for k in range(seeds)},
            load_average=os.getloadavg(),
        )
    typer.echo(table.to_string(index=False, float_format=lambda value: f"{value:.3f}"))
    typer.echo(f"results in {out}")


def _time(name: str, dataset, n_steps: int, seed: int) -> dict:
    """Median milliseconds of a step for both programs, on the same images, by turns."""
    network = load_rate_network(MODELS[name][0], seed=seed)
    plain = PlainTorch(network.circuit, network.weights)
    order = np.random.default_rng(seed).permutation(len(dataset.train_x))[: n_steps + ROUND]
    order = np.resize(order, n_steps + ROUND)  # a small training set is gone through again
    x, target = dataset.train_x[order], dataset.train_t[order]
    tensors = torch.from_numpy(x), torch.from_numpy(target)
    times: dict[str, list[float]] = {"spikedtp": [], "torch": []}
    for start in range(0, n_steps + ROUND, ROUND):
        for program in times:
            for k in range(start, min(start + ROUND, n_steps + ROUND)):
                began = time.perf_counter()
                if program == "spikedtp":
                    network.train_step(x[k], target[k])
                else:
                    plain.train_step(tensors[0][k], tensors[1][k])
                if start:  # the first round warms up
                    times[program].append(1e3 * (time.perf_counter() - began))
    ours, theirs = (float(np.median(times[program])) for program in times)
    return {
        "model": name,
        "ms_spikedtp": ours,
        "ms_plain_torch": theirs,
        "ms_eiann": MODELS[name][2],
        "times_faster_than_torch": theirs / ours,
        "ms_spikedtp_quartiles": "{:.2f} to {:.2f}".format(*np.quantile(times["spikedtp"], (0.25, 0.75))),
        "ms_plain_torch_quartiles": "{:.2f} to {:.2f}".format(*np.quantile(times["torch"], (0.25, 0.75))),
        "n_steps": n_steps,
        "weights_differ_by": _difference(name, x, target, seed),
    }


def _difference(name: str, x: np.ndarray, target: np.ndarray, seed: int) -> float:
    """How far the weights of both programs are apart after five steps, relative to a projection's largest.

    Later, float32 rounding decides which cells at threshold are silent, and differences grow by themselves.
    """
    network = load_rate_network(MODELS[name][0], seed=seed)
    plain = PlainTorch(network.circuit, network.weights)
    for k in range(5):
        network.train_step(x[k], target[k])
        plain.train_step(torch.from_numpy(x[k]), torch.from_numpy(target[k]))
    ours, theirs = network.weights, plain.weights
    return max(float(np.abs(ours[key] - theirs[key].numpy()).max() / np.abs(ours[key]).max()) for key in ours)


def _train(folder: Path, dataset, n_samples: int, schedule: str, seed: int, name: str, bar: tqdm) -> dict:
    """Test accuracy after training, kept in one small file."""
    circuit = MODELS[name][0]
    wanted = {"model": name, "seed": seed, "schedule": schedule, "samples": n_samples, "data": dataset.name}
    path = folder / f"{circuit}_{schedule}_seed{seed}.json"
    try:
        kept = json.loads(path.read_text(encoding="utf-8"))
        if {key: kept[key] for key in wanted} == wanted:
            bar.update(n_samples)
            return kept
    except (OSError, ValueError, KeyError):
        pass
    network = load_rate_network(circuit, seed=seed)
    bar.set_description(f"{name}, {schedule}, seed {seed}")
    began = time.perf_counter()
    for _ in train_online(
        network, dataset.train_x, dataset.train_t, n_samples=n_samples, data_seed=seed, schedule=schedule
    ):
        bar.update()
    seconds = time.perf_counter() - began
    found = wanted | {
        "accuracy": float((network.predict(dataset.test_x) == dataset.test_y).mean()),
        "n_test": len(dataset.test_y),
        "seconds": seconds,
    }
    folder.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".partial")
    partial.write_text(json.dumps(found) + "\n", encoding="utf-8")
    os.replace(partial, path)
    return found


def _table(accuracy: pd.DataFrame, speed: pd.DataFrame, schedules: list[str]) -> pd.DataFrame:
    """One row a model: mean and sd of the accuracies in percent, EIANN's, and the times."""
    rows = []
    for name, (_, published, _) in MODELS.items():
        row: dict = {"model": name}
        for schedule in schedules:
            found = 100 * accuracy.query("model == @name and schedule == @schedule")["accuracy"]
            row |= {f"{schedule}_mean": found.mean(), f"{schedule}_sd": found.std()}
        rows.append(row | {"eiann": 100 * published})
    wanted = ["model", "ms_spikedtp", "ms_plain_torch", "ms_eiann", "times_faster_than_torch"]
    return pd.DataFrame(rows).merge(speed[wanted], on="model")


if __name__ == "__main__":
    run_script(main)
