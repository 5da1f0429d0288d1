"""How do networks bear noise on their inputs, and the loss of synapses, when they answer in rate and in spikes?

EIANN (the program of Galloni et al. 2026, Cell Reports 45:117159, doi:10.1016/j.celrep.2026.117159) measures the test
accuracy with Gaussian noise on the pixels (standard deviation 0 to 2, 11 levels, five seeds), and with pruned
synapses. Its way of pruning was not found. Here (`spikedtp.perturbations`) a fraction of the synapses of each
projection is set to 0, the smallest weights first or at random; tied top-down weights follow, and nothing is scaled
(``--renormalise`` restores the sums of normalised rows). EIANN leaves noisy pixels outside [0, 1] as they are. No cell
can fire at a negative rate: answers in spikes see pixels that are clipped to [0, 1], and answers in rate are shown
with both.

To expect (digits): answers in spikes follow answers in rate at every level of noise and loss. Half of what lies above
chance is lost at a noise of .6, and when 93 % (5J), 70 % (BTSP) and 61 % (backprop) of the synapses are lost, the
smallest first.

    python experiments/robustness.py --out results/robustness
    python experiments/robustness.py --data mnist:DIR --samples 20000 --seeds 5 --out results/robustness_mnist
    python experiments/robustness.py --weights results/train_1 --weights results/train_2 --out results/robustness

With ``--weights``, the results of ``spikedtp train`` are asked, on the test part of the data that they name, and
nothing is trained. Finished jobs and trained networks are kept in OUT: an interrupted run continues.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import typer
from figures.robustness import robustness_figure
from kept import Jobs, trained
from tqdm import tqdm

import spikedtp
from spikedtp.cli import run_script
from spikedtp.configuration import TrainConfiguration
from spikedtp.errors import SpikedtpError, known_names
from spikedtp.jobs.data import circuit_and_data
from spikedtp.jobs.settings import in_spikes
from spikedtp.jobs.trained import FITTED_CIRCUIT, settings_beside
from spikedtp.perturbations import pruned, with_noise
from spikedtp.rate import RateNetwork, load_rate_network
from spikedtp.records import file_hash, save_figure, staged, write_manifest, write_summary, write_table
from spikedtp.spiking import default_device

CIRCUITS = {
    "digits": {"5J": "digits_dtp", "BTSP": "digits_btsp", "backprop": "digits_backprop_dale"},
    "mnist": {"5J": "mnist_dtp_one_pass", "BTSP": "mnist_btsp", "backprop": "mnist_backprop_dale"},
}
ANSWERED = ("rate", "spikes")


class Condition(NamedTuple):
    """What is done to a network or its inputs, in which variant, and how the network then answers."""

    perturbation: str
    variant: str
    answered: str


CONDITIONS = (
    Condition("noise", "keep", "rate"),
    Condition("noise", "clip", "rate"),
    Condition("noise", "clip", "spikes"),
    *(Condition("pruning", lost, answered) for lost in ("smallest", "random") for answered in ANSWERED),
)


def main(
    out: Path = typer.Option(Path("results/robustness"), help="Folder for the results."),
    quick: bool = typer.Option(False, help="One seed, few presentations: does it run?"),
    seed: int = typer.Option(0, min=0, help="The first seed, of weights, order of samples, noise, losses and spikes."),
    seeds: int = typer.Option(3, min=1, help="How many seeds."),
    data: str = typer.Option("digits", help="digits or mnist:DIR."),
    models: str = typer.Option("5J,BTSP,backprop", help="Which models are trained (backprop: with Dale's law)."),
    samples: int = typer.Option(6000, min=1, help="Presentations to learn from."),
    weights: list[Path] = typer.Option([], help="Results of spikedtp train, or a file of weights in them. Repeatable."),
    images: int = typer.Option(None, min=1, help="Test images that are asked. Default: all."),
    levels: int = typer.Option(11, min=2, help="Levels of noise and of loss."),
    most_noise: float = typer.Option(2.0, min=0.01, help="The largest standard deviation; a pixel is at most 1."),
    projections: str = typer.Option(None, help="Which projections lose synapses. Default: all but tied ones."),
    renormalise: bool = typer.Option(False, help="Scale the rows of normalised projections to their sum again."),
    answered: str = typer.Option(",".join(ANSWERED), help="How networks answer: rate, spikes."),
    device: str = typer.Option(None, help="cpp_standalone or runtime; default: C++ where it compiles."),
) -> None:
    """Accuracy against noise and against lost synapses, in rate and in spikes."""
    started = time.perf_counter()
    if quick:
        seeds, samples, images, levels = 1, min(samples, 20), min(images or 10, 10), min(levels, 3)
    device = device or default_device()
    wanted = chosen("answer", answered, ANSWERED)
    if weights:
        networks = [from_results(folder, images) for folder in weights]
    else:
        circuits = CIRCUITS.get(data.partition(":")[0])
        if circuits is None:
            raise SpikedtpError(f"--data {data}: digits or mnist:DIR, or name trained networks with --weights")
        plan = [(circuits[m], s) for m in chosen("model", models, circuits) for s in range(seed, seed + seeds)]
        networks = []
        for circuit, s in tqdm(plan, desc="training", unit="network"):
            settings = dict(circuit=circuit, data=data, samples=samples, seed=s, data_seed=s, probe_every=samples)
            networks.append(from_results(trained(out / "trained", **settings), images))
    jobs = Jobs(out / "jobs", spikedtp.__version__)
    how = Losses(projections.split(",") if projections else None, renormalise)
    conditions = [condition for condition in CONDITIONS if condition.answered in wanted]
    todo = [(n, c, level) for n in networks for c in conditions for level in levels_of(c, levels, most_noise)]
    rows = []
    for net, condition, level in tqdm(todo, desc="asking", unit="level"):
        job = [net.hash, net.settings.data, len(net.y), net.seed, *condition, level]
        job += [device] if condition.answered == "spikes" else []
        job += [how.projections, renormalise] if condition.perturbation == "pruning" else []
        accuracy = jobs.done(job, partial(accuracy_of, net, condition, level, how, device))
        rows.append({"model": net.model, "seed": net.seed, **condition._asdict(), "level": level, "accuracy": accuracy})
    table = pd.DataFrame(rows)
    means = over_seeds(table)
    n_classes = networks[0].network.circuit.output.size
    with staged(out) as folder:
        write_table(folder, "robustness", table)
        write_table(folder, "robustness_over_seeds", means)
        save_figure(folder, "robustness", robustness_figure(means, chance=1 / n_classes))
        write_summary(folder, {"networks": len(networks), "levels": levels} | half_way(means, 1 / n_classes))
        write_manifest(
            folder,
            configuration=dict(
                data=data, models=models, samples=samples, weights=[str(w) for w in weights], images=images,
                levels=levels, most_noise=most_noise, projections=projections, renormalise=renormalise,
                answered=answered, seeds=seeds, device=device, quick=quick,
            ),
            seeds={"seed": seed},
            timings={"all": time.perf_counter() - started},
        )  # fmt: skip
    wide = means.pivot_table(index=["perturbation", "variant", "level"], columns=["model", "answered"], values="mean")
    typer.echo(wide.to_string(float_format=lambda value: f"{value:.3f}"))
    typer.echo(f"results in {out}")


def chosen(kind: str, names: str, known: Any) -> list[str]:
    found = names.split(",")
    for name in found:
        if name not in known:
            raise known_names(kind, name, known)
    return found


@dataclass(frozen=True)
class Network:
    """A trained network, and the test images for it."""

    model: str
    seed: int
    hash: str
    network: RateNetwork
    settings: TrainConfiguration
    x: np.ndarray
    y: np.ndarray


@dataclass(frozen=True)
class Losses:
    """Which projections lose synapses, and whether sums are restored."""

    projections: list[str] | None
    renormalise: bool


def from_results(place: Path, images: int | None) -> Network:
    """The network that ``spikedtp train`` left in a folder, or one of those in it, with the test part of its data."""
    weights = place if place.is_file() else place / "weights.pt"
    settings = settings_beside(weights)
    if not weights.is_file() or settings.pop("command", None) != TrainConfiguration.command:
        raise SpikedtpError(f"--weights {place}: not a results folder of 'spikedtp train' (weights.pt, config.yaml)")
    configuration = TrainConfiguration.of(settings | {"validation": 0})
    material = circuit_and_data(configuration, ("test",))
    own = weights.with_name(FITTED_CIRCUIT)
    network = load_rate_network(own if own.is_file() else material.circuit, weights)
    model = Path(configuration.circuit).stem + (", learned in spikes" if configuration.mode == "spiking" else "")
    x, y = material.data.test_x[:images], material.data.test_y[:images]
    return Network(model, configuration.seed, file_hash(weights), network, configuration, x, y)


def levels_of(condition: Condition, n: int, most_noise: float) -> Iterator[float]:
    """Standard deviations, or fractions of synapses."""
    yield from np.linspace(0, most_noise if condition.perturbation == "noise" else 1, n).round(6).tolist()


def accuracy_of(net: Network, condition: Condition, level: float, how: Losses, device: str) -> float:
    network, x, y = net.network, net.x, net.y
    if condition.perturbation == "noise":
        x = with_noise(x, level, seed=net.seed, outside=condition.variant)
    else:
        network = pruned(
            network, level, lost=condition.variant, seed=net.seed, projections=how.projections,
            renormalise=how.renormalise,
        )  # fmt: skip
    if condition.answered == "rate":
        return float((network.predict(x) == y).mean())
    spiking = in_spikes(without_gradients(network), net.settings.model_copy(update={"device": device}))
    return float((spiking.predict(x, seed=net.seed) == y).mean())


def without_gradients(network: RateNetwork) -> RateNetwork:
    """The same weights without rules that have no spiking form: they answer all the same."""
    circuit = network.circuit
    if not any(p.rule is not None and p.rule.needs_gradient for p in circuit.projections):
        return network
    fixed = replace(circuit, projections=tuple(replace(p, rule=None) for p in circuit.projections))
    return load_rate_network(fixed, network.state_dict())


def over_seeds(table: pd.DataFrame) -> pd.DataFrame:
    keys = ["model", *Condition._fields, "level"]
    return table.groupby(keys, sort=False)["accuracy"].agg(["mean", "sem", "count"]).reset_index()


def half_way(means: pd.DataFrame, chance: float) -> dict[str, float]:
    """At which level half of what lies above chance is lost: the first crossing, between levels along a line."""
    found = {}
    for labels, part in means.groupby(["model", *Condition._fields], sort=False):
        accuracy, level = part["mean"].to_numpy(), part["level"].to_numpy()
        half = (accuracy[0] + chance) / 2
        below = np.flatnonzero(accuracy < half)
        name = ".".join(labels)
        found[f"{name}.at 0"] = float(accuracy[0])
        if len(below) and (k := below[0]):
            found[f"{name}.half way at"] = float(np.interp(half, accuracy[[k, k - 1]], level[[k, k - 1]]))
    return found


if __name__ == "__main__":
    run_script(main)
