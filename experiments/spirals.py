"""The spirals in spikes: the published circuit of dendritic target propagation, whose biases learn, and its rate twin.

Galloni et al. 2026 (Cell Reports 45:117159, doi:10.1016/j.celrep.2026.117159) train with 5,600 points on four spiral
arms, one at a time, for one pass, with constant learning rates. Seeds of weights and of the order of points are 66049
and 257, 66050 and 258, and so on. A network that learns in spikes begins with the weights and biases of its rate twin
and sees the same points in the same order. On and off cells carry the signed coordinates. Two controls learn in the
same way: with hidden layers that stay as they were drawn, and from shuffled targets.

Learning curves are measured on validation points; test points are shown once to each network at its end, with its last
weights and with the mean of those of the last quarter (``spikedtp train --average-last``). The settings in spikes were
chosen on validation points, with other seeds.

    python experiments/spirals.py --out results/spirals

Every training and every test is a job of its own (a ``spikedtp sweep`` in OUT/trained and in OUT/tested): finished jobs
are kept, and an interrupted run continues. ``--quick`` runs two seeds and few points, which shows nothing but that the
script runs.

To expect: docs/your_data.md has the table.
"""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import typer
from figures.spirals import spirals_figure
from swept import swept, tested_once

from spikedtp.circuit import Circuit, read_circuit
from spikedtp.cli import run_script
from spikedtp.datasets import Dataset, load
from spikedtp.rate import load_rate_network
from spikedtp.records import save_figure, staged, write_manifest, write_summary, write_table

CIRCUIT = "spirals_dtp"
FIRST_SEED, FIRST_DATA_SEED = 66049, 257
#: Two inputs drive all cells, and few interneurons reach many: more spikes of these make the noise smaller.
SPIKERS = {"E": 4, "SomaI": 16, "DendI": 16}
IN_SPIKES = {"on-off": True, "unit-rates": {"InputE": 690.0}}
LEARNING, FROZEN, SHUFFLED = "all layers learn", "hidden layers frozen", "shuffled targets"
REACH, POINTS = 1.5, 151  # of the decision maps


def main(
    out: Path = typer.Option(Path("results/spirals"), help="Folder for the results."),
    seeds: int = typer.Option(3, min=1, help="How many pairs of seeds."),
    first: int = typer.Option(0, min=0, help="Number of the first pair; 0 is 66049 and 257."),
    samples: int = typer.Option(5600, min=10, help="Presentations."),
    jobs: int = typer.Option(None, min=1, help="Processes. Default: one for each core."),
    device: str = typer.Option(None, help="cpp_standalone or runtime; default: C++ where it compiles."),
    quick: bool = typer.Option(False, help="Two seeds, 10 points, short presentations."),
) -> None:
    """Test accuracy after learning in rate and in spikes, and of two controls."""
    started, populations = time.perf_counter(), read_circuit(CIRCUIT).populations[1:]
    spiking: dict[str, Any] = {**IN_SPIKES, "spikers": {p.name: SPIKERS[p.cell] for p in populations}}
    asked: dict[str, Any] = {"scale": "raw", "data": "spirals", "device": device}
    if quick:
        seeds, samples, asked["samples"] = 2, 10, 4
        spiking |= {"settle": 60.0, "read": 40.0, "phases": {"nudge": "60*ms", "wait": "20*ms"}}
    controls = _controls(out / "controls", few=quick)
    base: dict[str, Any] = {"schedule": "constant", "samples": samples, "scale": "raw", "device": device}
    ends = {"probe-every": samples // 10, "keep-at": [samples], "average-last": samples // 4}
    listed = [
        {"seed": FIRST_SEED + n, "data-seed": FIRST_DATA_SEED + n, "mode": mode, "circuit": circuit, "data": data}
        | (spiking if mode == "spiking" else {})
        for circuit, data in controls.values()
        for mode in ("rate", "spiking")
        for n in range(first, first + seeds)
    ]
    trained = swept("train", base | ends, listed, out / "trained", jobs)
    names = {what: name for name, what in controls.items()}
    networks = pd.DataFrame(
        {"control": names[row.circuit, row.data], "learned": row.mode, "seed": row.seed, "weights": which,
         "file": str(out / "trained" / "jobs" / row.job / file), "circuit": row.circuit, "job": row.job}
        for row in trained.itertuples()
        for which, file in (("last", f"weights_{samples}.pt"), ("mean", "weights.pt"))
    )  # fmt: skip
    networks = tested_once(networks, asked, spiking, out / "tested", jobs)
    curves = pd.concat(
        pd.read_csv(out / "trained" / "jobs" / row.job / "learning_curve.csv").assign(
            control=names[row.circuit, row.data], learned=row.mode, seed=row.seed
        )
        for row in trained.itertuples()
    )
    means = networks.groupby(["control", "learned", "weights"], sort=False)[["test", "test_in_spikes"]]
    summary = means.agg(["mean", "sem"])
    summary.columns = [f"{name}.{what}" for name, what in summary.columns]
    with staged(out) as folder:
        write_table(folder, "networks", networks.drop(columns=["file", "job"]))
        write_table(folder, "accuracies", summary.reset_index())
        write_table(folder, "curves", curves)
        save_figure(folder, "spirals", spirals_figure(curves, networks, decisions(networks, seed=FIRST_SEED + first)))
        flat = {f"{' '.join(key)}.{name}": value for key, row in summary.iterrows() for name, value in row.items()}
        write_summary(folder, {name: value for name, value in flat.items() if not pd.isna(value)})
        write_manifest(
            folder,
            configuration=base | ends | {"in spikes": spiking, "quick": quick},
            seeds={"seed": FIRST_SEED + first, "data_seed": FIRST_DATA_SEED + first, "n": seeds},
            timings={"all": time.perf_counter() - started},
            choices="validation points alone, with other seeds; test points were shown once to each network",
        )
    typer.echo((100 * summary).round(2).to_string())
    typer.echo(f"results in {out}")


def frozen_hidden(circuit: Circuit) -> Circuit:
    """The circuit in which only what arrives at the somas of the output learns, and their bias."""
    output = circuit.output.name
    return replace(
        circuit,
        projections=tuple(p if p.post == output else replace(p, rule=None) for p in circuit.projections),
        populations=tuple(p if p.name == output else replace(p, bias_rule=None) for p in circuit.populations),
    )


def _controls(folder: Path, few: bool) -> dict[str, tuple[str, str]]:
    """Circuit and data of each control, some in files that are written once; with `few`, there are few points."""
    folder.mkdir(parents=True, exist_ok=True)
    circuit, validation = folder.absolute() / "frozen_hidden.yaml", "spirals:validation"
    if not circuit.is_file():
        frozen_hidden(read_circuit(CIRCUIT)).to_yaml(circuit)
    found = load(validation, scale="raw")
    shuffled = _points(folder / "shuffled.npz", found, np.random.default_rng(0).permutation(found.train_y), few)
    data = _points(folder / "few.npz", found, found.train_y, few) if few else validation
    return {LEARNING: (CIRCUIT, data), FROZEN: (str(circuit), data), SHUFFLED: (CIRCUIT, shuffled)}


def _points(file: Path, found: Dataset, labels: np.ndarray, few: bool) -> str:
    """Training points with these labels, and validation points, as `--data` names them."""
    if not file.is_file():
        shown = slice(None, None, 300 if few else 1)
        np.savez(
            file, train_x=found.train_x, train_y=labels, test_x=found.test_x[shown], test_y=found.test_y[shown]
        )  # fmt: skip
    return f"npz:{file.absolute()}"


def decisions(networks: pd.DataFrame, seed: int) -> dict[str, np.ndarray]:
    """What the two networks of a seed answer in rate, over the plane: how they learned -> (points, points) arms."""
    axis = np.linspace(-REACH, REACH, POINTS, dtype=np.float32)
    plane = np.stack(np.meshgrid(axis, axis), axis=-1).reshape(-1, 2)
    shown = networks[(networks["control"] == LEARNING) & (networks["weights"] == "mean") & (networks["seed"] == seed)]
    return {
        row.learned: load_rate_network(row.circuit, row.file).predict(plane).reshape(POINTS, POINTS)
        for row in shown.itertuples()
    }


if __name__ == "__main__":
    run_script(main)
