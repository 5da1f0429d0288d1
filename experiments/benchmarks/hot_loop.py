"""How far is the compiled hot loop from hand-written C++, and how far are others?

Claim: dense projections, time-rescaled Poisson inputs and a slim run loop bring Brian2's C++ standalone device close to
what a programmer gets out of the machine by hand, without leaving Brian2's equations.

    a  500 Poisson cells at 20 Hz -> 500 two-compartment cells, 20 s in steps of 1 ms
    b  the presentation of Figure 3 (Galloni, Peddada, Chennawar & Milstein 2026, Cell Reports 45:117159,
       doi:10.1016/j.celrep.2026.117159): all 500 cells of H2E, all their inputs, fresh weights, a batch of 100
    c  pair STDP (bounded) and MSTDPET on given spike trains, 784 -> 500 at 20 Hz, 10 s
    d  scaling of a with cells and rate, of b with presentations and processes
    e  learning events: outer product within bounds, normalised rows, a transposed copy kept

Costs are held against straight lines (fits.csv: presentations, synaptic events), memory and two processes against one
are in summary.json, and pieces.csv has what each part of a time step costs, with clocks between them.

What differs between contestants is said in contestants.csv: precision, what they record, how they draw spikes. All do
the same cases and are held against theory, or against the floor on the same spikes (agreement.csv); the run fails if
one of them computes something else. Times: `seconds` as the program reports its simulation, `wall` with process start
and files, never the build. In each repeat every contestant runs once, in rotated order; medians and quartiles.

To expect on two shared AMD EPYC cores (Zen 5), one thread, floor: a 0.5 µs per step (with clocks between: Poisson .17,
rows .38, cells .09), b 1.4 ms per presentation (digits), STDP 1.7 µs and MSTDPET 4.5 µs per step, learning events .09
(bounded), .14 (normalised) and .21 ns per weight (tied).

    python experiments/benchmarks/hot_loop.py --out results/hot_loop --data mnist:DIR
    python experiments/benchmarks/hot_loop.py --out results/hot_loop --only a,c --quick
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import pandas as pd
import typer
from tqdm import tqdm

from spikedtp.cli import run_script
from spikedtp.errors import SpikedtpError, known_names
from spikedtp.records import save_figure, staged, write_manifest, write_summary, write_table

sys.path.insert(0, str(Path(__file__).parent))
from contestants import Contestant, Run, all_contestants
from contestants.agreement import Agreement
from contestants.cases import Case, Feedforward, Learning, PairRule
from contestants.circuit import presentations
from contestants.hand_written import FLAGS
from hot_loop_figure import hot_loop_figure
from hot_loop_tables import fits, flat, pieces, speed_up, summarised

PARTS = ("a", "b", "c", "d", "e")
BINARIES = ("floor", "spikedtp", "Brian2 standalone")  # those whose scaling is measured
VERSIONED = ("nest-simulator", "brian2", "torch", "numpy", "Cython")


@dataclass(frozen=True)
class Item:
    """One case to measure: its part, what it is called there, and the value that is varied.

    Attributes
    ----------
    make : callable
    who : tuple of str
        Contestants; empty: all.
    processes : int
        How many of them at once, each with its own folder.
    """

    part: str
    label: str
    x: float
    make: Callable[[], Case]
    who: tuple[str, ...] = ()
    processes: int = 1


def items(data: str, seed: int, quick: bool) -> Iterable[Item]:
    """Everything to measure."""
    shrink = 0.05 if quick else 1.0
    batch = 4 if quick else 100
    yield Item("a", "feed-forward", 500, partial(Feedforward, seed, seconds=20 * shrink))
    yield Item("b", "Figure 3", batch, partial(presentations, data, batch, seed))
    for name in ("STDP", "MSTDPET"):
        yield Item("c", name, 784, partial(PairRule, seed, name, seconds=10 * shrink))
    for n in (100, 500) if quick else (100, 200, 500, 1000, 2000, 4000):
        who = BINARIES if n > 1000 else (*BINARIES, "NEST")
        yield Item("d", "cells", n, partial(Feedforward, seed, n, n, seconds=min(5, 2500 / n) * shrink), who)
    for rate in (5, 80) if quick else (5, 20, 80, 200):
        yield Item("d", "rate", rate, partial(Feedforward, seed, rate=rate, seconds=5 * shrink), BINARIES)
    for n in (1, batch) if quick else (1, 10, 100, 1000):
        who = BINARIES if n <= 100 else BINARIES[:2]  # stock Brian2 would hold all rates of all steps in memory
        yield Item("d", "presentations", n, partial(presentations, data, n, seed), who)
    for n in (1, 2):
        yield Item("d", "processes", n, partial(presentations, data, batch, seed), BINARIES[:2], processes=n)
    for kind in ("bounded", "normalised", "tied"):
        for n_pre in (500,) if quick else (500, 784):
            events = 20 if quick else 400
            yield Item("e", kind, n_pre, partial(Learning, seed, kind, n_pre=n_pre, n_events=events))


def main(
    out: Path = typer.Option(Path("results/hot_loop"), help="Folder for the results."),
    quick: bool = typer.Option(False, help="Small cases and two repeats: does it run?"),
    seed: int = typer.Option(0, min=0),
    only: str = typer.Option(",".join(PARTS), help="Which parts, between commas."),
    data: str = typer.Option("digits", help="Images of part b: digits or mnist:DIR."),
    repeats: int = typer.Option(9, min=1, help="Repeats of each case."),
) -> None:
    """Times of spikedtp, Brian2, NEST, torch and hand-written C++ on the same networks, one thread each."""
    wanted = tuple(part.strip() for part in only.split(","))
    for part in wanted:
        if part not in PARTS:
            raise known_names("part for --only", part, PARTS)
    repeats = min(2, repeats) if quick else repeats
    present = [contestant for contestant in all_contestants() if not _skipped(contestant)]
    if not any(contestant.name == "floor" for contestant in present):
        raise SpikedtpError("the benchmarks compare with compiled C++: install g++ and make, or set CXX")
    runs, agreed = [], []
    with staged(out) as folder, tempfile.TemporaryDirectory(prefix="hot-loop-") as work:
        for k, item in enumerate(tqdm([i for i in items(data, seed, quick) if i.part in wanted], unit="case")):
            place = Path(work) / str(k)
            found = measure(item, [c for c in present if not item.who or c.name in item.who], place, repeats)
            runs += found[0]
            agreed += found[1]
            shutil.rmtree(place)
        agreement = pd.DataFrame(
            agreed, columns=["part", "case", "x", "contestant", "what", "found", "wanted", "agrees"]
        )
        table = summarised(pd.DataFrame([row for row, _ in runs]))
        parts, straight = pieces(runs), fits(table)
        write_table(folder, "runs", pd.DataFrame([row for row, _ in runs]))
        write_table(folder, "hot_loop", table)
        write_table(folder, "agreement", agreement)
        write_table(folder, "contestants", pd.DataFrame([(c.name, c.does) for c in present], columns=["name", "does"]))
        for name, found in (("pieces", parts), ("fits", straight)):
            if len(found):
                write_table(folder, name, found)
        save_figure(folder, "hot_loop", hot_loop_figure(table))
        write_summary(folder, flat(table, parts, straight) | speed_up(table))
        write_manifest(
            folder,
            configuration=dict(parts=wanted, quick=quick, data=data, repeats=repeats, flags=" ".join(FLAGS)),
            seeds={"seed": seed},
            environment={"OMP_NUM_THREADS": os.environ["OMP_NUM_THREADS"]},
            contestants=versions(),
            load_average=os.getloadavg(),
        )
    typer.echo(table.drop(columns=["wall_low", "wall_high"]).to_string(index=False, float_format=lambda v: f"{v:.4g}"))
    typer.echo(f"results in {out}")
    wrong = agreement[~agreement["agrees"]]
    if len(wrong):
        raise RuntimeError(f"contestants disagree:\n{wrong.to_string(index=False)}")


def _skipped(contestant: Contestant) -> bool:
    reason = contestant.missing()
    if reason:
        typer.echo(f"without {contestant.name}: {reason}", err=True)
    return bool(reason)


def versions() -> dict[str, str | None]:
    """Of the contestants' packages."""
    from importlib.metadata import PackageNotFoundError, version

    found = {}
    for name in VERSIONED:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = None
    return found


def measure(item: Item, contestants: list[Contestant], place: Path, repeats: int):
    """All repeats of one case: (row, run) of each, and the rows of what was compared after the first."""
    case, ready = item.make(), {}
    place.mkdir()
    for contestant in contestants:
        folders = [place / f"{contestant.name}_{k}" for k in range(item.processes)]
        prepared = [contestant.prepare(case, folder) for folder in folders]
        if prepared[0] is not None:
            ready[contestant.name] = prepared
    check, names = Agreement(place), list(ready)
    runs, agreed = [], []
    for repeat in range(repeats):
        first = repeat % len(names)
        for name in names[first:] + names[:first]:
            for run in together(ready[name]):
                if repeat == 0:
                    agreed += [(item.part, item.label, item.x, name, *row) for row in check.rows(run)]
                runs.append((row_of(item, name, repeat, run), run))
                run.found.clear()
    return runs, agreed


def together(prepared: list[Callable[[], Run]]) -> list[Run]:
    """All at once, each in a process of its own."""
    if len(prepared) == 1:
        return [prepared[0]()]
    with ThreadPoolExecutor(len(prepared)) as pool:
        return list(pool.map(lambda run: run(), prepared))


def row_of(item: Item, name: str, repeat: int, run: Run) -> dict:
    return {
        "part": item.part, "case": item.label, "x": item.x, "contestant": name, "repeat": repeat, "unit": run.did.unit,
        "time": run.per_unit(run.seconds), "wall": run.per_unit(run.wall), "seconds": run.seconds,
        "wall_seconds": run.wall, "build_seconds": run.build, "memory": run.memory,
    }  # fmt: skip


if __name__ == "__main__":
    run_script(main)
