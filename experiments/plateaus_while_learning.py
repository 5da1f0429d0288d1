"""What do dendrites do while a network learns whose plateaus come from voltages alone?

Every population is made of the pyramidal cells of Naud & Sprekeler (2018, PNAS 115:E6329,
doi:10.1073/pnas.1720995115), with their own threshold, adaptation and regenerative dendritic current
(`neurons.NaudInCircuit`). They learn handwritten digits online in the closed loop, by dendritic target propagation. No
soma is held. Before, in the middle of and after learning, dendrites are recorded while validation images and their
targets are shown. A plateau is a time of at least 10 ms for which a dendrite stays above -38 mV, where half of its
active current flows. A burst is two spikes or more in less than 16 ms, as in Burstprop.

What differs from the published cell: conductances are slow (50 ms, as NMDA receptors; with 5 ms the network is mostly
noise), and a constant current of 0.4 nA flows into the somata. Four networks are compared for each seed: all learns;
hidden layers stay as they were drawn; all learns with passive dendrites, which make no plateaus; and the rate network
with the same weights, images and order. Settings were chosen on validation images of seed 0 (docs/cells.md tells what
was tried). Test images are not shown.

    python experiments/plateaus_while_learning.py --out results/plateaus
    python experiments/plateaus_while_learning.py --out DIR --quick

To expect (2,400 presentations, three seeds, validation images): .60 by spikes and .67 in rate, .09 with hidden layers
that stay, .59 with passive dendrites, .91 for the rate network. Plateaus after learning: 35 to 65 ms, 58 to 68 mV, one
in three or four presentations of a cell; 16 to 44 % of events are bursts. Twenty minutes on two busy cores.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import typer
from brian2 import ms, mV
from figures.plateaus import plateaus_figure
from intervals import interval
from kept import trained

from spikedtp.circuit import read_circuit
from spikedtp.cli import run_script
from spikedtp.configuration import TrainConfiguration
from spikedtp.jobs.data import circuit_and_data
from spikedtp.jobs.settings import in_spikes
from spikedtp.rate import load_rate_network
from spikedtp.recordings import burst_counts, plateaus
from spikedtp.records import save_figure, staged, write_manifest, write_summary, write_table

CIRCUIT = "digits_dtp"
UNIT_RATE = 140  # Hz: what an activity of 1 makes these cells fire at
CELL = {
    "name": "NaudInCircuit", "unit_voltage": "160*mV", "unit_voltage_dend": "160*mV", "tau_exc": "50*ms",
    "tau_inh": "50*ms", "i_background": "400*pA",
}  # fmt: skip
PASSIVE = dict.fromkeys(("g_active_dend", "g_active_soma", "i_back"), "0*pA")
IN_SPIKES = {
    "mode": "spiking", "cell": CELL, "unit_rate": UNIT_RATE, "dt": 0.5, "settle": 200, "read": 120,
    "phases": {"hold": "none", "nudge": "150*ms", "wait": "50*ms"},
}  # fmt: skip
ABOVE, LEAST, BURST = -38 * mV, 10 * ms, 16 * ms
HIDDEN = ("H1E", "H2E")
WHEN = ("before", "during", "after")


def main(
    out: Path = typer.Option(Path("results/plateaus"), help="Folder for the results."),
    samples: int = typer.Option(2400, min=4, help="Presentations."),
    seeds: int = typer.Option(3, min=1, help="How many seeds."),
    validation: int = typer.Option(300, min=10, help="Training images that are held out, from the end."),
    recorded: int = typer.Option(40, min=1, help="Validation images of which dendrites are recorded."),
    quick: bool = typer.Option(False, help="One seed, few images: no more than a test that it runs."),
    device: str = typer.Option(None, help="cpp_standalone or runtime; default: C++ where it compiles."),
) -> None:
    """Dendritic plateaus, bursts and accuracy while a circuit of Naud-Sprekeler cells learns."""
    if quick:
        samples, seeds, validation, recorded = 8, 1, 10, 2
    circuit = read_circuit(CIRCUIT)
    interneurons = [p.name for p in circuit.populations if p.name.endswith("I")]
    spikes = IN_SPIKES | {"unit_rates": dict.fromkeys(interneurons, UNIT_RATE) | {circuit.input.name: 200}}
    still = {p.name: {"learning_rate": 0.0} for p in circuit.projections if p.rule and p.post != circuit.output.name}
    base: dict[str, Any] = {"circuit": CIRCUIT, "data": "digits", "samples": samples, "validation": validation}
    base |= {"validation_from": "end", "probe_every": samples // 4, "keep_at": (samples // 2,), "schedule": "constant"}
    base |= {"device": device}
    accuracies, found, examples = [], [], {}
    for seed in range(seeds):
        settings = base | {"seed": seed, "data_seed": seed}
        ways = {
            "all learns": spikes,
            "hidden layers stay": spikes | {"rules": still},
            "passive dendrites": spikes | {"cell": CELL | PASSIVE},
            "rate": {"mode": "rate"},
        }
        folders = {way: trained(out / "trained", **settings, **more) for way, more in ways.items()}
        for way, folder in folders.items():
            curve = pd.read_csv(folder / "learning_curve.csv")
            accuracies.append(curve.assign(seed=seed, network=way))
        weights = {
            "before": None,
            "during": folders["all learns"] / f"weights_{samples // 2}.pt",
            "after": folders["all learns"] / "weights.pt",
        }
        for when, file in weights.items():
            rows, example = _recorded(TrainConfiguration(**settings, **spikes), file, recorded)
            found.append(rows.assign(seed=seed, when=when))
            if seed == 0:
                examples[when] = example
    curves, table = pd.concat(accuracies, ignore_index=True), pd.concat(found, ignore_index=True)
    with staged(out) as folder:
        write_table(folder, "accuracies", curves)
        write_table(folder, "dendrites", table)
        save_figure(folder, "plateaus_while_learning", plateaus_figure(curves, table, examples))
        write_summary(folder, _summary(curves, table))
        write_manifest(folder, configuration=base | spikes, seeds={"seeds": list(range(seeds))})
    typer.echo(table.groupby(["when", "population"], sort=False).mean(numeric_only=True).round(2).to_string())
    typer.echo(curves[curves["samples"] == samples].to_string())
    typer.echo(f"results in {out}")


def _recorded(settings: TrainConfiguration, weights: Path | None, n: int) -> tuple[pd.DataFrame, dict[str, Any]]:
    """What the dendrites of each population did, and one presentation of a cell with a plateau of median length."""
    material = circuit_and_data(settings, ("train", "test"))
    network = in_spikes(load_rate_network(material.circuit, weights, seed=settings.seed), settings)
    x, target = material.data.test_x[:n], material.data.test_t[:n]
    response = network.respond(x, target, seed=1, record=("spikes", "v_dend"))
    dt, rows, example = network.spec.phases.dt, [], {}
    for p in (*HIDDEN, network.circuit.output.name):
        v, spikes = response.v_dend[p], response.spikes[p]
        high = plateaus(v, dt=dt, above=ABOVE, least=LEAST)
        counts = burst_counts(spikes, dt=dt, interval=BURST)
        active = counts[counts["events"] > 0]
        seconds = len(counts) * float(network.spec.duration)
        rows.append(
            {
                "population": p,
                "rate_hz": counts["spikes"].sum() / seconds,
                "plateaus_per_presentation": len(high) / len(counts),
                "duration_ms": high["duration_ms"].median(),
                "duration_ms_p90": high["duration_ms"].quantile(0.9),
                "height_mV": high["height_mV"].median(),
                "peak_mV": high["peak_mV"].median(),
                "bursts_per_presentation": counts["bursts"].mean(),
                "burst_fraction": active["bursts"].sum() / max(active["events"].sum(), 1),
            }
        )
        if p == HIDDEN[0] and len(high):
            ended = high[high["whole"]] if high["whole"].any() else high
            at = ended.sort_values("duration_ms").iloc[len(ended) // 2]
            place = int(at["presentation"]), int(at["cell"])
            one = {"v": v, "spikes": spikes}
            example = {k: a.reshape(-1, *a.shape[-2:])[place[0], :, place[1]] for k, a in one.items()}
            example |= {"dt_ms": float(dt / ms), "onset_ms": float(network.spec.phases.settle / ms)}
    return pd.DataFrame(rows), example


def _summary(curves: pd.DataFrame, table: pd.DataFrame) -> dict[str, float]:
    """Means over seeds with their 95 % intervals."""
    found: dict[str, float] = {}
    last = curves[curves["samples"] == curves["samples"].max()]
    for way, rows in last.groupby("network", sort=False):
        for kind in ("rate", "spiking"):
            values = rows[f"accuracy_{kind}"].dropna()
            if len(values):
                low, high = interval(values)
                found |= {f"{way}.accuracy_{kind}": values.mean(), f"{way}.accuracy_{kind}.low": low}
                found[f"{way}.accuracy_{kind}.high"] = high
    for (when, population), rows in table.groupby(["when", "population"], sort=False):
        for name in rows.columns.difference(["when", "population", "seed"]):
            values = rows[name].dropna()
            low, high = interval(values) if len(values) else (np.nan, np.nan)
            found |= {f"{when}.{population}.{name}": float(values.mean()) if len(values) else np.nan}
            found |= {f"{when}.{population}.{name}.low": low, f"{when}.{population}.{name}.high": high}
    return found


if __name__ == "__main__":
    run_script(main)
