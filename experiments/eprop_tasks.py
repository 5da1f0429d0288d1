"""A recurrent network of spiking cells learns to draw a curve, or to remember cues, from online eligibility traces.

Claim (Bellec et al. 2020, Nat. Commun. 11:3625, doi:10.1038/s41467-020-17236-y): e-prop trains recurrent spiking
networks without backpropagation through time. The regression task asks for a sum of four sines over one second from
frozen noise. The evidence accumulation task shows seven cues on the left or right and asks, after a second of waiting,
which side had more; for this half of the cells adapt with a time constant of two seconds.

What differs: the regression uses Adam and a learning rate of 0.003, and not gradient descent; both tasks use the sizes,
cells and constants of NEST's examples, and draws of this script's own.

To expect: in the regression a tenth of the first loss after 97, 53 and 88 updates (seeds 0, 1 and 2, random feedback).
The evidence accumulation learns over hundreds of updates, and its accuracy fluctuates: no number is claimed for it.

    python experiments/eprop_tasks.py --task regression --out results/eprop_regression
    python experiments/eprop_tasks.py --task evidence --out results/eprop_evidence
"""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import typer
from brian2 import Hz, ms
from figures.eprop import eprop_figure

from spikedtp import EPropResult, run_eprop
from spikedtp.cli import run_script
from spikedtp.errors import known_names
from spikedtp.plasticity import EProp
from spikedtp.records import save_figure, staged, write_manifest, write_summary, write_table
from spikedtp.spiking import default_device

CUES, CUE, GAP, WAIT, RECALL = 7, 100, 50, 1050, 150  # number of cues; steps
CELLS, PERIODS = 100, (1000, 500, 333, 200)
BETA = 1.7 * (1 - np.exp(-1 / 2000)) / (1 - np.exp(-1 / 20))
RULES = {
    "regression": EProp(
        tau_m=30 * ms, v_threshold=0.03, tau_readout=30 * ms, height=10.0, width=0.03, c_reg=300.0, f_target=10 * Hz,
        spike_arrival="decay", optimizer="adam", learning_rate=3e-3,
    ),
    "evidence": EProp(
        t_refractory=5 * ms, beta=[0.0] * (CELLS // 2) + [BETA] * (CELLS // 2), c_reg=300.0, loss="cross_entropy",
        learning_window=RECALL * ms, average_gradient=True, optimizer="adam", learning_rate=5e-3,
    ),
}  # fmt: skip
TESTED = 200  # trials of evidence accumulation that are not learned from


def main(
    out: Path = typer.Option(Path("results/eprop_tasks"), help="Folder for the results."),
    quick: bool = typer.Option(False, help="A few updates: does it work?"),
    seed: int = typer.Option(0, min=0, help="Of weights, feedback, inputs and targets."),
    task: str = typer.Option("regression", help="regression or evidence."),
    feedback: str = typer.Option("random", help="random, symmetric or adaptive."),
    updates: int = typer.Option(200, min=1, help="Updates of the weights."),
    form: str = typer.Option("rate", help="rate: steps on arrays; spiking: a Brian2 network."),
    device: str = typer.Option(None, help="cpp_standalone or runtime; default: C++ where it compiles."),
) -> None:
    """Train a network of 100 cells by e-prop: losses of all updates, and what the network does at the end."""
    if task not in RULES:
        raise known_names("task", task, RULES)
    updates, batch = (min(updates, 5), 2) if quick else (updates, 32)
    batch, rng = (batch if task == "evidence" else 1), np.random.default_rng(seed)
    x, target = evidence(rng, updates * batch) if task == "evidence" else regression(rng, updates)
    options = {"feedback": feedback, "form": form, "device": device or default_device(), "seed": seed}
    with staged(out) as folder:
        weights, started = first_weights(rng, x.shape[-1], target.shape[-1]), time.perf_counter()
        result = run_eprop(RULES[task], *weights, x, target, batch_size=batch, **options)
        losses = result.losses.reshape(updates, batch).mean(axis=1)
        summary = {"first_loss": losses[0], "last_loss": losses[-1], "seconds": time.perf_counter() - started}
        if len(tenth := np.flatnonzero(losses < losses[0] / 10)):
            summary["updates_to_a_tenth"] = int(tenth[0])
        table = pd.DataFrame({"update": np.arange(updates), "loss": losses})
        if task == "evidence":
            table["accuracy"] = right(result, target).reshape(updates, batch).mean(axis=1)
            summary["test_accuracy"] = tested(result, rng, 4 if quick else TESTED)
        write_table(folder, "losses", table)
        last = slice(-RECALL if task == "evidence" else 0, None)
        figure = eprop_figure(losses, result.spikes[-1], result.output[-1, last], target[-1, last])
        save_figure(folder, "eprop_tasks", figure)
        write_summary(folder, summary)
        write_manifest(
            folder, configuration=options | dict(task=task, updates=updates, batch=batch), seeds={"seed": seed}
        )
    for key, value in summary.items():
        typer.echo(f"{key:25} {value:.6g}")
    typer.echo(f"results in {out}")


def first_weights(rng: np.random.Generator, n_in: int, n_out: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Normal weights whose variance is 1 / number of presynaptic cells."""
    w_in, w_rec, w_out = (
        rng.standard_normal((n_post, n_pre)) / np.sqrt(n_pre)
        for n_post, n_pre in ((CELLS, n_in), (CELLS, CELLS), (n_out, CELLS))
    )
    np.fill_diagonal(w_rec, 0)
    return w_in, w_rec, w_out


def regression(rng: np.random.Generator, intervals: int) -> tuple[np.ndarray, np.ndarray]:
    """The same noise from 100 inputs in each interval, and a sum of sines that begins at 0."""
    steps = PERIODS[0]
    x = rng.random((steps, 100)) < 0.05
    x[0] = False
    phase, at = rng.uniform(0, 2 * np.pi, len(PERIODS)), np.linspace(0, 2 * np.pi, steps)[:, None]
    waves = np.sin(at * (steps // np.array(PERIODS)) + phase) @ rng.uniform(0.5, 2, len(PERIODS))
    target = (waves - waves[0]) / np.abs(waves - waves[0]).max()
    return np.broadcast_to(x, (intervals, *x.shape)), np.broadcast_to(target[:, None], (intervals, steps, 1))


def evidence(rng: np.random.Generator, trials: int) -> tuple[np.ndarray, np.ndarray]:
    """Ten inputs each for cues left and right, for the time of recall, and for noise; the class is the side."""
    steps = CUES * (CUE + GAP) + WAIT + RECALL
    cues = rng.random((trials, CUES)) < rng.choice([0.3, 0.7], (trials, 1))
    rate = np.zeros((trials, steps, 4), dtype=np.float32)
    rate[:, :, 3], rate[:, -RECALL:, 2] = 0.01, 0.04
    for place in range(CUES):
        start = GAP + place * (CUE + GAP)
        rate[:, start : start + CUE, 0] = 0.04 * ~cues[:, place, None]
        rate[:, start : start + CUE, 1] = 0.04 * cues[:, place, None]
    x = rng.random((trials, steps, 40), dtype=np.float32) < np.repeat(rate, 10, axis=-1)
    x[:, 0] = False
    side = (cues.sum(axis=1) > CUES // 2).astype(int)
    return x, np.broadcast_to(np.eye(2)[side][:, None], (trials, steps, 2))


def right(result: EPropResult, target: np.ndarray) -> np.ndarray:
    """Whether the mean output during recall points to the side that had more cues."""
    return result.output[:, -RECALL:].mean(axis=1).argmax(axis=-1) == target[:, -1].argmax(axis=-1)


def tested(result: EPropResult, rng: np.random.Generator, trials: int) -> float:
    """The accuracy in new trials, with weights that no longer change."""
    x, target = evidence(rng, trials)
    still, weights = (
        replace(RULES["evidence"], learning_rate=0.0),
        (result.w_in[-1], result.w_rec[-1], result.w_out[-1]),
    )
    return float(right(run_eprop(still, *weights, x, target, feedback=result.feedback), target).mean())


if __name__ == "__main__":
    run_script(main)
