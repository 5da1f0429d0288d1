"""The field's learning rules side by side: one task, one budget of samples, in rate and in spikes.

Backprop is the reference, the read-out of a network with frozen hidden layers the control. Between them are dendritic
target propagation (5J, and with learned top-down weights), BTSP and temporal contrast on EIANN's circuit (Galloni et
al. 2026, doi:10.1016/j.celrep.2026.117159), Burstprop in ensembles (Payeur et al. 2021,
doi:10.1038/s41593-021-00857-x) and e-prop in recurrent networks of LIF cells (Bellec et al. 2020,
doi:10.1038/s41467-020-17236-y). Each learns in rate and in spikes where it has the form.

For every rule and form: accuracy with the mean of the last weights, presentations to 80 % of the validation samples,
the angle between its changes and backprop's, the cosine between its changes in spikes and in rate beside what noise
alone would leave of it, spikes and simulated time of a presentation, and processor time. Another table says what a
synapse must know.

    python experiments/side_by_side.py --out results/side_by_side
    python experiments/side_by_side.py --data mnist:DIR --seeds 3 --out results/side_by_side_mnist

The last training samples are held out: every choice was made with them, and the test samples are shown once to each
network. Networks in spikes begin with the same weights as their twins in rate, and see the same samples in the same
order. Weight changes are compared after a tenth of the presentations. Every finished network is kept in OUT/runs, and
an interrupted experiment continues; processor times are measured anew. Other constants of a rule need another OUT.

What differs between rules: their circuits. `knowledge.csv` says how. Learning rates are those of the shipped models.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import typer
from figures.side_by_side import side_by_side_figure
from intervals import interval
from kept import Jobs
from rivals import burst_ensembles, eprop_cells, in_circuits
from rivals.knowledge import knowledge
from rivals.task import GOAL, Task, samples_to

from spikedtp.cli import run_script
from spikedtp.errors import SpikedtpError, known_names
from spikedtp.records import save_figure, staged, write_manifest, write_summary, write_table
from spikedtp.spiking import default_device

FIRST_SEED = 66049  # as published
#: Data -> presentations, samples that are held out, sizes of the hidden layers.
TASKS = {"digits": (6_000, 300, (200, 200)), "mnist": (20_000, 1_000, (500, 500))}
FORMS = ("rate", "spiking")
#: Rule -> the file that trains it, and the forms that it has.
RULES: dict[str, tuple[Any, tuple[str, ...]]] = {
    "backprop": (in_circuits, ("rate",)),
    "5J": (in_circuits, FORMS),
    "learned top-down": (in_circuits, FORMS),
    "BTSP": (in_circuits, FORMS),
    "temporal contrast": (in_circuits, FORMS),
    "Burstprop": (burst_ensembles, FORMS),
    "e-prop": (eprop_cells, ("spiking",)),
    in_circuits.READ_OUT: (in_circuits, FORMS),
}
TOO_LONG = (("mnist", "Burstprop", "spiking"),)  # 100,000 cells and 550 time steps for each sample
MEASURES = ("validation", "test", "presentations", "angle", "cosine", "ceiling", "spikes", "simulated_ms")


def main(
    data: str = typer.Option("digits", help="digits or mnist:DIR."),
    out: Path = typer.Option(Path("results/side_by_side"), help="Folder for the results."),
    rules: str = typer.Option("all", help="Which, separated by semicolons: " + "; ".join(RULES) + "."),
    forms: str = typer.Option(",".join(FORMS), help="rate, spiking, or both."),
    samples: int = typer.Option(None, min=1, help="Presentations; default: 6,000 of digits, 20,000 of MNIST."),
    seeds: int = typer.Option(5, min=1, help="How many."),
    tested: bool = typer.Option(True, help="Show the test samples; without, all is about validation samples."),
    timed: bool = typer.Option(True, help="Measure processor times."),
    quick: bool = typer.Option(False, help="Few presentations and one seed: does it run?"),
    device: str = typer.Option(None, help="cpp_standalone or runtime; default: C++ where it compiles."),
) -> None:
    """One table and one figure of all rules, in rate and in spikes."""
    started, kind = time.perf_counter(), data.partition(":")[0]
    if kind not in TASKS:
        raise SpikedtpError(f"--data {data}: this experiment is about digits and mnist:DIR")
    names = [*RULES] if rules == "all" else [name.strip() for name in rules.split(";")]
    for name in names:
        if name not in RULES:
            raise known_names("rule", name, RULES)
    ways = forms.split(",")
    for way in ways:
        if way not in FORMS:
            raise known_names("form", way, FORMS)
    usual, validation, hidden = TASKS[kind]
    samples, seeds = (60, 1) if quick else (samples or usual, seeds)
    task = Task(
        data, samples, validation, hidden, 2 if quick else 20, 3, tested, out / "trained", device or default_device()
    )
    task.folder.mkdir(parents=True, exist_ok=True)
    jobs, rows, curves = Jobs(out / "runs", "side by side", 1, *task.settings()), [], []
    listed = [
        (name, form) for name in names for form in RULES[name][1] if form in ways and (kind, name, form) not in TOO_LONG
    ]
    for seed in range(FIRST_SEED, FIRST_SEED + seeds):
        for name, form in listed:
            family = RULES[name][0]
            result = jobs.done([name, form, seed], lambda f=family, of=(name, form, seed): f.measured(*of, task))
            curve = result.pop("curve")
            curves += [{"rule": name, "form": form, "seed": seed, "samples": n, "accuracy": a} for n, a in curve]
            rows.append({"rule": name, "form": form, "seed": seed, "presentations": samples_to(curve), **result})
            typer.echo(f"{name} ({form}, seed {seed}): after {time.perf_counter() - started:.0f} s", err=True)
    table = pd.DataFrame(rows).astype({name: float for name in MEASURES})
    summary = summarised(table)
    if timed and not quick:
        summary["cpu_ms"] = [RULES[row.rule][0].time_of(row.rule, row.form, task) for row in summary.itertuples()]
    with staged(out / "results") as folder:
        write_table(folder, "networks", table)
        write_table(folder, "curves", pd.DataFrame(curves))
        write_table(folder, "side_by_side", summary)
        write_table(folder, "knowledge", knowledge())
        save_figure(folder, "side_by_side", side_by_side_figure(pd.DataFrame(curves), table))
        write_summary(folder, {"n_networks": len(table), "data": kind, "samples": samples})
        write_manifest(
            folder,
            configuration={"data": data, "samples": samples, "rules": names, "forms": ways, "device": task.device},
            seeds={"seed": FIRST_SEED, "n": seeds},
            timings={"all": time.perf_counter() - started},
            choices="validation samples alone; test samples were shown once to each network",
        )
    typer.echo(shown(summary))
    typer.echo(f"results in {out / 'results'}")


def summarised(table: pd.DataFrame) -> pd.DataFrame:
    """Mean over seeds and half width of its 95 % interval. Presentations to the goal are medians."""
    rows = []
    for (rule, form), part in table.groupby(["rule", "form"], sort=False):
        row: dict[str, Any] = {"rule": rule, "form": form, "n_seeds": len(part)}
        for name in MEASURES:
            values = part[name].to_numpy()
            if name == "presentations":
                median = np.median(np.nan_to_num(values, nan=np.inf))
                row[name] = median if np.isfinite(median) else np.nan
                continue
            low, high = interval(values)
            row |= {name: values.mean(), f"{name}.half": (high - low) / 2}
        rows.append(row)
    return pd.DataFrame(rows)


def shown(summary: pd.DataFrame) -> str:
    """The summary as text, accuracies in percent."""
    table = summary.drop(columns=[name for name in summary if str(name).endswith(".half")]).copy()
    for name in ("validation", "test"):
        table[name] = 100 * table[name]
    table = table.rename(columns={"presentations": f"to {100 * GOAL:.0f} %"})
    return table.round(2).to_string(index=False, na_rep="")


if __name__ == "__main__":
    run_script(main)
