"""Does what `plan` says beforehand come true when the spikes are simulated?

Claim (this package; nothing published): how similar a spiking ΔW is to the rate network's can be said without
simulating spikes: in the open loop from the replayed rates alone, in the closed loop from the network's own equations
in steps of 5 ms, with random counts instead of spikes. So a presentation time, a peak rate, a number of repeats or of
cells that reaches a wanted cosine can be planned, and so can the number of presentations that shows a difference
between two rules.

Parts (``--only``):

    open        planned against simulated medians over 6 test digits and their presentations: all combinations of
                presentation time, peak rate, read-out and repeats, in both learned projections of H2E (300 rows)
    closed      the same in the closed loop, in all nine learned projections, with other phases, units and firing too
    mnist       the same for the MNIST circuit 5J (``--mnist DIR --mnist-weights FILE``)
    backwards   wanted cosines, planned with each setting, then simulated there (10 test digits)
    power       Hebbian learning with weight normalisation and Oja's rule at the planned number of presentations: in
                which share of 100 simulated comparisons does a paired t-test find the difference?
    speed       seconds of processor time for a plan

Images are the same in plans and simulations. Simulations go on until the standard error of every median cosine is
below .005 (backwards: .0025), or a stated number of blocks of presentations is done; no row is left out. ``--effort 4``
allows four times as many, and takes four times as many draws. The standard errors of a difference are those of the
simulation and of the plan's own draws together.

What differs from a real experiment: several cells for one unit are not built in the open loop. The read-outs are linear
in the spikes, so the mean read-out of k presentations is that of k cells for each presynaptic cell; a rule then sees
this mean.

To expect: in the open loop a median error of the cosine of .001 and a largest one of .02 (``--effort 4``); in the
closed loop a median error of .001, and up to .1 in dendritic inhibition, where cosines are low. Ten wanted cosines come
true within .005. 79 of 100 comparisons of two rules find the difference that 80 were planned for.

    python experiments/planning.py --out results/planning

Weights for 5J: ``spikedtp train --circuit mnist_dtp_one_pass --data mnist:DIR --samples 20000``. Finished jobs are kept
in OUT/jobs: an interrupted run continues.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import typer
from brian2 import Hz
from figures.planning import planning_figure
from kept import Jobs
from plans.backwards import backwards_jobs, reached
from plans.cases import Case, digits, mnist
from plans.forwards import closed_settings, compared, open_settings
from plans.power import compare_rules
from plans.simulated import MEASURES
from tqdm import tqdm

from spikedtp.cli import run_script
from spikedtp.errors import SpikedtpError, known_names
from spikedtp.records import save_figure, staged, write_manifest, write_summary, write_table
from spikedtp.spiking import default_device

PARTS = ("open", "closed", "mnist", "backwards", "power", "speed")


def main(
    out: Path = typer.Option(Path("results/planning"), help="Folder for the results."),
    only: str = typer.Option("open,closed,backwards,power,speed", help=f"Parts: {', '.join(PARTS)}."),
    quick: bool = typer.Option(False, help="Few small cases: does it run?"),
    effort: int = typer.Option(1, min=1, help="Times as many presentations, at most, and draws."),
    device: str = typer.Option(None, help="cpp_standalone or runtime; default: C++ where it compiles."),
    mnist_folder: Path = typer.Option(None, "--mnist", help="Folder of MNIST's IDX files."),
    mnist_weights: Path = typer.Option(None, help="Trained weights of mnist_dtp_one_pass."),
) -> None:
    """Compare plans with simulations: forwards, backwards, and the power of a comparison of two rules."""
    parts = only.split(",")
    for part in parts:
        if part not in PARTS:
            raise known_names("part", part, PARTS)
    if "mnist" in parts and (mnist_folder is None or mnist_weights is None):
        raise SpikedtpError("the part mnist needs --mnist DIR and --mnist-weights FILE")
    device = device or default_device()
    few, many = (digits(n, device) for n in ((2, 3) if quick else (6, 10)))
    jobs = Jobs(out / "jobs", quick, *[effort] * (effort > 1))
    tables: dict[str, pd.DataFrame] = {}
    summary: dict[str, Any] = {}
    for part, settings in (("open", open_settings(quick)), ("closed", closed_settings(quick))):
        if part in parts:
            tables[part] = forwards(jobs, part, few, settings, quick, effort)
    if "mnist" in parts:
        case = mnist(mnist_folder, mnist_weights, 6, device)
        found = [row for row in closed_settings(quick) if row["time_per_step"] in (5, 20) and row["unit_rate"] > 100]
        tables["mnist"] = forwards(jobs, "mnist", case, found, quick, effort)
    for part in ("open", "closed", "mnist"):
        if part in tables:
            summary |= errors(part, tables[part])
    if "backwards" in parts:
        rows = [jobs.done(["backwards", job], lambda job=job: reached(many, job, quick, effort)) for job in
                tqdm(backwards_jobs(quick), desc="backwards")]  # fmt: skip
        tables["backwards"] = table = pd.DataFrame(rows)
        fine = table[table["setting"] == "unit_rate"]
        summary["backwards.missed.largest"] = float((table["simulated"] - table["planned"]).abs().max())
        summary["backwards.unit_rate.missed.largest"] = float((fine["simulated"] - fine["wanted"]).abs().max())
        summary["backwards.short_by.largest"] = float((table["wanted"] - table["simulated"]).max())
    if "power" in parts:
        found, tests = jobs.done(["power"], lambda: _plain(compare_rules(many, *((4, 60) if quick else (100, 1500)))))
        summary, tables["power"] = summary | found, pd.DataFrame(tests)
    if "speed" in parts:
        summary |= speed(many)
    with staged(out) as folder:
        for name, table in tables.items():
            write_table(folder, name, table)
        if set(tables) & {"open", "closed", "mnist"}:
            save_figure(folder, "planning", planning_figure(tables))
        write_summary(folder, summary)
        write_manifest(folder, configuration={"quick": quick, "only": only}, seeds={"seed": 0})
    for name, value in summary.items():
        typer.echo(f"{name} {value:.4g}" if isinstance(value, float) else f"{name} {value}")
    typer.echo(f"results in {out}")


def forwards(
    jobs: Jobs, part: str, case: Case, settings: Iterable[dict[str, Any]], quick: bool, effort: int
) -> pd.DataFrame:
    rows: list[dict[str, Any]] = []
    for setting in tqdm(settings, desc=part):
        rows += jobs.done([part, setting], lambda setting=setting: compared(case, setting, quick, effort))
    return pd.DataFrame(rows)


def errors(part: str, table: pd.DataFrame) -> dict[str, Any]:
    """How far plans are off, beside the standard errors of both sides."""
    found: dict[str, Any] = {f"{part}.n_rows": len(table), f"{part}.presentations": int(table["presentations"].sum())}
    angle = {side: np.degrees(np.arccos(table[f"{side}.cosine"])) for side in ("planned", "simulated")}
    off = {name: (table[f"planned.{name}"] - table[f"simulated.{name}"]).abs() for name in MEASURES}
    off["angle"] = (angle["planned"] - angle["simulated"]).abs()
    for name, error in off.items():
        found |= {
            f"{part}.{name}.error.median": float(error.median()),
            f"{part}.{name}.error.largest": float(error.max()),
        }
    standard = np.hypot(table["simulated.cosine.error"], table["planned.error"])
    found[f"{part}.cosine.standard_error.median"] = float(standard.median())
    found[f"{part}.cosine.standard_error.largest"] = float(standard.max())
    found[f"{part}.cosine.error.rms_in_standard_errors"] = float(np.sqrt(((off["cosine"] / standard) ** 2).mean()))
    found[f"{part}.cosine.beyond_3_standard_errors"] = int((off["cosine"] > 3 * standard + 0.002).sum())
    found[f"{part}.cosine.beyond_.02"] = int((off["cosine"] > 0.02).sum())
    return found


def speed(case: Case) -> dict[str, Any]:
    """Processor time of a plan of ten images, after imports; the least of three."""
    found = {}
    for name, options in {"open": {}, "closed": {"loop": "closed"}}.items():
        seconds = []
        for _ in range(3):
            begun = time.process_time()
            _ = case.plan(population="H2E", unit_rate=450 * Hz, **options).table
            seconds.append(time.process_time() - begun)
        found[f"speed.{name}.seconds"] = min(seconds)
    return found


def _plain(found: tuple[dict[str, Any], pd.DataFrame]) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    return found[0], found[1].to_dict("records")


if __name__ == "__main__":
    run_script(main)
