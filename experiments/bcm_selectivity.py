"""A sliding threshold makes cells selective; a fixed one makes them silent or indiscriminate.

Claim (Bienenstock, Cooper & Munro 1982, J. Neurosci. 2:32, doi:10.1523/JNEUROSCI.02-01-00032.1982): a cell whose
modification threshold follows its own mean squared response comes to respond to one of its input patterns, whatever its
first weights were.

What differs: the threshold is a running mean of y² (not a power of the mean of y), growth is divided by the threshold
and softly bounded, as in ngc-learn's BCM synapse; 40 inputs with overlapping patterns in random order; two controls
with a threshold that does not move. Cells are rectified linear and learn in closed loop (their responses follow their
weights); part of a run is replayed through Brian2 synapses, which must give the same weights.

To expect: with n equally frequent patterns the preferred response tends to n, the others to 0, and selectivity
(1 - mean/max of the responses) to 1 - 1/n: 0.75 for four patterns. Here, default settings: 0.750 and a preferred
response of 4.02 (medians of 60 cells); with the low fixed threshold 0.000 and 7.5, with the high one all
cells fall silent.

    python experiments/bcm_selectivity.py --out results/bcm_selectivity
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import typer
from brian2 import ms
from figures.selectivity import SILENT, selectivity_figure

from spikedtp import replay
from spikedtp.cli import run_script
from spikedtp.errors import SpikedtpError
from spikedtp.plasticity import BCM, Row
from spikedtp.records import save_figure, staged, write_manifest, write_summary, write_table
from spikedtp.spiking import default_device

N_INPUTS, WIDTH, HOLD = 40, 4.0, 20  # inputs, width of a pattern in inputs, steps that a pattern stays
DT = 1 * ms
CONDITIONS = {"sliding": 0.5, "fixed, low": 0.1, "fixed, high": 1.0}  # threshold at the start
REPLAYED = 400  # steps that are run again in Brian2


def main(
    out: Path = typer.Option(Path("results/bcm_selectivity"), help="Folder for the results."),
    quick: bool = typer.Option(False, help="Two short runs on Brian2's runtime device: does it work?"),
    seed: int = typer.Option(0, min=0, help="Of the first weights and the order of patterns."),
    seeds: int = typer.Option(5, min=1, help="Independent runs."),
    cells: int = typer.Option(12, min=1, help="Cells per run."),
    patterns: int = typer.Option(4, min=2, max=20, help="Input patterns."),
    seconds: float = typer.Option(120.0, min=1.0, help="Duration of a run."),
    device: str = typer.Option(None, help="cpp_standalone or runtime; default: C++ where it compiles."),
) -> None:
    """BCM cells with a sliding and with a fixed threshold: responses, weights, thresholds and selectivity."""
    if quick:
        seeds, seconds, device = min(seeds, 2), min(seconds, 10.0), "runtime"
    device, shapes = device or default_device(), bumps(patterns)
    with staged(out) as folder:
        runs, summary, rows = {}, {"n_patterns": patterns, "theory.selectivity": 1 - 1 / patterns}, []
        for name, theta0 in CONDITIONS.items():
            rule = rule_from(theta0)
            found = [
                closed_loop(rule, shapes, np.random.default_rng([seed, run]), cells, seconds, name == "sliding")
                for run in range(seeds)
            ]
            runs[name] = join(found)
            summary |= describe(name, runs[name])
            rows += [[name, k // cells, k % cells, *values] for k, values in enumerate(finals(runs[name]))]
        summary["replayed_in_spikes.largest_difference"] = replayed_difference(shapes, seed, cells, device)
        write_table(folder, "cells", pd.DataFrame(rows, columns=["threshold", "run", "cell", *FINALS]))
        save_figure(folder, "bcm_selectivity", selectivity_figure(shapes, runs, shown=typical(runs["sliding"])))
        write_summary(folder, summary)
        write_manifest(
            folder,
            configuration=dict(
                seeds=seeds, cells=cells, patterns=patterns, seconds=seconds, device=device, quick=quick
            ),
            seeds={"seed": seed},
        )
    for key, value in summary.items():
        typer.echo(f"{key:55} {value:.6g}")
    typer.echo(f"results in {out}")


def rule_from(theta0: float) -> BCM:
    """θ follows y² over tens of patterns, and moves faster than the weights."""
    return BCM(tau_w=2000 * ms, tau_theta=500 * ms, theta0=theta0, w_bound=2.0)


def bumps(n: int) -> np.ndarray:
    """`n` patterns of unit length, bumps spread around a ring of inputs; neighbours overlap."""
    centres = (np.arange(n) + 0.5) * N_INPUTS / n
    distance = (np.arange(N_INPUTS) - centres[:, None] + N_INPUTS / 2) % N_INPUTS - N_INPUTS / 2
    shapes = np.exp(-0.5 * (distance / WIDTH) ** 2)
    if np.linalg.matrix_rank(shapes, tol=1e-3) < n:
        raise SpikedtpError(f"--patterns {n}: so many bumps on {N_INPUTS} inputs are not independent; use fewer")
    return shapes / np.linalg.norm(shapes, axis=1, keepdims=True)


def first_weights(rng: np.random.Generator, cells: int) -> np.ndarray:
    return rng.uniform(0, 1 / np.sqrt(N_INPUTS), (cells, N_INPUTS))


def closed_loop(rule: BCM, shapes, rng, cells: int, seconds: float, sliding: bool) -> dict[str, np.ndarray]:
    """Cells that learn while patterns come in random order; kept every half percent of the run."""
    steps = round(seconds / float(DT))
    weight, state = first_weights(rng, cells), rule.initial_state(cells, N_INPUTS)
    order = rng.integers(len(shapes), size=steps // HOLD + 1)
    step, every = rule.stepper(DT), max(1, steps // 200)
    kept = {"time": [], "responses": [], "theta": [], "weights": []}
    for k in range(steps + 1):
        if k % every == 0:
            for name, value in zip(
                kept, (k * float(DT), responses(weight, shapes), state["theta"], weight), strict=True
            ):
                kept[name].append(np.array(value))
        x = shapes[order[k // HOLD]] if k < steps else shapes[0]
        weight, moved = step(weight, state, Row(x, responses(weight, x)))
        state = moved if sliding else state
    kept = {name: np.array(values) for name, values in kept.items()}
    return kept | {"selectivity": selectivity(kept["responses"])}


def responses(weight: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Rectified linear responses to one pattern or, with a leading axis, to each of many: (cells, [patterns])."""
    return np.maximum(weight @ x.T, 0.0)


def selectivity(y: np.ndarray) -> np.ndarray:
    """1 - mean/max over patterns: 0 for a cell that answers to all alike, 1 - 1/n for one pattern alone."""
    largest = y.max(axis=-1)
    return np.where(largest > 1e-9, 1 - y.mean(axis=-1) / np.maximum(largest, 1e-9), 0.0)


def join(found: list[dict]) -> dict[str, np.ndarray]:
    """The cells of all runs side by side."""
    return {"time": found[0]["time"]} | {
        name: np.concatenate([run[name] for run in found], axis=1) for name in found[0] if name != "time"
    }


FINALS = ("selectivity", "largest_response", "preferred_pattern", "theta")


def finals(run: dict) -> list[tuple]:
    last = run["responses"][-1]
    return list(zip(run["selectivity"][-1], last.max(-1), last.argmax(-1) + 1, run["theta"][-1], strict=True))


def describe(name: str, run: dict) -> dict[str, float]:
    """Medians over cells at the end of the run, and the share of silent ones."""
    key, largest = name.replace(", ", "_"), run["responses"][-1].max(axis=-1)
    return {
        f"{key}.selectivity.median_at_start": float(np.median(run["selectivity"][0])),
        f"{key}.selectivity.median": float(np.median(run["selectivity"][-1])),
        f"{key}.selectivity.low": float(np.quantile(run["selectivity"][-1], 0.25)),
        f"{key}.selectivity.high": float(np.quantile(run["selectivity"][-1], 0.75)),
        f"{key}.largest_response.median": float(np.median(largest)),
        f"{key}.theta.median": float(np.median(run["theta"][-1])),
        f"{key}.silent_cells": float(np.mean(largest < SILENT)),
    }


def typical(run: dict) -> int:
    """The cell with the median selectivity."""
    final = run["selectivity"][-1]
    return int(np.argsort(final, kind="stable")[len(final) // 2])


def replayed_difference(shapes, seed: int, cells: int, device: str) -> float:
    """The first steps of a run again, its inputs and responses given to Brian2 synapses: largest difference of W."""
    rule = rule_from(CONDITIONS["sliding"])
    rng = np.random.default_rng([seed, 0])
    weight, state = first_weights(rng, cells), rule.initial_state(cells, N_INPUTS)
    start, order, step = weight, rng.integers(len(shapes), size=REPLAYED // HOLD), rule.stepper(DT)
    pre, post = shapes[np.repeat(order, HOLD)], np.empty((REPLAYED, cells))
    for k, x in enumerate(pre):
        post[k] = responses(weight, x)
        weight, state = step(weight, state, Row(x, post[k]))
    spiking = replay(rule, pre, post, start, dt=DT, form="spiking", device=device)
    return float(np.abs(spiking.w[-1] - weight).max())


if __name__ == "__main__":
    run_script(main)
