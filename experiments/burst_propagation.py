"""Somatic input sets how often cells have events, and dendritic input sets how many of these become bursts.

Claim (Payeur, Guerguiev, Zenke, Richards & Naud 2021, Nat. Neurosci. 24:1010, doi:10.1038/s41593-021-00857-x; Naud &
Sprekeler 2018, PNAS 115:E6329): an ensemble of cells with active dendrites carries two signals in the same spikes.
The event rate follows the current into somata, and the burst probability follows the current into dendrites.

There are four parts, all by default:

- curves: populations that are not connected, with the background noise of the published networks. Cells whose bursts
  are drawn (`BurstPoisson`) have that of the input, hidden and output cells of the XOR network. Cells with an active
  dendrite (`NaudCell`) have that of the network that propagates both signals.
- layers: that network, two layers of `NaudCell` with interneurons and short-term plasticity.
- rule: a population whose dendrites get more and less input while its synapses learn by Burstprop.
- pairings: one synapse, pairs of spikes.

To expect: with drawn bursts the probability rises from 0.05 at -200 pA to 0.90 at 1000 pA and does not depend on the
current into the soma, and the event rate falls a little as bursts make cells refractory. The active dendrite does not
separate the two as well: between -200 and 200 pA into the soma the burst probability rises from 0.26 to 0.37. In the
layers each signal follows its current with a correlation of 0.9 or more, and the other one does not. Weights of the
population rise by 7 per cent and fall by 4 while burst probability is above or below its average, and come back.

    python experiments/burst_propagation.py --out results/burst_propagation
    python experiments/burst_propagation.py --part layers --out results/burst_layers
"""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path

import pandas as pd
import typer
from bursts.curves import NOISES, curves, slopes
from bursts.learning_rule import learn_in_population, weights_of_phases
from bursts.pairings import pairings
from bursts.propagation import Propagation, correlations, propagate
from figures.burst_signals import layers_figure, pairings_figure, rule_figure
from figures.burstprop import curves_figure

from spikedtp.cli import run_script
from spikedtp.errors import SpikedtpError
from spikedtp.records import save_figure, staged, write_manifest, write_summary, write_table
from spikedtp.spiking import default_device

SETTLED = 0.5  # s, after which spikes count
FEWEST = 20


class Part(StrEnum):
    curves = "curves"
    layers = "layers"
    rule = "rule"
    pairings = "pairings"


def main(
    out: Path = typer.Option(Path("results/burst_propagation"), help="Folder for the results."),
    quick: bool = typer.Option(False, help="Few cells for 0.2 s on Brian2's runtime device: does it work?"),
    seed: int = typer.Option(1, min=0, help="Of the noise, of connections and of drawn bursts."),
    cells: int = typer.Option(1000, help="For each pair of currents."),
    seconds: float = typer.Option(4.0, help="Simulated time of each pair of currents, beside 0.5 s to settle."),
    part: list[Part] = typer.Option(list(Part), help="One part, or several with several --part."),
    device: str = typer.Option(None, help="cpp_standalone or runtime; default: C++ where it compiles."),
) -> None:
    """Event rates and burst probabilities: against currents, across layers, while synapses learn."""
    if cells < FEWEST:
        raise SpikedtpError(f"{cells} cells are too few for a population rate: --cells must be at least {FEWEST}")
    if not seconds > 0:
        raise SpikedtpError(f"--seconds must be above 0, got {seconds}")
    cells, seconds, device = (FEWEST, 0.2, "runtime") if quick else (cells, seconds, device or default_device())
    summary: dict[str, float] = {}
    cpu: dict[str, float] = {}
    with staged(out) as folder:
        if Part.curves in part:
            found = [curves(name, cells, 0.05 if quick else SETTLED, seconds, seed, device) for name in NOISES]
            table, cpu["curves"] = pd.concat([table for table, _ in found], ignore_index=True), sum(c for _, c in found)
            write_table(folder, "curves", table)
            save_figure(folder, "burst_propagation", curves_figure(table))
            summary |= slopes(table)
        if Part.layers in part:
            model = Propagation(200, settled=0.05, seconds=0.2) if quick else Propagation()
            table, cpu["layers"] = propagate(model, seed, device)
            write_table(folder, "layers", table)
            save_figure(folder, "burst_layers", layers_figure(table, model.settled))
            summary |= correlations(table, model.settled)
        if Part.rule in part:
            scale = 0.002 if quick else 1.0
            table, cpu["rule"] = learn_in_population(200 if quick else 1000, scale, seed, device)
            write_table(folder, "rule", table)
            save_figure(folder, "burst_rule", rule_figure(table))
            summary |= {f"weight_percent_{name}": value for name, value in weights_of_phases(table).items()}
        if Part.pairings in part:
            table = pairings(seed, **(dict(draws=2, seconds=0.5, points=3) if quick else {}))
            write_table(folder, "pairings", table)
            save_figure(folder, "burst_pairings", pairings_figure(table))
        write_summary(folder, {"cells": cells, "seconds": seconds, **summary})
        options = {"cells": cells, "seconds": seconds, "device": device, "parts": [each.value for each in part]}
        write_manifest(
            folder, configuration=options, seeds={"seed": seed}, timings={f"cpu_s_{k}": v for k, v in cpu.items()}
        )
    for key, value in summary.items():
        typer.echo(f"{key:50} {value:.6g}")
    told = ", ".join(f"{name} {seconds:.1f}" for name, seconds in cpu.items())
    typer.echo(f"CPU seconds of the time steps: {told}\nresults in {out}")


if __name__ == "__main__":
    run_script(main)
