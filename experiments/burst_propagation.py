"""Somatic input sets how often cells have events, and dendritic input sets how many of these become bursts.

Claim (Payeur, Guerguiev, Zenke, Richards & Naud 2021, Nat. Neurosci. 24:1010, doi:10.1038/s41593-021-00857-x; Naud &
Sprekeler 2018, PNAS 115:E6329): an ensemble of cells with active dendrites carries two signals in the same spikes.
The event rate follows the current into somata, and the burst probability follows the current into dendrites.

Here are the population curves of both cells, with the background noise of the published networks: cells whose bursts
are drawn (`BurstPoisson`) with that of the input, hidden and output cells of the XOR network, and cells with an active
dendrite (`NaudCell`) with that of the network that propagates both signals. The cells are not connected.

To expect: with drawn bursts the probability rises from 0.05 at -200 pA to 0.90 at 1000 pA and does not depend on the
current into the soma, and the event rate falls a little as bursts make cells refractory. The active dendrite does not
separate the two as well: between -200 and 200 pA into the soma the burst probability rises from 0.26 to 0.37.

    python experiments/burst_propagation.py --out results/burst_propagation
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import typer
from brian2 import Hz, Network, ms, pA, second
from figures.burstprop import curves_figure
from recurrent.own_device import run_own

from spikedtp.cli import run_script
from spikedtp.errors import SpikedtpError
from spikedtp.neurons import BurstPoisson, NaudCell
from spikedtp.records import save_figure, staged, write_manifest, write_summary, write_table
from spikedtp.spiking import default_device
from spikedtp.spiking.parts.code_objects import code_object_class
from spikedtp.spiking.parts.relay import spike_relay
from spikedtp.synapses import BackgroundInput, BurstDetector

DT = 0.1 * ms
SETTLED = 0.5  # s, after which spikes count
DENDRITE = (500, 0.05, 0.05)
#: Cells and noise: rate of the sources of a cell (Hz), and their excitatory and inhibitory weights, at the soma.
NOISES: dict[str, tuple[Any, tuple[float, float, float]]] = {
    "burstpoisson_xor_input_noise": (BurstPoisson(), (500, 0.35, 0.35)),
    "burstpoisson_xor_hidden_noise": (BurstPoisson(), (150, 0.385, 0.49)),
    "burstpoisson_xor_output_noise": (BurstPoisson(), (150, 0.35, 0.35)),
    "naud_propagation_noise": (NaudCell(), (500, 0.35, 0.35)),
}
SOMA = (-350, -200, -100, -50, 50, 150, 300), (-200, -100, -50, 50, 100, 150, 200)
DEND = (-200, 0, 200, 400, 600, 800, 1000), (-100, 0, 50, 100, 150, 200, 300)
FEWEST = 20


def main(
    out: Path = typer.Option(Path("results/burst_propagation"), help="Folder for the results."),
    quick: bool = typer.Option(False, help="20 cells for 0.2 s on Brian2's runtime device: does it work?"),
    seed: int = typer.Option(1, min=0, help="Of the noise and of drawn bursts."),
    cells: int = typer.Option(1000, help="For each pair of currents."),
    seconds: float = typer.Option(4.0, help="Simulated time, beside 0.5 s to settle."),
    device: str = typer.Option(None, help="cpp_standalone or runtime; default: C++ where it compiles."),
) -> None:
    """Event rates and burst probabilities against both currents."""
    if cells < FEWEST:
        raise SpikedtpError(f"{cells} cells are too few for a population rate: --cells must be at least {FEWEST}")
    if not seconds > 0:
        raise SpikedtpError(f"--seconds must be above 0, got {seconds}")
    cells, seconds, device = (FEWEST, 0.2, "runtime") if quick else (cells, seconds, device or default_device())
    with staged(out) as folder:
        found = [curves(name, cells, 0.05 if quick else SETTLED, seconds, seed, device) for name in NOISES]
        table, cpu = pd.concat([table for table, _ in found], ignore_index=True), sum(cost for _, cost in found)
        write_table(folder, "curves", table)
        save_figure(folder, "burst_propagation", curves_figure(table))
        summary = {"cells": cells, "seconds": seconds, **slopes(table)}
        write_summary(folder, summary)
        options = {"cells": cells, "seconds": seconds, "device": device}
        write_manifest(folder, configuration=options, seeds={"seed": seed}, timings={"cpu_s": cpu})
    for key, value in summary.items():
        typer.echo(f"{key:50} {value:.6g}")
    typer.echo(f"CPU seconds of the time steps: {cpu:.1f}\nresults in {out}")


def curves(name: str, n: int, settled: float, seconds: float, seed: int, device: str) -> tuple[pd.DataFrame, float]:
    """Rates of `n` cells for each pair of currents, with standard errors over cells; CPU seconds of the time steps."""
    cell, noise = NOISES[name]
    active = int(isinstance(cell, NaudCell))
    pairs = [(0, dend) for dend in DEND[active]] + [(soma, 100 if active else 400) for soma in SOMA[active]]

    def make() -> dict[str, Any]:
        group = cell.group(len(pairs) * n, dt=DT, name="ensemble", codeobj_class=code_object_class())
        group.i_soma, group.i_dend = (np.repeat([pair[k] for pair in pairs], n) * pA for k in (0, 1))
        objects: list[Any] = [group]
        for compartment, (rate, *weights) in (("soma", noise), ("dend", DENDRITE)):
            for kind, weight in zip(("exc", "inh"), weights, strict=True):
                variable = f"g_{kind}_{compartment}"
                objects.append(BackgroundInput(group, variable, rate * Hz, weight, name=f"noise_{kind}_{compartment}"))
        detector = BurstDetector(group, name="detected")
        counters = {
            kind: spike_relay(
                spikes, model="n : 1", reset=f"n += int(t_in_timesteps >= {round(settled / float(DT))})", order=5,
                name=f"counted_{kind}",
            )
            for kind, spikes in (("event", detector.events), ("burst", detector.bursts))
        }  # fmt: skip
        return {"net": Network(*objects, *detector.groups, *counters.values()), "counters": counters}

    counts, cost = run_own(
        device, make, lambda made: made["net"].run((settled + seconds) * second, namespace={}),
        lambda made: {kind: np.array(group.n[:]) for kind, group in made["counters"].items()}, seed=seed, dt=DT,
    )  # fmt: skip
    rates = {kind: values.reshape(len(pairs), n) / seconds for kind, values in counts.items()}
    table = pd.DataFrame(pairs, columns=["soma_pA", "dend_pA"])
    table.insert(0, "noise", name)
    for kind, values in rates.items():
        table[f"{kind}_rate_hz"] = values.mean(axis=1)
        table[f"{kind}_rate_se"] = values.std(axis=1, ddof=1) / np.sqrt(n)
    events, bursts = (np.maximum(rates[kind].mean(axis=1), 1e-12) for kind in ("event", "burst"))
    table["burst_probability"] = p = bursts / events
    apart = rates["burst"] - p[:, None] * rates["event"]  # of a ratio of means
    table["burst_probability_se"] = apart.std(axis=1, ddof=1) / np.sqrt(n) / events
    return table, cost.steps


def slopes(table: pd.DataFrame) -> dict[str, float]:
    """How far both curves go from the lowest to the highest current."""
    found = {}
    for name, of_noise in table.groupby("noise"):
        for current, other in (("dend_pA", "soma_pA"), ("soma_pA", "dend_pA")):
            swept = of_noise[of_noise[other] == of_noise[other].mode()[0]].sort_values(current)
            for signal in ("event_rate_hz", "burst_probability"):
                key = f"{name}_{signal}_along_{current.removesuffix('_pA')}"
                found[key] = float(swept[signal].iloc[-1] - swept[signal].iloc[0])
    return found


if __name__ == "__main__":
    run_script(main)
