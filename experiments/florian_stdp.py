"""Spike-timing-dependent plasticity with and without reward: the eight-row demonstration.

Claim (Florian 2007, Neural Comput. 19:1468, doi:10.1162/neco.2007.19.6.1468, Figure 1): a reward that multiplies the
pair term (MSTDP) turns potentiation into depression when it turns negative, and with an eligibility trace (MSTDPET) it
also acts on pairs that came before it.

What differs: both conventions in use, "same step" (the reward meets the pair term of its own step, as in Inferno) and
"lag" (of the step before: the paper's equations, as in ngc-learn); every curve comes from Brian2 synapses that are only
touched when a cell fires or the reward changes, and is checked against the step-by-step rate form.

To expect for the paper's trains (γ = 0.2, τ± = 20 ms, τz = 25 ms, w0 = 0.2; reward 1 up to 100 ms, then -1), final
weights: STDP 0.2690, MSTDP 0.2033, MSTDPET 0.3342 (same step) or 0.3395 (lag).

    python experiments/florian_stdp.py --out results/florian_stdp
    python experiments/florian_stdp.py --out DIR --spikes FILE.csv     # columns time_ms,neuron; neuron is pre or post

Nothing is drawn at random: the seed is recorded and changes nothing.
"""

from __future__ import annotations

import csv
import math
from pathlib import Path

import numpy as np
import pandas as pd
import typer
from figures.spike_timing import eight_row_figure

from spikedtp import replay
from spikedtp.cli import run_script
from spikedtp.errors import SpikedtpError
from spikedtp.plasticity import MSTDP, MSTDPET, STDP
from spikedtp.records import save_figure, staged, write_manifest, write_summary, write_table
from spikedtp.spiking import default_device

RULES = (STDP, MSTDP, MSTDPET)
CONVENTIONS = ("same-step", "lag")
TRAINS = {"pre": (10, 85, 115, 135), "post": (15, 75, 110, 140)}
STEPS, LONGEST = 201, 100_000
W0 = 0.2
# Inferno 0.0.5 in float32 (same step); ngc-learn 3.2.1 and the paper's equations in float64 (lag)
PUBLISHED = {
    ("same-step", "STDP"): 0.26903638,
    ("same-step", "MSTDP"): 0.20330243,
    ("same-step", "MSTDPET"): 0.33419913,
    ("lag", "STDP"): 0.26903638,
    ("lag", "MSTDP"): 0.20330239,
    ("lag", "MSTDPET"): 0.33953835,
}


def main(
    out: Path = typer.Option(Path("results/florian_stdp"), help="Folder for the results."),
    quick: bool = typer.Option(False, help="On Brian2's runtime device alone: nothing is compiled."),
    seed: int = typer.Option(0, min=0, help="Recorded; nothing is random here."),
    spikes: Path = typer.Option(None, metavar="FILE.csv", help="Your trains: columns time_ms,neuron (pre or post)."),
    reward_until: float = typer.Option(100.0, metavar="MS", help="The reward is 1 up to here and -1 afterwards."),
    device: str = typer.Option(None, help="cpp_standalone or runtime; default: C++ where it compiles."),
) -> None:
    """STDP, MSTDP and MSTDPET on one synapse: spikes, traces, eligibility, reward and weights in both conventions."""
    device = "runtime" if quick else device or default_device()
    trains = dict(TRAINS) if spikes is None else read_spikes(spikes)
    signals = rasters(trains, STEPS if spikes is None else None, reward_until)
    published = PUBLISHED if spikes is None and reward_until == 100 else {}
    with staged(out) as folder:
        results, summary, rows = {}, {}, []
        for convention in CONVENTIONS:
            results[convention] = {}
            for kind in RULES:
                rule, name = kind(learning_rate=0.2, convention=convention), kind.__name__
                given = (signals["pre"][:, None], signals["post"][:, None], W0)
                spiking = replay(rule, *given, modulator=signals["reward"], form="spiking", device=device)
                rate = replay(rule, *given, modulator=signals["reward"])
                results[convention][name] = spiking
                final, key = float(spiking.w[-1, 0, 0]), f"{convention}.{name}"
                summary |= {
                    f"{key}.final_weight": final,
                    f"{key}.published_final_weight": published.get((convention, name)),
                    f"{key}.largest_difference_of_spiking_and_rate_form": float(np.abs(spiking.w - rate.w).max()),
                }
                rows.append([convention, name, final, published.get((convention, name))])
        write_table(folder, "trajectories", trajectories(signals, results))
        save_figure(folder, "florian_stdp", eight_row_figure(signals, results, published))
        write_summary(folder, summary)
        write_manifest(
            folder,
            configuration=dict(spikes=spikes, trains=trains, reward_until=reward_until, device=device, quick=quick),
            seeds={"seed": seed},
            inputs=[spikes] if spikes else [],
        )
    for convention, name, final, known in rows:
        typer.echo(f"{convention:10} {name:8} {final:.8f}" + (f"   published {known:.8f}" if known else ""))
    typer.echo(f"results in {out}")


def read_spikes(path: Path) -> dict[str, tuple[float, ...]]:
    """Spike times in ms of `pre` and `post` from a CSV file with the columns time_ms and neuron."""
    try:
        lines = list(csv.DictReader(path.read_text(encoding="utf-8-sig").splitlines(), skipinitialspace=True))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        reason = getattr(error, "strerror", None) or "not a text file"
        raise SpikedtpError(f"--spikes {path} cannot be read: {reason}") from None
    if not lines or not {"time_ms", "neuron"} <= lines[0].keys():
        found = ", ".join(map(str, lines[0])) if lines else "no rows"
        raise SpikedtpError(f"--spikes {path}: needs a header 'time_ms,neuron' and at least one row, found {found}")
    trains: dict[str, list[float]] = {"pre": [], "post": []}
    for number, line in enumerate(lines, start=2):
        where, neuron = f"--spikes {path}, line {number}", (line["neuron"] or "").strip()
        try:
            time = float(line["time_ms"])
        except (TypeError, ValueError):
            raise SpikedtpError(f"{where}: time_ms must be a number, got {line['time_ms']!r}") from None
        if not math.isfinite(time) or not 0 <= time < LONGEST:
            raise SpikedtpError(f"{where}: time_ms must be at least 0 and below {LONGEST}, got {line['time_ms']}")
        if neuron not in trains:
            raise SpikedtpError(f"{where}: neuron must be pre or post, got {neuron!r}")
        if round(time) in map(round, trains[neuron]):
            raise SpikedtpError(f"{where}: {neuron} has two spikes in the same step of 1 ms, at {round(time)} ms")
        trains[neuron].append(time)
    return {neuron: tuple(sorted(times)) for neuron, times in trains.items()}


def rasters(trains: dict[str, tuple[float, ...]], steps: int | None, reward_until: float) -> dict[str, np.ndarray]:
    """0/1 for every step of 1 ms, and the reward; by default 60 ms longer than the last spike."""
    steps = steps or round(max(max(times, default=0) for times in trains.values())) + 61
    signals = {neuron: np.zeros(steps) for neuron in trains}
    for neuron, times in trains.items():
        signals[neuron][[round(time) for time in times]] = 1
    return signals | {"reward": np.where(np.arange(steps) <= reward_until, 1.0, -1.0)}


def trajectories(signals, results) -> pd.DataFrame:
    """One row per step: the signals, and for each convention its traces and the three weights."""
    table = {"time_ms": np.arange(len(signals["pre"]))} | signals
    for convention, rules in results.items():
        states = rules["MSTDPET"].state
        table |= {f"{convention}.{name}": values.reshape(len(values), -1)[1:, 0] for name, values in states.items()}
        table |= {f"{convention}.w_{name.lower()}": result.w[1:, 0, 0] for name, result in rules.items()}
    return pd.DataFrame(table)


if __name__ == "__main__":
    run_script(main)
