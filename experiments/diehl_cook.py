"""A spiking network learns handwritten digits without labels, in minutes.

Claim (Diehl & Cook 2015, Front. Comput. Neurosci. 9:99, doi:10.3389/fncom.2015.00099): excitatory cells that inhibit
each other, with adaptive thresholds and STDP, come to stand for digits; classes are only used to name the cells
afterwards. With 400 cells and three or more passes over the 60,000 images of MNIST, 87 % of the test images are right
(82.9 % with 100 cells, 91.9 % with 1,600).

What differs from the authors' program: docs/diehl_cook.md has the list.

The accuracy while it learns is that of each part of the images, with the cells named after their spikes for the part
before. At the end cells are named after their answers to the first training images. Test images are only used once,
for the result.

    python experiments/diehl_cook.py --data mnist:DIR --cells 400 --out results/diehl_cook

Finished parts are kept in OUT/parts: an interrupted run continues, with the same bytes as one that was not.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
import pandas as pd
import typer
from brian2 import ms, mV
from figures.diehl_cook import fields_figure, results_figure
from processor_time import cpu_seconds
from tqdm import tqdm

from spikedtp import SpikedtpError, datasets
from spikedtp.cli import run_script
from spikedtp.records import read_arrays, save_figure, staged, write_manifest, write_summary, write_table
from spikedtp.spiking import DiehlCookNetwork, DigitState, default_device, label_cells, predicted_classes

PART = 10_000  # images


def main(
    out: Path = typer.Option(Path("results/diehl_cook"), help="Folder for the results."),
    quick: bool = typer.Option(False, help="20 cells and a few images: does it work?"),
    seed: int = typer.Option(0, min=0, help="Of weights, delays and input spikes."),
    data: str = typer.Option(..., help="mnist:DIR, the folder with MNIST's files."),
    cells: int = typer.Option(400, help="Excitatory cells."),
    images: int = typer.Option(None, min=1, help="How many training images; default: all."),
    passes: int = typer.Option(1, min=1, help="How often the training images are shown."),
    naming: int = typer.Option(10_000, min=1, help="Training images after which cells are named."),
    timer: float = typer.Option(50.0, min=0.0, help="Shortest time between spikes of an excitatory cell, in ms."),
    weight_sum: float = typer.Option(78.0, help="Sum of the weights of a cell."),
    theta_plus: float = typer.Option(0.05, min=0.0, help="How much a spike raises its cell's threshold, in mV."),
    device: str = typer.Option(None, help="cpp_standalone or runtime; default: C++ where it compiles."),
) -> None:
    """Learn, name the cells, and test."""
    loaded = datasets.load(data)
    if loaded.shape is None or not len(loaded.train_x) or not len(loaded.test_x):
        raise SpikedtpError(f"--data {data}: images for training and for testing are needed: give mnist:DIR")
    cells, images, naming, part = (20, 40, 40, 20) if quick else (cells, images, naming, PART)
    constants = {"timer": timer * ms, "weight_sum": weight_sum, "theta_plus": theta_plus * mV}
    network = DiehlCookNetwork(n_inputs=loaded.train_x.shape[1], n_cells=cells, **constants)
    x, y = loaded.train_x[:images], loaded.train_y[:images]
    test_x, test_y = (loaded.test_x[:40], loaded.test_y[:40]) if quick else (loaded.test_x, loaded.test_y)
    options = {"data": data, "cells": cells, "images": len(x), "passes": passes, "naming": naming}
    options |= {"timer_ms": timer, "weight_sum": weight_sum, "theta_plus_mv": theta_plus}
    options |= {"device": device or default_device(), "seed": seed, "quick": quick}
    n_classes, order = loaded.train_t.shape[1], np.tile(np.arange(len(x)), passes)
    with staged(out) as folder:
        parts = Parts(out / "parts", network, seed, content(x, part), options["device"])
        state, learning = parts.learn(x, y, order, part, n_classes)
        named = answers(network, state, x[:naming], 0, options["device"], "naming cells")
        labels = label_cells(named, y[: len(named)], n_classes)
        tested = answers(network, state, test_x, len(x), options["device"], "testing")
        predicted = predicted_classes(tested, labels, n_classes)
        confusion = np.zeros((n_classes, n_classes), dtype=int)
        np.add.at(confusion, (test_y, predicted), 1)
        write_table(folder, "learning", learning)
        write_table(folder, "confusion", pd.DataFrame(confusion, columns=[f"as_{k}" for k in range(n_classes)]))
        write_table(folder, "cells", cell_table(state, labels, tested))
        save_figure(folder, "receptive_fields", fields_figure(state.weights, loaded.shape, labels))
        save_figure(folder, "results", results_figure(learning, confusion))
        summary = {
            "accuracy": float((predicted == test_y).mean()),
            "test_images": len(test_y),
            "learned_from": state.images,
            "spikes_per_image": float(np.average(learning["spikes"], weights=learning["shown"])),
            "repeated": float(np.average(learning["repeated"], weights=learning["shown"])),
            "test_spikes_per_image": float(tested.sum(axis=1).mean()),
            "cells_without_class": int((labels < 0).sum()),
            "cells_of_class": np.bincount(labels[labels >= 0], minlength=n_classes),
            "theta_mv": float(state.theta.mean() * 1e3),
        }
        write_summary(folder, summary)
        timings = {"learning": parts.seconds, "learning_ms_per_image": 1e3 * parts.seconds / max(parts.shown, 1)}
        write_manifest(
            folder, configuration=options, seeds={"seed": seed}, inputs=datasets.data_files(data), timings=timings
        )
    for key, value in summary.items():
        typer.echo(f"{key:25} {value if isinstance(value, np.ndarray) else format(value, '.6g')}")
    if parts.shown:
        typer.echo(f"{'learning':25} {timings['learning_ms_per_image']:.3g} ms CPU per image, {parts.seconds:.4g} s")
    typer.echo(f"results in {out}")


class Parts:
    """The images in parts, each kept when it is finished: the state after it, and how often each cell fired."""

    def __init__(self, folder: Path, network: DiehlCookNetwork, seed: int, images: str, device: str):
        self.folder, self.network, self.device = folder, network, device
        self.first = network.start(seed)
        self.seconds, self.shown = 0.0, 0  # of this call
        self._check({"images": images, "seed": seed})

    def _check(self, about: dict[str, str | int]) -> None:
        """Refuse parts that were learned from other images or with another seed."""
        note = self.folder / "about.json"
        if note.exists():
            before = json.loads(note.read_text(encoding="utf-8"))
            for name, value in about.items():
                if before.get(name) != value:
                    raise SpikedtpError(
                        f"{self.folder} holds parts of a run with other {name}: remove it, or name another --out"
                    )
            return
        self.folder.mkdir(parents=True, exist_ok=True)
        note.write_text(json.dumps(about), encoding="utf-8")

    def learn(
        self, x: np.ndarray, y: np.ndarray, order: np.ndarray, size: int, n_classes: int
    ) -> tuple[DigitState, pd.DataFrame]:
        """The state after all images, and a row for each part."""
        state, rows, labels = self.first, [], None
        for start in tqdm(range(0, len(order), size), desc="learning", disable=None):
            chosen = order[start : start + size]
            state, counts, tries = self._part(state, x[chosen], start + len(chosen))
            right = np.nan if labels is None else (predicted_classes(counts, labels, n_classes) == y[chosen]).mean()
            labels = label_cells(counts, y[chosen], n_classes)
            rows.append((start + len(chosen), len(chosen), right, counts.sum(axis=1).mean(), (tries > 1).mean()))
        return state, pd.DataFrame(rows, columns=["images", "shown", "accuracy", "spikes", "repeated"])

    def _part(self, state: DigitState, x: np.ndarray, done: int) -> tuple[DigitState, np.ndarray, np.ndarray]:
        """Learn from one part, or read what was kept. Only the last state is kept, and spikes after their state."""
        after, fired = (self.folder / f"{name}_{done:08}.npz" for name in ("state", "fired"))
        if fired.exists():
            found = read_arrays(fired, str(fired))
            return self.network.load(after) if after.exists() else state, found["counts"], found["tries"]
        began = cpu_seconds()
        response = self.network.learn(state, x, device=self.device)
        self.seconds, self.shown = self.seconds + cpu_seconds() - began, self.shown + len(x)
        response.state.save(after)
        with (self.folder / "partial.npz").open("wb") as file:
            np.savez_compressed(file, counts=response.counts, tries=response.tries)
        Path(file.name).replace(fired)
        (self.folder / f"state_{done - len(x):08}.npz").unlink(missing_ok=True)
        return response.state, response.counts, response.tries


def answers(
    network: DiehlCookNetwork, state: DigitState, x: np.ndarray, first: int, device: str, title: str
) -> np.ndarray:
    """Counts of spikes without learning, `(n_images, n_cells)`."""
    starts = tqdm(range(0, len(x), PART), desc=title, disable=None)
    return np.concatenate(
        [network.respond(state, x[k : k + PART], first=first + k, device=device).counts for k in starts]
    )


def cell_table(state: DigitState, labels: np.ndarray, tested: np.ndarray) -> pd.DataFrame:
    mean = tested.mean(axis=0)
    return pd.DataFrame({"class": labels, "theta_mv": state.theta * 1e3, "spikes_per_test_image": mean})


def content(x: np.ndarray, part: int) -> str:
    """What names the images and their parts."""
    return hashlib.sha256(np.ascontiguousarray(x).tobytes() + str((x.shape, part)).encode()).hexdigest()


if __name__ == "__main__":
    run_script(main)
