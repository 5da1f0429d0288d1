"""Evidence accumulation by e-prop in this package and in NEST: the same spikes, and in how much time?

Both learn the same trials with the same weights, random feedback and Adam: 100 cells, 40 inputs, trials of 2,250 steps,
an update after each 32 of them. Times are CPU seconds of one update in one thread, without drawing and building. The
run fails if NEST counts other spikes than this package in double precision.

    python experiments/benchmarks/eprop.py --out results/eprop_benchmark --nest PYTHON

PYTHON is an interpreter for which `pip install nest-simulator` was done. Without it NEST is left out.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import typer

from spikedtp import EPropNetwork
from spikedtp.cli import run_script
from spikedtp.errors import SpikedtpError
from spikedtp.records import staged, write_manifest, write_table

sys.path.insert(0, str(Path(__file__).parent.parent))
from eprop_tasks import BETA, CELLS, RULES, evidence, first_weights

RULE = replace(RULES["evidence"], learning_rate=5e-3, learning_rate_decay=1.0)  # as in NEST's example


def main(
    out: Path = typer.Option(Path("results/eprop_benchmark"), help="Folder for the results."),
    quick: bool = typer.Option(False, help="Two updates with two trials each."),
    seed: int = typer.Option(0, min=0, help="Of weights and trials."),
    updates: int = typer.Option(3, min=1, help="Updates of the weights."),
    nest: str = typer.Option(None, metavar="PYTHON", help="An interpreter that has NEST; without it NEST is left out."),
) -> None:
    """CPU seconds and spikes of each update."""
    updates, batch, rng = (2, 2, np.random.default_rng(seed)) if quick else (updates, 32, np.random.default_rng(seed))
    w_in, w_rec, w_out = first_weights(rng, 40, 2)
    b, (x, target) = rng.standard_normal((CELLS, 2)), evidence(rng, updates * batch)
    rows = []
    with staged(out) as folder:
        for precision in ("double", "single"):
            network = EPropNetwork(RULE, w_in, w_rec, w_out, feedback=b, precision=precision)
            began, counts = time.process_time(), []
            for first in range(0, len(x), batch):
                part = slice(first, first + batch)
                counts.append(int(network.learn(x[part], target[part], batch_size=batch).spikes.sum()))
            seconds = (time.process_time() - began) / updates
            rows.append({"program": f"spikedtp, {precision} precision", "cpu_s": seconds, "spikes": counts})
        if nest is not None:
            task = {"w_in": w_in, "w_rec": w_rec, "w_out": w_out, "b": b, "x": x, "side": target[:, -1].argmax(axis=-1)}
            rows.append(in_nest(nest, task | {"batch": np.array(batch), "beta": np.array(BETA)}))
        for row in rows:
            typer.echo(f"{row['program']:30} {row['cpu_s']:8.3f} s, spikes {row['spikes']}")
        table = pd.DataFrame(rows).explode("spikes")
        write_table(folder, "eprop", table)
        write_manifest(folder, configuration={"updates": updates, "batch": batch}, seeds={"seed": seed})
    typer.echo(f"results in {out}")
    if nest is not None and rows[-1]["spikes"] != rows[0]["spikes"]:
        raise RuntimeError("NEST has other spikes")


def in_nest(python: str, task: dict[str, np.ndarray]) -> dict[str, object]:
    """What NEST does with the task."""
    with tempfile.TemporaryDirectory(prefix="eprop-") as work:
        np.savez(Path(work) / "task.npz", **task)
        script = Path(__file__).parent / "eprop_in_nest.py"
        try:
            done = subprocess.run(
                [python, str(script), str(Path(work) / "task.npz")], capture_output=True, text=True, check=False
            )
        except OSError as error:
            raise SpikedtpError(f"--nest {python} does not start: {error.strerror}") from None
    if done.returncode:
        raise SpikedtpError(f"--nest {python} failed: {done.stderr.strip().splitlines()[-1]}")
    found = json.loads(done.stdout.strip().splitlines()[-1])
    return {"program": f"NEST {found['nest']}", "cpu_s": found["cpu_s"], "spikes": found["spikes"]}


if __name__ == "__main__":
    run_script(main)
