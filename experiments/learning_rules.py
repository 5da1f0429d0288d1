"""What do six learning rules do to a dendrite, how well do they learn, and how far from backprop do they point?

Claim (Galloni et al. 2026, Cell Reports 45:117159, doi:10.1016/j.celrep.2026.117159, Figure 7): under Dale's law,
in circuits of excitatory cells with dendrites and interneurons, rules that a dendritic signal instructs learn to
classify images; they differ in how closely their weight changes follow backprop's.

What differs: scikit-learn's 8 x 8 digits by default, on circuits with 100 E cells a layer, MNIST on request. The digits
circuit of LDS was tuned for them, BTSP, Hebb, BCM and TCH had a few rates fitted to the size, backprop nothing (said in
models/digits_*.yaml): compare angles rather than accuracies. LDS is the one-pass form. The angle is also given by
projection, for single samples, and against the bare gradient. The diagrams are drawn by the rules themselves.

To expect, digits, five seeds, last quarter of 6,000 presentations (about four minutes):

    model        accuracy (%)   angle to backprop, accumulated   single samples
    backprop      88 ± 4         49 ± 1                            0
    LDS           93.1 ± 0.5     57 ± 2                           32 ± 3
    BTSP          84 ± 3         77 ± 1                           51 ± 3
    Hebb + WN     44 ± 12        90 ± 5                           69 ± 4
    BCM           62 ± 7         94 ± 1                           82 ± 5
    TCH           83 ± 3         79 ± 3                           52 ± 6

Backprop's own accumulated change is 49° from one step on the mean loss: the online steps move the weights meanwhile.

MNIST, three seeds, last quarter of 7,500 presentations (a quarter of an hour): accuracy 92 ± 5, 91.1 ± 0.2, 92 ± 2,
68 ± 2, 44 ± 14, 83 ± 3; accumulated 47, 48, 62, 77, 90, 74°; single samples 0, 25, 50, 65, 80, 55°.

    python experiments/learning_rules.py --out results/learning_rules
    python experiments/learning_rules.py --out results/learning_rules_mnist --data mnist:DIR

Finished models and seeds are kept in OUT/runs: an interrupted run continues, a second one draws the figures at once.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import typer
from figures.rule_diagrams import angles_figure, rules_figure
from learning_curves import ANGLE_KINDS, LearningCurves, learning_curves
from tqdm import tqdm

from spikedtp import datasets
from spikedtp.circuit import Circuit, read_circuit
from spikedtp.cli import run_script
from spikedtp.errors import SpikedtpError
from spikedtp.records import save_figure, staged, write_manifest, write_summary, write_table
from spikedtp.schedules import schedule_named

MODELS = {
    "backprop": "backprop_dale",
    "LDS": "dtp",
    "BTSP": "btsp",
    "Hebb + WN": "hebb_weight_norm",
    "BCM": "supervised_bcm",
    "TCH": "temporal_contrast",
}
MNIST_NAMES = {"dtp": "dtp_one_pass"}
INTERVAL = 100  # presentations between stored steps, and in a bin of the dendritic state
N_SINGLE = 5
FORMAT = 1  # of the kept runs: raise it when what is measured changes


def main(
    out: Path = typer.Option(Path("results/learning_rules"), help="Folder for the results."),
    quick: bool = typer.Option(False, help="Two seeds and few presentations: does it run?"),
    seed: int = typer.Option(0, min=0, help="The first seed, of weights and order of samples."),
    seeds: int = typer.Option(5, min=1, help="How many seeds."),
    data: str = typer.Option("digits", help="digits or mnist:DIR."),
    samples: int = typer.Option(None, min=INTERVAL, help="Presentations; default: 6,000, or 7,500 of MNIST."),
    schedule: str = typer.Option("constant", help="Of the learning rates: constant (as published) or anneal."),
) -> None:
    """Figure 7: rule diagrams, and learning curves of six models."""
    started = time.perf_counter()
    schedule_named(schedule)
    kind = "mnist" if data.startswith("mnist") else "digits"
    samples = samples or {"mnist": 7500, "digits": 6000}[kind]
    if quick:
        seeds, samples = min(seeds, 2), min(samples, 3 * INTERVAL)
    dataset = datasets.load(data)
    circuits = {model: read_circuit(_circuit(kind, name)) for model, name in MODELS.items()}
    runs = [(model, number) for number in range(seed, seed + seeds) for model in MODELS]
    kept = out / "runs"
    with staged(out) as folder:
        tables = []
        with tqdm(total=len(runs) * samples, unit="image", smoothing=0.05, disable=None) as bar:
            for model, number in runs:
                bar.set_description(f"{model}, seed {number}")
                settings = dict(n_samples=samples, seed=number, schedule=schedule, interval=INTERVAL, n_single=N_SINGLE)
                curves = _kept_or_made(kept, model, circuits[model], dataset, settings, bar)
                tables.append(curves.table().assign(model=model, seed=number))
        table = pd.concat(tables, ignore_index=True)[["model", "seed", "measure", "name", "step", "value"]]
        summary = summarise(table)
        write_table(folder, "learning_curves", table)
        write_table(folder, "final", summary)
        save_figure(folder, "learning_rules", rules_figure(table))
        save_figure(folder, "angles", angles_figure(table))
        write_summary(folder, _flat(summary, samples, seeds, schedule))
        write_manifest(
            folder,
            configuration=dict(
                data=data, samples=samples, seeds=seeds, schedule=schedule, quick=quick, interval=INTERVAL,
                n_single=N_SINGLE, circuits={model: circuit.name for model, circuit in circuits.items()},
            ),
            seeds={f"seed_{k}": seed + k for k in range(seeds)},
            timings={"total": time.perf_counter() - started},
        )  # fmt: skip
    typer.echo(_report(summary))
    typer.echo(f"results in {out}")


def _circuit(kind: str, name: str) -> str:
    return f"{kind}_{MNIST_NAMES.get(name, name) if kind == 'mnist' else name}"


def _kept_or_made(folder: Path, model: str, circuit: Circuit, dataset, settings: dict, bar: tqdm) -> LearningCurves:
    """The curves of one model and seed: from an earlier run of the same configuration, or trained now and kept."""
    path = folder / f"{circuit.name}_seed{settings['seed']}.npz"
    configuration = {**settings, "circuit": repr(circuit), "data": _data_hash(dataset), "format": FORMAT}
    key = hashlib.sha256(json.dumps(configuration, sort_keys=True).encode()).hexdigest()
    found = _read(path, key)
    if found is not None:
        bar.update(settings["n_samples"])
        return found
    started = time.perf_counter()
    curves = learning_curves(circuit, dataset, progress=bar.update, **settings)
    _write(path, key, curves, {**settings, "circuit": circuit.name, "seconds": time.perf_counter() - started})
    return curves


def _read(path: Path, key: str) -> LearningCurves | None:
    try:
        if json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))["key"] != key:
            return None
        with np.load(path, allow_pickle=False) as arrays:
            return LearningCurves.from_arrays(dict(arrays)) if str(arrays["key"]) == key else None
    except (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile):
        return None  # not there, or not whole: made anew


def _write(path: Path, key: str, curves: LearningCurves, notes: dict) -> None:
    """Both files appear whole or not at all; the one that is looked at first comes last."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_name(f".{path.name}.partial")
        with open(partial, "wb") as file:
            np.savez_compressed(file, key=np.array(key), **curves.arrays())
        os.replace(partial, path)
        partial.write_text(json.dumps({"key": key, **notes}, indent=2) + "\n", encoding="utf-8")
        os.replace(partial, path.with_suffix(".json"))
    except OSError as error:
        raise SpikedtpError(f"{path} cannot be written ({error.strerror}); name another folder with --out") from error


def _data_hash(dataset) -> str:
    digest = hashlib.sha256()
    for array in (dataset.train_x, dataset.train_y, dataset.test_x, dataset.test_y):
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()


def summarise(table: pd.DataFrame) -> pd.DataFrame:
    """Of the last quarter of training: ``model, measure, name, mean, sd, n_seeds``, mean and sd over seeds."""
    late = table[table["step"] > 0.75 * table["step"].max()]
    each = late.groupby(["model", "measure", "name", "seed"], sort=False)["value"].mean()
    over = each.groupby(["model", "measure", "name"], sort=False).agg(["mean", "std", "count"]).reset_index()
    return over.rename(columns={"std": "sd", "count": "n_seeds"})


def _flat(summary: pd.DataFrame, samples: int, seeds: int, schedule: str) -> dict:
    found: dict = {"samples": samples, "seeds": seeds, "schedule": schedule}
    for row in summary.itertuples():
        key = f"{row.model}.{row.measure}" + ("" if row.name == "all" else f".{row.name}")
        found |= {f"{key}.mean": row.mean, f"{key}.sd": row.sd}
    return found


def _report(summary: pd.DataFrame) -> str:
    """Accuracy, dendritic state and joined angles, a line for each model."""
    wanted = summary[(summary["name"] == "all") | (summary["measure"] == "dendritic_state")]
    wanted = wanted.assign(
        column=wanted["measure"].where(wanted["name"] == "all", "dendrite " + wanted["name"]),
        text=[f"{row.mean:.3f} ± {row.sd:.3f}" for row in wanted.itertuples()],
    )
    shown = wanted.pivot(index="model", columns="column", values="text").reindex(list(MODELS)).fillna("-")
    order = ["accuracy", *(c for c in shown if c.startswith("dendrite")), *(f"angle_{kind}" for kind in ANGLE_KINDS)]
    return shown[[c for c in order if c in shown]].to_string()


if __name__ == "__main__":
    run_script(main)
