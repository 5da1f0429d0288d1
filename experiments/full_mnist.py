"""The published protocol on all of MNIST: seven models, five pairs of seeds, learned in rate and in spikes.

Galloni et al. 2026 (Cell Reports 45:117159, doi:10.1016/j.celrep.2026.117159) train with 50,000 of the 60,000 images,
one at a time, for one pass, with constant learning rates; the last 10,000 are for validation, the 10,000 of t10k for
the test. Seeds of weights and of the order of images are 66049 and 257, 66050 and 258, and so on. Here learning curves
are measured on the validation images; test images are shown once to each network that is reported, after everything was
chosen. Networks that learn in spikes begin with the same weights, and see the same images in the same order.

From each run three networks are reported: after 20,000 and after all presentations, and with the mean of the weights of
the last fifth (``spikedtp train --average-last``). All of them are asked in rate. Those that learned in spikes are
asked also in spikes, after all presentations.

    python experiments/full_mnist.py --data mnist:DIR --out results/full_mnist
    python experiments/full_mnist.py --data digits --samples 6000 --keep-at 3000 --validation 300 --out results/digits

Every training and every test is a job of its own (a ``spikedtp sweep`` in OUT/trained and in OUT/tested): finished jobs
are kept, and an interrupted run continues. ``--models`` and ``--modes`` run some of them; the tables and the figure are
then about these.

To expect (test, mean of the last weights, five pairs of seeds): 95.4 % for 5J in rate and 95.3 % in spikes, 94.6 and
94.4 % for BTSP, 97.3 % for backprop with Dale's law. docs/learning_in_spikes.md has the tables, and says why spiking
networks fire as they do here (``--in-spikes``). A training of 50,000 presentations takes about two minutes of processor
time in rate, and five to seven in spikes (four with ``--in-spikes '{}'``).
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import typer
from figures.full_mnist import full_mnist_figure
from intervals import interval
from swept import swept, tested_once

from spikedtp.circuit.fields import plain_yaml
from spikedtp.cli import run_script
from spikedtp.errors import SpikedtpError, known_names
from spikedtp.records import save_figure, staged, write_manifest, write_summary, write_table

FIRST_SEED, FIRST_DATA_SEED = 66049, 257
MODELS = {  # of MNIST, of digits
    "5J": ("mnist_dtp_one_pass", "digits_dtp"),
    "BTSP": ("mnist_btsp", "digits_btsp"),
    "temporal contrast": ("mnist_temporal_contrast", "digits_temporal_contrast"),
    "supervised BCM": ("mnist_supervised_bcm", "digits_supervised_bcm"),
    "Hebb + weight norm": ("mnist_hebb_weight_norm", "digits_hebb_weight_norm"),
    "learned top-down": ("mnist_dtp_learned_top_down", "digits_dtp_learned_top_down"),
    "Dale backprop": ("mnist_backprop_dale", "digits_backprop_dale"),
}
IN_SPIKES = ("5J", "BTSP", "learned top-down")
SPIKES = (  # nothing saturates, and little noise is left: experiments/parity.py
    "{firing: regular, unit_rate: 150, unit_rates: {OutputE: 40}, spikers: {H1E: 3, H2E: 3, OutputE: 16, H1SomaI: 12, "
    "H2SomaI: 12, OutputSomaI: 12, H1DendI: 12, H2DendI: 12}}"
)
N_PROBES = 10


def main(
    data: str = typer.Option(..., help="mnist:DIR or digits."),
    out: Path = typer.Option(Path("results/full_mnist"), help="Folder for the results."),
    models: str = typer.Option(",".join(MODELS), help="Which, separated by commas."),
    modes: str = typer.Option("rate,spiking", help="How they learn; in spikes: " + ", ".join(IN_SPIKES) + "."),
    samples: int = typer.Option(50_000, min=N_PROBES, help="Presentations."),
    keep_at: int = typer.Option(20_000, min=1, help="Presentations after which a network is reported, too."),
    validation: int = typer.Option(10_000, min=1, help="Training samples that are held out, from the end."),
    seeds: int = typer.Option(5, min=1, help="How many pairs of seeds."),
    first: int = typer.Option(0, min=0, help="Number of the first pair; 0 is 66049 and 257."),
    schedule: str = typer.Option("constant", help="Of the learning rates."),
    in_spikes: str = typer.Option(SPIKES, help="Settings of spiking networks, as YAML; {} for the usual ones."),
    jobs: int = typer.Option(None, min=1, help="Processes. Default: one for each core."),
    device: str = typer.Option(None, help="cpp_standalone or runtime; default: C++ where it compiles."),
    tested: bool = typer.Option(True, help="Show the test images; without, only validation accuracies are reported."),
) -> None:
    """Accuracy of all models after training in rate and in spikes."""
    started, kind = time.perf_counter(), data.partition(":")[0]
    if kind not in ("mnist", "digits"):
        raise SpikedtpError(f"--data {data}: this experiment is about mnist:DIR and digits")
    names, ways = models.split(","), modes.split(",")
    for name in names:
        if name not in MODELS:
            raise known_names("model", name, MODELS)
    for way in ways:
        if way not in ("rate", "spiking"):
            raise known_names("mode", way, ("rate", "spiking"))
    spikes = plain_yaml(in_spikes, "--in-spikes")
    if not isinstance(spikes, dict):
        raise SpikedtpError(f"--in-spikes {in_spikes}: expected settings, such as '{{firing: lif}}'")
    circuits = {MODELS[name][kind == "digits"]: name for name in names}
    runs = [(c, mode) for mode in ways for c, name in circuits.items() if mode == "rate" or name in IN_SPIKES]
    pairs = [
        {"seed": FIRST_SEED + n, "data-seed": FIRST_DATA_SEED + n, "circuit": circuit, "mode": mode}
        | (spikes if mode == "spiking" else {})
        for circuit, mode in runs
        for n in range(first, first + seeds)
    ]
    base: dict[str, Any] = {"data": data, "validation": validation, "validation-from": "end", "samples": samples}
    base |= {"schedule": schedule, "keep-at": sorted({keep_at, samples}), "average-last": samples // 5}
    base |= {"probe-every": samples // N_PROBES, "device": device}
    trained = swept("train", base, pairs, out / "trained", jobs)
    networks = pd.concat(
        [_networks(row, circuits, out / "trained", keep_at) for _, row in trained.iterrows()], ignore_index=True
    )
    if tested:
        ends = networks["presentations"] == samples
        networks = tested_once(networks, {"data": data, "device": device}, spikes, out / "tested", jobs, answering=ends)
    curves = pd.concat([_curve(row, circuits, out / "trained") for _, row in trained.iterrows()])
    means = networks.groupby(["model", "learned", "presentations", "weights"], sort=False)
    accuracies = [name for name in networks if str(name).startswith(("test", "validation"))]
    summary = means[accuracies].agg(["mean", "sem"])
    summary.columns = [f"{name}.{what}" for name, what in summary.columns]
    summary.insert(0, "n_seeds", means.size())
    with staged(out) as folder:
        write_table(folder, "networks", networks.drop(columns="file"))
        write_table(folder, "accuracies", summary.reset_index())
        write_table(folder, "curves", curves)
        if "rate" in ways and "spiking" in ways:
            write_table(folder, "spikes_minus_rate", paired(networks, accuracies))
        save_figure(folder, "full_mnist", full_mnist_figure(curves, networks))
        write_summary(folder, {"n_networks": len(networks), "n_trainings": len(trained), "data": kind})
        write_manifest(
            folder,
            configuration=base | {"models": models, "modes": modes, "in-spikes": spikes},
            seeds={"seed": FIRST_SEED + first, "data_seed": FIRST_DATA_SEED + first, "n": seeds},
            timings={"all": time.perf_counter() - started},
            choices="validation images alone; test images were shown once to each network that is reported",
        )
    typer.echo((100 * summary.filter(like=".mean")).round(2).to_string())
    typer.echo(f"results in {out}")


def paired(networks: pd.DataFrame, accuracies: list[str]) -> pd.DataFrame:
    """Accuracy after learning in spikes minus that of the rate twin of the same seed: mean and 95 % interval.

    In the columns ``..._in_spikes`` the spiking network answers in spikes, and its twin in rate.
    """
    keys, rows = ["model", "presentations", "weights", "seed"], []
    both = networks.set_index([*keys, "learned"]).unstack("learned")
    for (model, presentations, weights), part in both.groupby(level=keys[:3], sort=False):
        for name in accuracies:
            twin = name.removesuffix("_in_spikes")
            d = (part[name, "spiking"] - part[twin, "rate"]).dropna().to_numpy() if (name, "spiking") in part else []
            if len(d):
                low, high = interval(d)
                row = {"model": model, "presentations": presentations, "weights": weights, "accuracy": name}
                rows.append(row | {"difference": np.mean(d), "low": low, "high": high, "n_seeds": len(d)})
    return pd.DataFrame(rows)


def _networks(row: pd.Series, circuits: dict[str, str], out: Path, keep_at: int) -> pd.DataFrame:
    """The networks that a training leaves, with their files."""
    folder = out / "jobs" / row["job"]
    curve = pd.read_csv(folder / "learning_curve.csv").set_index("samples")["accuracy_rate"]
    spiking = row["mode"] == "spiking"
    ends = {
        (keep_at, "last"): (f"weights_{keep_at}.pt", curve[keep_at], None),
        (row["samples"], "last"): (
            f"weights_{row['samples']}.pt", curve[row["samples"]],
            row["validation_accuracy_of_last_weights"] if spiking else None,
        ),
        (row["samples"], "mean"): (
            "weights.pt", row["validation_accuracy_in_rate" if spiking else "validation_accuracy"],
            row["validation_accuracy"] if spiking else None,
        ),
    }  # fmt: skip
    return pd.DataFrame(
        {
            "model": circuits[row["circuit"]], "circuit": row["circuit"], "learned": row["mode"], "seed": row["seed"],
            "presentations": n, "weights": which, "file": str(folder / file), "validation": rate,
            "validation_in_spikes": np.nan if spikes is None else spikes,
        }
        for (n, which), (file, rate, spikes) in ends.items()
    )  # fmt: skip


def _curve(row: pd.Series, circuits: dict[str, str], out: Path) -> pd.DataFrame:
    curve = pd.read_csv(out / "jobs" / row["job"] / "learning_curve.csv")
    return curve.assign(model=circuits[row["circuit"]], learned=row["mode"], seed=row["seed"])


if __name__ == "__main__":
    run_script(main)
