"""How long does a circuit in spikes take for a training sample, and for an answer?

Claim: 50,000 training samples of MNIST in spikes take at most 5 minutes of one core with the circuit "5J".

CPU time of the compiled program, at the default settings of `SpikingNetwork`, from fresh weights. Two runs of different
length are compared, so that reading, starting and building drop out. Networks take turns, and the least disturbed of
some rounds counts.

To expect, ms of CPU time on a core of an AMD EPYC (Zen 4) beside other work, `--samples 300 --rounds 1`; 4.6 for the
first with 1,000 and 3,000 samples:

                                   training sample   answer
    mnist_dtp_one_pass                        5.5      5.3
    mnist_btsp                                5.1      5.9
    mnist_dtp_learned_top_down                4.5      5.6

    python experiments/benchmarks/closed_loop.py --data mnist:DIR --out results/closed_loop_time
    python experiments/benchmarks/closed_loop.py --quick --out results/closed_loop_time
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from resource import RUSAGE_CHILDREN, getrusage
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import pandas as pd
import typer
from tqdm import tqdm

from spikedtp import datasets
from spikedtp.cli import run_script
from spikedtp.rate import load_rate_network
from spikedtp.rate.online import sample_order
from spikedtp.records import staged, write_manifest, write_summary, write_table
from spikedtp.spiking import SpikingNetwork

CIRCUITS = ("mnist_dtp_one_pass", "mnist_btsp", "mnist_dtp_learned_top_down")


def cpu_seconds(run: Callable[[], object]) -> float:
    """Of the processes that it starts and waits for."""
    before = getrusage(RUSAGE_CHILDREN)
    run()
    after = getrusage(RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def per_sample(circuit: str, task: str, images: datasets.Dataset, samples: int, seed: int, **options: Any) -> float:
    """CPU time in ms of a `SpikingNetwork` with these options."""

    def run(n: int) -> None:
        network = SpikingNetwork(load_rate_network(circuit, seed=seed), **options)
        if task == "train":
            network.train(images.train_x, images.train_t, sample_order(len(images.train_x), n, seed), seed=seed)
        else:
            network.predict(images.train_x[:n], seed=seed)

    run(1)  # builds
    return slope(run, samples)


def slope(run: Callable[[int], object], samples: int) -> float:
    """CPU time of a sample in ms: the difference of two runs, one three times as long as the other."""
    short, long = (cpu_seconds(lambda n=n: run(n)) for n in (samples, 3 * samples))
    return 1e3 * (long - short) / (2 * samples)


def main(
    data: str = typer.Option("digits", help="digits or mnist:DIR"),
    samples: int = typer.Option(1000, min=1, help="samples of the shorter run; the other has three times as many"),
    rounds: int = typer.Option(3, min=1),
    seed: int = 1,
    quick: bool = typer.Option(False, "--quick", help="digits_dtp alone, few samples"),
    out: Path = Path("results/closed_loop_time"),
) -> None:
    """CPU time of training samples and answers in spikes."""
    circuits = ("digits_dtp",) if quick or data == "digits" else CIRCUITS
    samples, rounds = (40, 1) if quick else (samples, rounds)
    images = datasets.load("digits" if quick else data, parts=("train",))
    cases = [(circuit, task) for circuit in circuits for task in ("train", "answer")]
    rows = [
        {"circuit": circuit, "task": task, "round": k, "ms": per_sample(circuit, task, images, samples, seed)}
        for k, (circuit, task) in tqdm([(k, case) for k in range(rounds) for case in cases])
    ]
    table = pd.DataFrame(rows)
    least = table.groupby(["circuit", "task"], sort=False)["ms"].min()
    with staged(out) as folder:
        write_table(folder, "closed_loop", table)
        write_summary(folder, {f"ms_{task}_{circuit}": float(ms) for (circuit, task), ms in least.items()})
        write_manifest(
            folder,
            configuration={"data": data, "samples": samples, "rounds": rounds, "quick": quick},
            seeds={"seed": seed},
        )
    print(least.unstack("task").round(2).to_string())


if __name__ == "__main__":
    run_script(main)
