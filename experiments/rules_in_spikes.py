"""Which learning rules survive Poisson noise, and how much time or averaging does each need?

Galloni et al. 2026 (Cell Reports 45:117159, doi:10.1016/j.celrep.2026.117159) compare rate and spiking weight
changes for one rule, the dendritic state (their Figure 3), and train five more in rate networks (Figure 7). Here every
one of them is put to the same test: a rate network is trained with the rule, its activities are replayed as Poisson
spikes into two-compartment cells, and the rule computes ΔW from what was read out of the spikes.

For each learned projection: the median cosine of one 420 ms presentation with the rule's own ΔW in the rate network;
the cosine that would remain without noise (the systematic part: read-out windows, clipping at 1000 Hz, the lag of
recurrent inputs); the cosine that noise alone would leave; and how many presentations must be averaged for .95.

To expect (MNIST): rules driven by a plateau (dendritic state, BTSP) reach about .9 to .98 in one presentation;
contrasts of two noisy phases (temporal contrast) need several times the time; dendritic loss, whose dendrites are
balanced near zero, is the hardest.

    python experiments/rules_in_spikes.py --out results/rules_in_spikes
    python experiments/rules_in_spikes.py --data mnist:DIR --train 7500 --out results/rules_in_spikes_mnist
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import typer
from tqdm import tqdm

from spikedtp import datasets
from spikedtp.cli import run_script
from spikedtp.compare import compare_updates, summarise
from spikedtp.plotting import rules_figure
from spikedtp.rate import load_rate_network
from spikedtp.rate.online import train_online
from spikedtp.records import save_figure, staged, write_manifest, write_summary, write_table
from spikedtp.spiking import default_device, simulate

MODELS = {  # name -> the circuit's name after "digits_" or "mnist_"
    "LDS, equilibrated": "dtp_equilibrated",
    "LDS, one pass": {"digits": "dtp", "mnist": "dtp_one_pass"},
    "BTSP": "btsp",
    "supervised BCM": "supervised_bcm",
    "temporal contrast": "temporal_contrast",
    "Hebb + weight norm.": "hebb_weight_norm",
}
POPULATIONS = ("H1E", "H2E", "H2DendI", "OutputE")
WANTED = 0.95


def main(
    out: Path = typer.Option(Path("results/rules_in_spikes"), help="Folder for the results."),
    quick: bool = typer.Option(False, help="Two rules, few samples: does it run?"),
    seed: int = typer.Option(0, min=0, help="Of the initial weights, the order of samples and the spikes."),
    data: str = typer.Option("digits", help="digits or mnist:DIR."),
    n_train: int = typer.Option(3000, "--train", min=1, help="Online steps in the rate network before the test."),
    samples: int = typer.Option(20, min=1, help="Test samples."),
    repeats: int = typer.Option(5, min=1, help="Presentations of each sample."),
    device: str = typer.Option(None, help="cpp_standalone or runtime; default: C++ where it compiles."),
) -> None:
    """Rate against spiking weight changes for every rule with a dendritic or Hebbian signal."""
    models = dict(list(MODELS.items())[1:3]) if quick else MODELS
    if quick:
        n_train, samples, repeats = 200, 3, 2
    device = device or default_device()
    dataset = datasets.load(data)
    x, target = dataset.test_x[:samples], dataset.test_t[:samples]
    with staged(out) as folder:
        tables = []
        for label, circuit in tqdm(models.items(), unit="rule"):
            kind = data.partition(":")[0]
            name = circuit[kind] if isinstance(circuit, dict) else circuit
            network = load_rate_network(f"{kind}_{name}", seed=seed)
            for _ in train_online(network, dataset.train_x, dataset.train_t, n_samples=n_train, data_seed=seed):
                pass
            tables.append(in_spikes(network, x, target, repeats, device, seed).assign(model=label))
        table = pd.concat(tables, ignore_index=True)
        write_table(folder, "presentations", table)
        rules = summary_table(table)
        write_table(folder, "rules", rules)
        save_figure(folder, "rules_in_spikes", rules_figure(rules))
        write_summary(
            folder,
            {
                f"{r.model}.{r.projection}.{key}": getattr(r, key)
                for r in rules.itertuples()
                for key in ("cosine", "n_for_95")
            },
        )
        write_manifest(
            folder,
            configuration=dict(data=data, train=n_train, samples=samples, repeats=repeats, device=device, quick=quick),
            seeds={"seed": seed},
        )
    typer.echo(rules.to_string(index=False, float_format=lambda value: f"{value:.3g}"))
    typer.echo(f"results in {out}")


def in_spikes(network, x, target, repeats: int, device: str, seed: int) -> pd.DataFrame:
    """The comparison table of every learned projection onto `POPULATIONS`, with the name of its rule."""
    rate = network.present(x, target)
    tables = []
    for population in POPULATIONS:
        learned = [p.name for p in network.circuit.inputs(population) if p.rule and not p.rule.needs_gradient]
        # a rule that contrasts the phases is read out in its own way: one simulation for each projection
        for projection in learned:
            spiking = simulate(
                network, x, target, population=population, projections=[projection], n_repeats=repeats, record=(),
                device=device, seed=seed,
            )  # fmt: skip
            table = compare_updates(rate, spiking)
            rule = type(network.circuit.projection(projection).rule).__name__
            tables.append(table[table["reference"] == "rule"].assign(rule=rule))
    return pd.concat(tables, ignore_index=True)


def summary_table(table: pd.DataFrame) -> pd.DataFrame:
    """One row per model and projection: medians, intervals, and the presentations that `WANTED` would take."""
    rows = []
    for (model, rule), group in table.groupby(["model", "rule"], sort=False):
        medians = summarise(group).set_index(["projection", "measure"])
        for projection in group["projection"].unique():
            cosine = medians.loc[(projection, "cosine")]
            ceiling, noiseless = (medians.loc[(projection, m), "median"] for m in ("noise_ceiling", "noiseless_cosine"))
            rows.append(
                {
                    "model": model,
                    "rule": rule,
                    "projection": projection,
                    "cosine": cosine["median"],
                    "low": cosine["low"],
                    "high": cosine["high"],
                    "noiseless": noiseless,
                    "noise_ceiling": ceiling,
                    "n_for_95": presentations_for(WANTED, ceiling, noiseless),
                    "n": int(cosine["n"]),
                }
            )
    return pd.DataFrame(rows)


def presentations_for(wanted: float, ceiling: float, noiseless: float) -> float:
    """Presentations to average for a cosine of `wanted`; infinite if the systematic error alone is larger.

    The mean of n presentations keeps 1/n of the noise power, so cos(n) = noiseless / sqrt(1 + (ceiling⁻² - 1)/n).
    """
    if not noiseless > wanted:
        return np.inf
    return max(1.0, float(np.ceil((ceiling**-2 - 1) / ((noiseless / wanted) ** 2 - 1))))


if __name__ == "__main__":
    run_script(main)
