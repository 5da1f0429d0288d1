"""What lies between spikes and rate, and what closes the gap? Chosen on validation images: the test part is not read.

Claim (this package; nothing published): what answers in spikes lack to answers in rate of the same weights is the noise
of Poisson spikes.

Parts (``--only``):

    answering   the same weights asked in rate and in spikes: reading longer, more units for cells, regular spikes,
                the output's spike counts in place of its mean voltage, means of several presentations
    training    networks that learned in spikes beside their rate twins: schedules of the learning rates, the mean of
                the last weights in their place, more units for interneurons, regular spikes and unit rates at which
                no cell saturates

To expect (digits, 5J, five seeds): answers in spikes cost .4 points in networks that learned in rate, and .1 in
networks that learned in spikes. Spike counts of the output are worse than its voltage, more units and longer reading
change little, and regular spikes answer as the rate network does.

    python experiments/parity.py --out results/parity

Finished jobs and trained networks are kept in OUT: an interrupted run continues.
"""

from __future__ import annotations

import time
from pathlib import Path

import pandas as pd
import typer
from gaps.answering import answering, answering_summary
from gaps.training import training, training_summary

from spikedtp.cli import run_script
from spikedtp.errors import known_names
from spikedtp.records import staged, write_manifest, write_summary, write_table
from spikedtp.spiking import default_device

PARTS = ("answering", "training")


def main(
    out: Path = typer.Option(Path("results/parity"), help="Folder for the results."),
    only: str = typer.Option(",".join(PARTS), help=f"Parts: {', '.join(PARTS)}."),
    quick: bool = typer.Option(False, help="One seed, few presentations: does it run?"),
    seed: int = typer.Option(10, min=0, help="The first seed, of weights, order of samples and spikes."),
    seeds: int = typer.Option(5, min=1, help="How many seeds."),
    data: str = typer.Option("digits", help="digits, mnist:DIR or other images."),
    circuit: str = typer.Option("digits_dtp", help="A circuit that learns in spikes."),
    samples: int = typer.Option(6000, min=1, help="Presentations to learn from."),
    validation: int = typer.Option(300, min=1, help="Training images that are held out and asked."),
    repeats: int = typer.Option(4, min=1, help="Presentations of each image, whose accuracies are averaged."),
    device: str = typer.Option(None, help="cpp_standalone or runtime; default: C++ where it compiles."),
) -> None:
    """Accuracy in spikes against accuracy in rate, on validation images."""
    started = time.perf_counter()
    parts = only.split(",")
    for part in parts:
        if part not in PARTS:
            raise known_names("part", part, PARTS)
    if quick:
        seeds, samples, validation, repeats = 1, min(samples, 20), min(validation, 20), 1
    device = device or default_device()
    tables: dict[str, pd.DataFrame] = {}
    summary: dict[str, float | str] = {"circuit": circuit, "samples": samples, "seeds": seeds}
    if "answering" in parts:
        table = answering(
            out, list(range(seed, seed + seeds)), circuit=circuit, data=data, samples=samples, validation=validation,
            repeats=repeats, device=device, quick=quick, progress=typer.echo,
        )  # fmt: skip
        tables["answering"], tables["answering_over_seeds"] = table, answering_summary(table)
        for row in tables["answering_over_seeds"].itertuples():
            of = f"answering.learned in {row.learned}.{row.presented}.{row.read}"
            summary |= {f"{of}.{key}": getattr(row, key) for key in ("difference", "low", "high", "cpu_ms")}
    if "training" in parts:
        table = training(
            out / "trained", list(range(seed, seed + seeds)), circuit=circuit, data=data, samples=samples,
            validation=validation, device=device, quick=quick, progress=typer.echo,
        )  # fmt: skip
        tables["training"], tables["training_over_seeds"] = table, training_summary(table)
        for row in tables["training_over_seeds"].itertuples():
            of = f"training.{row.schedule}.{row.learned}.{row.weights}"
            summary |= {f"{of}.asked in {asked}": getattr(row, asked) for asked in ("rate", "spikes")}
    with staged(out) as folder:
        for name, table in tables.items():
            write_table(folder, name, table)
        write_summary(folder, summary)
        write_manifest(
            folder,
            configuration=dict(
                data=data, circuit=circuit, samples=samples, validation=validation, repeats=repeats, seeds=seeds,
                device=device, quick=quick, only=only,
            ),
            seeds={"seed": seed},
            timings={"all": time.perf_counter() - started},
        )  # fmt: skip
    for name in parts:
        typer.echo(tables[f"{name}_over_seeds"].to_string(index=False, float_format=lambda value: f"{value:.3f}"))
    typer.echo(f"results in {out}")


if __name__ == "__main__":
    run_script(main)
