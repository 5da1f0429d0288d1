"""Brunel's sparse network with synapses that learn: irregular firing, as theory says, and weights that spread out.

Claim (Brunel 2000, J. Comput. Neurosci. 8:183, doi:10.1023/A:1008925309027): sparsely connected excitatory and
inhibitory cells with dominating inhibition fire irregularly and asynchronously, at rates that follow from the mean and
the variance of their inputs. With additive STDP (Song, Miller & Abbott 2000, Nat. Neurosci. 3:919) between excitatory
cells the weights drift apart towards their bounds, and the firing stays irregular.

What differs: 1,000 or 10,000 cells in the place of 12,500, and delays between 0.5 and 2.5 ms in the place of one.

To expect for 1,000 static cells (seed 0, 10 s): 12.0 Hz and a CV of .46, where theory, for infinitely many infinitely
small jumps, has 12.5 Hz and .53.

    python experiments/brunel_stdp.py --out results/brunel_stdp
    python experiments/brunel_stdp.py --out results/brunel_static --learning-rate 0
    python experiments/benchmarks/brunel.py --out results/brunel_benchmark --nest PYTHON    # beside Brian2 and NEST
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import typer
from brian2 import second
from figures.brunel import brunel_figure
from recurrent.brunel import DT, KINDS, Brunel, build, draw_wiring, network_theory
from recurrent.own_device import Cost, run_own
from recurrent.spike_statistics import cell_rates, interval_cvs, mean_correlation

from spikedtp.cli import run_script
from spikedtp.errors import SpikedtpError, known_names
from spikedtp.records import save_figure, staged, write_manifest, write_summary, write_table
from spikedtp.spiking import default_device
from spikedtp.spiking.rule_synapses.of_rules import DENSE_FROM

SETTLED = 0.5  # s, after which activity counts


def main(
    out: Path = typer.Option(Path("results/brunel_stdp"), help="Folder for the results."),
    quick: bool = typer.Option(False, help="200 cells for 1.5 s on Brian2's runtime device: does it work?"),
    seed: int = typer.Option(0, min=0, help="Of connections, delays, initial voltages and inputs."),
    cells: int = typer.Option(1000, min=100, help="Number of cells; four fifths are excitatory."),
    seconds: float = typer.Option(20.0, help="Simulated time."),
    p: float = typer.Option(0.1, help="Probability of a connection."),
    g: float = typer.Option(6.0, help="Strength of inhibition, relative to excitation."),
    eta: float = typer.Option(1.0, help="External rate, relative to the one that reaches the threshold."),
    learning_rate: float = typer.Option(0.02, min=0.0, help="Of STDP, in parts of the largest weight; 0: static."),
    synapses: str = typer.Option("auto", help="sparse, dense or stock (Brian2's own); auto: the quickest."),
    device: str = typer.Option(None, help="cpp_standalone or runtime; default: C++ where it compiles."),
) -> None:
    """Run the network and hold its rates against theory: raster, rates, irregularity, weights."""
    if synapses not in ("auto", *KINDS):
        raise known_names("kind of --synapses", synapses, ("auto", *KINDS))
    if not 0 < p <= 1:
        raise SpikedtpError(f"--p must be above 0 and at most 1, got {p}")
    cells, seconds, device = (200, 1.5, "runtime") if quick else (cells, seconds, device or default_device())
    if not seconds > 2 * SETTLED:
        raise SpikedtpError(f"--seconds must be above {2 * SETTLED:g}, of which the first {SETTLED:g} do not count")
    kind = ("dense" if p >= DENSE_FROM[True] else "sparse") if synapses == "auto" else synapses
    model = Brunel(cells, p, g=g, eta=eta, learning_rate=learning_rate)
    with staged(out) as folder:
        found, cost = simulate(model, kind, seconds, seed, device)
        summary = statistics(model, found, seconds)
        spikes = pd.DataFrame({"cell": found["i"], "time_s": found["t"]})
        write_table(folder, "spikes", spikes)
        save_figure(folder, "brunel_stdp", brunel_figure(model, found, seconds, SETTLED))
        write_summary(folder, summary)
        write_manifest(
            folder,
            configuration=dict(model=vars(model), seconds=seconds, synapses=kind, device=device),
            seeds={"seed": seed},
            cpu_seconds=vars(cost),
        )
    for key, value in summary.items():
        typer.echo(f"{key:40} {value:.6g}")
    typer.echo(f"CPU seconds: build {cost.build:.1f}, time steps {cost.steps:.1f}\nresults in {out}")


def simulate(
    model: Brunel, kind: str, seconds: float, seed: int, device: str, project: Path | None = None
) -> tuple[dict[str, np.ndarray], Cost]:
    """Spikes (``i``, ``t`` in s) and the final weights between excitatory cells in mV (``j_ee``); what it took."""
    rng = np.random.default_rng(seed)
    wiring = draw_wiring(model, rng)

    def read(made: dict[str, Any]) -> dict[str, np.ndarray]:
        found = {"i": np.array(made["spikes"].i[:]), "t": np.array(made["spikes"].t_[:])}
        if model.learning_rate == 0:
            return found | {"j_ee": np.full(len(wiring["E_E"].pre), model.j)}
        plastic = made["plastic"]
        w = plastic.weights[wiring["E_E"].post, wiring["E_E"].pre] if kind == "dense" else np.array(plastic.w[:])
        return found | {"j_ee": 2 * model.j * w}

    return run_own(
        device,
        lambda: build(model, wiring, kind, rng),
        lambda made: made["network"].run(seconds * second, namespace={}),
        read,
        seed=seed,
        dt=DT,
        project=project,
    )


def statistics(model: Brunel, found: dict[str, np.ndarray], seconds: float) -> dict[str, float]:
    """What the network did after it had settled, and the rates that theory gives for its final weights."""
    i, t, n_e = found["i"], found["t"], model.n_e
    rates, cvs = cell_rates(i, t, model.n, SETTLED, seconds), interval_cvs(i, t, model.n, SETTLED)
    theory = network_theory(model, found["j_ee"])
    of_largest = found["j_ee"] / (2 * model.j)
    return {
        "rate_e_hz": float(rates[:n_e].mean()),
        "rate_i_hz": float(rates[n_e:].mean()),
        "cv": float(cvs.mean()) if len(cvs) else float("nan"),
        "theory_rate_e_hz": theory["rate_e"],
        "theory_rate_i_hz": theory["rate_i"],
        "theory_cv_e": theory["cv_e"],
        "correlation": mean_correlation(i, t, model.n, SETTLED, seconds),
        "weight_mean": float(of_largest.mean()),
        "weight_sd": float(of_largest.std()),
        "weights_at_bounds": float(((of_largest <= 1e-9) | (of_largest >= 1 - 1e-9)).mean()),
    }


if __name__ == "__main__":
    run_script(main)
