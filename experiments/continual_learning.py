"""Five tasks of two digits, one after the other: what is forgotten, and what consolidation keeps.

A network learns digits 0 and 1, then 2 and 3, and so on. After each task it is asked for the test samples of all of
them, in two ways: which of ten digits it is, and which of the two digits of the task, as if somebody told the task.
Forgetting is the best minus the last accuracy of a task since it was learned, mean over all tasks but the last
(Chaudhry et al. 2018, ECCV, doi:10.1007/978-3-030-01252-6_33). The rules are those of EIANN's circuit files of
2026 (``MNIST_CL``): backprop, dendritic target propagation (DTP, ``digits_dtp``) and BTSP without the sample before
(``digits_btsp``), by themselves and with consolidation; controls are the rule alone, and all ten digits together.
"By class" instructs only the output cells of the present task (EIANN's ``task_incremental``). DTP and BTSP also learn
in spikes.

    python experiments/continual_learning.py --out results/continual_learning
    python experiments/continual_learning.py --quick
    python experiments/continual_learning.py --data mnist:DIR --samples 2000

Strengths of consolidation are chosen on validation samples, for the accuracy of a task within its classes; the test
samples are asked once. Every run is kept in OUT/runs, and an interrupted experiment continues. What differs from EIANN:
digits of scikit-learn with 200 hidden cells by default, linear outputs for backprop, no heads of their own for tasks.

To expect: asked for one of ten digits, a rule alone keeps the last task alone (18 to 20 %), and all digits
together reach 70 to 96 %.
With output cells instructed by class, backprop keeps 37 % and with SI 53 %. Within tasks DTP alone keeps 78 % in rate
and 76 % in spikes, with SI 88 and 90 %. docs/continual_learning.md has the table. A run of digits takes 2 to 5 s of
processor time in rate, and about a minute in spikes.
"""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import typer
from figures.continual_learning import continual_figure
from gaps.training import IN_PARITY, settings_of
from intervals import interval
from kept import Jobs

from spikedtp import load_rate_network
from spikedtp.circuit import Circuit, CircuitBuilder, read_circuit
from spikedtp.cli import run_script
from spikedtp.configuration import TrainConfiguration
from spikedtp.continual import learn_tasks
from spikedtp.datasets import Dataset, load
from spikedtp.errors import SpikedtpError, known_names
from spikedtp.jobs.settings import in_spikes
from spikedtp.plasticity import BTSP, Backprop, DendriticState, make_consolidation
from spikedtp.records import save_figure, staged, write_manifest, write_summary, write_table

TASKS = tuple((2 * k, 2 * k + 1) for k in range(5))
SI, EWC = "SynapticIntelligence", "ElasticWeights"
STRENGTHS = {
    SI: [{"strength": s} for s in (1e-4, 1e-3, 0.01, 0.1, 1.0)],
    EWC: [{"strength": s} for s in (1.0, 10.0, 100.0, 1000.0)],
    "SynapticIntelligenceRate": [{"threshold": s, "width": s} for s in (0.01, 0.1, 1.0, 10.0)],
    "ElasticWeightsRate": [{"threshold": s, "width": s} for s in (1e-5, 1e-4, 1e-3, 1e-2)],
    "ElasticRate": [{"scale": s} for s in (0.03, 0.1, 0.3, 1.0)],
}
#: Name -> rule, consolidation, whether only the output cells of the present task are instructed; EIANN's name.
MODELS: dict[str, tuple[str, str | None, bool]] = {
    "backprop": ("backprop", None, False),
    "backprop, by class": ("backprop", None, True),  # Backprop_CL
    "backprop, by class, EWC": ("backprop", EWC, True),  # Backprop_EWC
    "backprop, by class, SI": ("backprop", SI, True),  # Backprop_SI
    "backprop, EWC": ("backprop", EWC, False),
    "backprop, SI": ("backprop", SI, False),
    "backprop, EWC rate": ("backprop", "ElasticWeightsRate", False),  # Backprop_EWC_LR
    "backprop, SI rate": ("backprop", "SynapticIntelligenceRate", False),  # Backprop_SI_LR
    "DTP": ("DTP", None, False),  # DTP_CL
    "DTP, by class": ("DTP", None, True),
    "DTP, SI": ("DTP", SI, False),  # DTP_SI
    "DTP, EWC": ("DTP", EWC, False),
    "BTSP": ("BTSP", None, False),  # BTSP_CL
    "BTSP, by class": ("BTSP", None, True),
    "BTSP, elastic rate": ("BTSP", "ElasticRate", False),  # BTSP_ELR_CL
    "BTSP, SI": ("BTSP", SI, False),
}
IN_SPIKES = ("DTP", "DTP, SI", "BTSP", "BTSP, elastic rate")
TOGETHER = ("backprop", "DTP", "BTSP")  # also with all digits as one task
VALIDATION_SEEDS = 1


def main(
    data: str = typer.Option("digits", help="digits, mnist:DIR, or other data of ten classes."),
    out: Path = typer.Option(Path("results/continual_learning"), help="Folder for the results."),
    models: str = typer.Option("all", help="Which, separated by semicolons: " + "; ".join(MODELS) + "."),
    samples: int = typer.Option(600, min=1, help="Presentations of each task."),
    seeds: int = typer.Option(5, min=1, help="How many, in rate."),
    spiking_seeds: int = typer.Option(3, min=0, help="How many in spikes; 0 leaves them out."),
    validation: int = typer.Option(200, min=1, help="Training samples on which strengths are chosen."),
    device: str = typer.Option("cpp_standalone", help="cpp_standalone or runtime."),
    quick: bool = typer.Option(False, help="Few presentations, one seed, one strength, no spikes."),
) -> None:
    """Accuracy of each task after each task, and forgetting, of all rules with and without consolidation."""
    started = time.perf_counter()
    names = [*MODELS] if models == "all" else [name.strip() for name in models.split(";")]
    for name in names:
        if name not in MODELS:
            raise known_names("model", name, MODELS)
    if quick:
        samples, seeds, spiking_seeds = min(samples, 20), 1, 0
    material = load(data)
    if material.n_labels != 10:
        raise SpikedtpError(f"--data {data}: has {material.n_labels} classes; this experiment is about tasks of ten")
    held_out = material.validated(validation)
    runs = Jobs(out / "runs", "continual", 1, data, samples, validation)
    chosen, searched = {}, []
    for name in names:
        if (kind := MODELS[name][1]) is not None:
            strengths = STRENGTHS[kind][: 1 if quick else None]
            tried = [(kwargs, _validated(name, kwargs, held_out, samples, runs)) for kwargs in strengths]
            searched += [{"model": name, **kwargs, "within_tasks": found} for kwargs, found in tried]
            chosen[name] = max(tried, key=lambda one: one[1])[0]
    rows = []
    for name in names:
        for mode, n in (("rate", seeds), ("spiking", spiking_seeds if name in IN_SPIKES else 0)):
            for seed in range(n):
                for joint in (False, True) if name in TOGETHER and mode == "rate" else (False,):
                    of = [name, chosen.get(name), mode, seed, joint, "test"]
                    of += [IN_PARITY] if mode == "spiking" else []
                    found = runs.done(of, lambda of=of: _run(*of[:5], material, samples, device))
                    rows.append(
                        {
                            "model": f"{name}, all digits together" if joint else name,
                            "mode": mode,
                            "seed": seed,
                            **found,
                        }
                    )
            if n:
                typer.echo(f"{name} ({mode}, {n} seeds): done after {time.perf_counter() - started:.0f} s", err=True)
    table = _summary(rows)
    with staged(out / "results") as folder:
        write_table(folder, "continual_learning", table)
        write_table(folder, "matrices", _long(rows))
        write_table(folder, "strengths", pd.DataFrame(searched))
        save_figure(folder, "continual_learning", continual_figure(_long(rows), table))
        write_summary(folder, {"n_runs": len(rows), "data": data.partition(":")[0], "samples_per_task": samples})
        write_manifest(
            folder,
            configuration={"data": data, "samples": samples, "models": names, "chosen": chosen},
            seeds={"rate": seeds, "spiking": spiking_seeds},
            timings={"all": time.perf_counter() - started},
            choices=f"strengths on {validation} validation samples, {VALIDATION_SEEDS} seeds; test samples asked once",
        )
    shown = table.filter(regex="^(model|mode|accuracy|within|forgetting|forgetting_within)$")
    typer.echo(shown.round(1).to_string(index=False))
    typer.echo(f"results in {out / 'results'}")


def circuit_of(name: str, material: Dataset, kwargs: dict[str, Any] | None) -> Circuit:
    """The circuit of a model, for this number of inputs."""
    rule, kind, by_class = MODELS[name]
    if rule == "backprop":
        net = CircuitBuilder("backprop", dale=False, tau=1, forward_steps=1, backward_steps=1)
        net.input(material.train_x.shape[1])
        for layer, n, scale, activation in (
            ("H1", 200, 2.0, "relu"),
            ("H2", 200, 2.0, "relu"),
            ("Output", 10, 1.0, "linear"),
        ):
            net.layer(layer, n, rule=Backprop(0.1), init=scale, activation=activation)
        circuit = net.build()
    else:
        circuit = read_circuit("digits_dtp" if rule == "DTP" else "digits_btsp").with_sizes(
            material.train_x.shape[1], 10
        )
    kept = None if kind is None else make_consolidation(kind, **(kwargs or {}))

    def of_tasks(p: Any) -> Any:
        if not isinstance(p.rule, Backprop | DendriticState | BTSP):
            return p
        alone = replace(p.rule, temporal_discount=0.0) if isinstance(p.rule, BTSP) else p.rule  # EIANN's BTSP_CL
        return replace(p, rule=alone, consolidation=kept)

    projections = tuple(of_tasks(p) for p in circuit.projections)
    return replace(circuit, projections=projections, task_classes=TASKS if by_class else None)


def _run(
    name: str, kwargs: dict | None, mode: str, seed: int, joint: bool, material: Dataset, samples: int, device: str
) -> dict[str, Any]:
    network: Any = load_rate_network(circuit_of(name, material, kwargs), seed=seed)
    if mode == "spiking":
        network = in_spikes(
            network, TrainConfiguration(device=device, **settings_of(network.circuit, False)[IN_PARITY])
        )
    parts = ((material.train_x, material.train_y), (material.test_x, material.test_y))
    found = learn_tasks(network, *parts, TASKS, samples=samples, data_seed=100 * seed, seed=100 * seed, joint=joint)
    return {"accuracy": found.accuracy.tolist(), "within": found.accuracy_within.tolist(),
            "forgetting": found.forgetting, "forgetting_within": found.forgetting_within}  # fmt: skip


def _validated(name: str, kwargs: dict, held_out: Dataset, samples: int, runs: Jobs) -> float:
    """Mean accuracy of all tasks within their classes, at the end, on validation samples."""
    found = [
        runs.done(
            [name, kwargs, "rate", seed, False, "validation"],
            lambda seed=seed: _run(name, kwargs, "rate", seed, False, held_out, samples, ""),
        )
        for seed in range(1000, 1000 + VALIDATION_SEEDS)
    ]
    return float(np.mean([np.array(one["within"])[:, -1].mean() for one in found]))


def _summary(rows: list[dict[str, Any]]) -> pd.DataFrame:
    """Percentages with their 95 % intervals, one row for each model and mode."""
    table = []
    for (name, mode), part in pd.DataFrame(rows).groupby(["model", "mode"], sort=False):
        row: dict[str, Any] = {"model": name, "mode": mode, "n_seeds": len(part)}
        for what in ("accuracy", "within"):
            part = part.assign(**{what: [np.array(matrix)[:, -1].mean() for matrix in part[what]]})
        for what in ("accuracy", "forgetting", "within", "forgetting_within"):
            values = 100 * part[what].astype(float)
            low, high = interval(values)
            row |= {what: values.mean(), f"{what}.low": low, f"{what}.high": high}
        table.append(row)
    return pd.DataFrame(table)


def _long(rows: list[dict[str, Any]]) -> pd.DataFrame:
    """One row for each accuracy: of a task (from 1), after so many tasks."""
    return pd.DataFrame(
        {"model": row["model"], "mode": row["mode"], "seed": row["seed"], "task": task + 1, "after": after + 1,
         "accuracy": accuracy, "within": row["within"][task][after]}
        for row in rows
        for task, accuracies in enumerate(row["accuracy"])
        for after, accuracy in enumerate(accuracies)
    )  # fmt: skip


if __name__ == "__main__":
    run_script(main)
