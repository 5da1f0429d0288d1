"""Do spiking two-compartment neurons compute the weight changes of dendritic target propagation?

Claim (Galloni et al. 2026, Cell Reports 45:117159, doi:10.1016/j.celrep.2026.117159, Figure 3): a cell that
reads its dendritic voltage and its inputs' eligibility traces at the end of one 420 ms presentation changes its weights
almost as the rate network does.

What differs: all cells of the population and all their synapses, many samples and repeats in place of two cells and
one sample; two references (the notebook's and what the rule itself changes); a second read-out of the same spikes; the
noise ceiling that Poisson statistics predict.

To expect, on MNIST with the equilibrated circuit trained for 3,000 steps, H2E from H1E, 30 samples x 5: median cosine
with the notebook's ΔW .968 (paper read-out) and .988 (best); with the rule's own .950 and .976.

    python experiments/rate_vs_spiking.py --out results/rate_vs_spiking      # the shipped digits model, two minutes
    python experiments/rate_vs_spiking.py --circuit mnist_dtp_equilibrated --weights W.pt --data mnist:DIR --out DIR
"""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pandas as pd
import typer
from brian2 import Hz, ms
from tqdm import tqdm

from spikedtp import datasets
from spikedtp.cli import run_script
from spikedtp.compare import bootstrap_median, noise_ceiling, similarity
from spikedtp.configuration import CompareConfiguration
from spikedtp.jobs.compare import run_comparison
from spikedtp.models import weights_file
from spikedtp.plotting import fidelity_figure
from spikedtp.rate import load_rate_network
from spikedtp.records import save_figure, staged, write_manifest, write_summary, write_table
from spikedtp.spiking import default_device, simulate

READOUTS = ("paper", "best")
AVERAGES = (1, 2, 5, 10, 20)
TIMES = (10.0, 20.0, 50.0, 100.0)  # ms per step of the rate network
RATES = (100.0, 200.0, 450.0, 1000.0)  # Hz of activity 1


def main(
    out: Path = typer.Option(Path("results/rate_vs_spiking"), help="Folder for the results."),
    quick: bool = typer.Option(False, help="Few samples and conditions: does it run?"),
    seed: int = typer.Option(0, min=0),
    circuit: str = typer.Option("digits_dtp", help="Circuit YAML or a shipped model's name."),
    weights: Path = typer.Option(None, help="Trained weights; default: the shipped model's."),
    data: str = typer.Option("digits", help="digits or mnist:DIR."),
    population: str = typer.Option("H2E"),
    projection: str = typer.Option("H2E_H1E", help="For the fidelity curves."),
    samples: int = typer.Option(30, min=1),
    repeats: int = typer.Option(5, min=1),
    device: str = typer.Option(None, help="cpp_standalone or runtime; default: C++ where it compiles."),
) -> None:
    """Rate against spiking weight changes: Figure 3, its follow-ups, and how fidelity grows with time and averaging."""
    if quick:
        samples, repeats = 3, 2
    weights = weights or weights_file(circuit)
    device = device or default_device()
    with staged(out) as folder:
        summary = {}
        for readout in READOUTS:
            settings = CompareConfiguration(
                circuit=circuit, weights=str(weights), data=data, population=population, samples=samples,
                repeats=repeats, device=device, readout=readout, seed=seed,
            )  # fmt: skip
            found = run_comparison(settings, folder / readout)
            summary |= {f"{readout}.{key}": value for key, value in found.items() if key.startswith(population)}

        network = load_rate_network(circuit, weights)
        dataset = datasets.load(data, parts=("test",))
        x, target = dataset.test_x[:samples], dataset.test_t[:samples]
        table = fidelity(network, x, target, population, projection, device, seed, quick)
        write_table(folder, "fidelity", table)
        save_figure(folder, "fidelity", fidelity_figure(table, projection))
        write_summary(folder, summary)
        write_manifest(
            folder,
            configuration=dict(
                circuit=circuit, weights=weights, data=data, population=population, projection=projection,
                samples=samples, repeats=repeats, device=device, quick=quick,
            ),
            seeds={"seed": seed},
            inputs=[Path(weights)] if weights else [],
        )  # fmt: skip
    typer.echo(table.to_string(index=False, float_format=lambda v: f"{v:.4f}"))
    typer.echo(f"results in {out}")


def fidelity(network, x, target, population: str, projection: str, device: str, seed: int, quick: bool) -> pd.DataFrame:
    """Median cosine (with interval) of ΔW for each read-out, against averaging, time per step and peak rate."""
    averages, times, rates = (AVERAGES[:2], TIMES[:2], RATES[1:3]) if quick else (AVERAGES, TIMES, RATES)
    rate = network.present(x, target)
    references = {"notebook": rate.notebook_update, "rule": rate.updates}
    if rate.notebook_update(projection, 0) is None:  # Figure 3 has no formula for this rule
        del references["notebook"]
    runs = [(t, 450.0) for t in times] + [(20.0, r) for r in rates if r != 450]
    rows = []
    for (time_per_step, unit_rate), readout in tqdm(list(itertools.product(runs, READOUTS)), unit="run"):
        standard = (time_per_step, unit_rate) == (20.0, 450.0)
        response = simulate(
            network, x, target, population=population, projections=[projection], readout=readout, seed=seed,
            n_repeats=max(averages) if standard else 2, time_per_step=time_per_step * ms, unit_rate=unit_rate * Hz,
            record=(), device=device,
        )  # fmt: skip
        varied = [("time per step (ms)", time_per_step, 1)] if unit_rate == 450 else []
        varied += [("rate of activity 1 (Hz)", unit_rate, 1)] if time_per_step == 20 else []
        varied += [("repeats averaged", n, n) for n in averages] if standard else []
        ceilings = np.array([noise_ceiling(response, projection, k) for k in range(len(x))])
        for (vary, value, n_averaged), reference in itertools.product(varied, references):
            median, low, high = bootstrap_median(
                *averaged_cosines(response, projection, references[reference], n_averaged)
            )
            # n independent repeats leave 1/n of the noise power
            ceiling = np.nanmedian(1 / np.sqrt(1 + (ceilings**-2 - 1) / n_averaged))
            rows.append([vary, value, readout, reference, median, low, high, ceiling])
    columns = ["vary", "value", "readout", "reference", "median", "low", "high", "noise_ceiling"]
    return pd.DataFrame(rows, columns=columns).sort_values(columns[:4], ignore_index=True)


def averaged_cosines(response, projection: str, reference, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Cosines of means over `n` repeats with the rate network's change, and the sample of each."""
    cosines, samples = [], []
    for sample in range(response.n_samples):
        expected = reference(projection, sample)
        for first in range(0, response.n_repeats - n + 1, n):
            repeats = range(first, first + n)
            mean = np.mean([response.weight_updates.of(projection, sample, k) for k in repeats], axis=0)
            cosines.append(similarity(expected, mean)["cosine"])
            samples.append(sample)
    return np.array(cosines), np.array(samples)


if __name__ == "__main__":
    run_script(main)
