"""What answering in spikes costs: the same weights, asked in rate and in spikes, with several ways of answering."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from brian2 import ms
from intervals import interval
from kept import Jobs, trained
from processor_time import cpu_seconds

from spikedtp.circuit import Circuit, read_circuit
from spikedtp.datasets import load
from spikedtp.neurons import NudgedCell
from spikedtp.rate import RateNetwork, load_rate_network
from spikedtp.records import file_hash
from spikedtp.spiking import ClosedResponse, Phases, SpikingNetwork

__all__ = ["answering", "answering_summary"]

DEFAULT = "default: the last 200 of 500 ms are read"
READ = (400, 800, 1600)  # ms, after the 300 ms in which the network settles
AVERAGED = (2, 4, 8)


def settings_of(circuit: Circuit, quick: bool) -> dict[str, dict[str, Any]]:
    """The ways of presenting by name, each with its options of `SpikingNetwork`; times in ms."""
    cells = {kind: [p.name for p in circuit.populations[1:] if p.cell == kind] for kind in ("E", "SomaI", "DendI")}
    interneurons = cells["SomaI"] + cells["DendI"]
    found = {
        DEFAULT: {},
        "read the last 400 of 500 ms": {"read": 400},
        **{f"read {read} of {300 + read} ms": {"settle": 300 + read, "read": read} for read in READ},
        "1 unit for each interneuron": {"spikers": dict.fromkeys(interneurons, 1)},
        "16 units for each interneuron": {"spikers": dict.fromkeys(interneurons, 16)},
        "16 units for each SomaI cell": {"spikers": dict.fromkeys(cells["SomaI"], 16)},
        "4 units for each excitatory cell": {"spikers": dict.fromkeys(cells["E"], 4)},
        "regular spikes": {"firing": "regular"},
    }
    return dict(list(found.items())[:2]) if quick else found


def networks(folder: Path, seeds: list[int], **settings: Any) -> Iterator[tuple[int, str, Path]]:
    """Seed, way of learning, and the trained weights, for networks that learned in rate and in spikes."""
    for seed in seeds:
        for mode in ("rate", "spiking"):
            out = trained(folder, mode=mode, seed=seed, data_seed=seed, probe_every=settings["samples"], **settings)
            yield seed, mode, out / "weights.pt"


def answering(
    folder: Path,
    seeds: list[int],
    *,
    circuit: str,
    data: str,
    samples: int,
    validation: int,
    repeats: int,
    device: str,
    quick: bool,
    progress: Callable[[str], Any] = print,
) -> pd.DataFrame:
    """Accuracies on validation images: one row for each network, way of presenting and way of reading the answer.

    Parameters
    ----------
    folder : path
        Trained networks and finished jobs are kept there.
    seeds : list of int
        Of initial weights, order of samples and spikes.
    repeats : int
        Presentations of each image, whose accuracies are averaged: they show the noise of answers less.
    """
    plan, jobs = read_circuit(circuit), Jobs(folder / "jobs")
    images = load(data, n_classes=plan.output.size).validated(validation, 0)
    x, y = images.test_x, images.test_y
    rows = []
    made = networks(
        folder / "trained", seeds, circuit=circuit, data=data, samples=samples, validation=validation, device=device
    )
    for seed, mode, weights in made:
        network = load_rate_network(plan, weights)
        for name, options in settings_of(plan, quick).items():
            n = max(repeats, *AVERAGED) if name == DEFAULT and not quick else repeats
            job = [file_hash(weights), data, validation, len(y), name, options, n, seed, device]
            found = jobs.done(job, lambda a=network, b=options, c=n, d=seed: answered(a, b, x, y, c, d, device))
            rows += [{"learned": mode, "seed": seed, "presented": name, **row} for row in found]
        progress(f"seed {seed}, learned in {mode}")
    return pd.DataFrame(rows)


def answered(
    network: RateNetwork, options: dict[str, Any], x: np.ndarray, y: np.ndarray, repeats: int, seed: int, device: str
) -> list[dict[str, Any]]:
    """How often the answers are right, and how often they are the rate network's, read in several ways."""
    spiking = in_spikes(network, options, device)
    spiking.respond(x[:1], seed=seed)  # builds
    start = cpu_seconds()
    spiking.respond(x[:1], seed=seed)
    begun = cpu_seconds()
    response = spiking.respond(x, seed=seed, n_repeats=repeats)
    used = cpu_seconds() - begun - (begun - start)
    rate, averaged = network.predict(x), repeats >= max(AVERAGED)
    each = 1e3 * used / (len(x) * repeats)
    return [
        {
            "read": read,
            "rate": float((rate == y).mean()),
            "spikes": float((answers == y[:, None]).mean()),
            "agreement": float((answers == rate[:, None]).mean()),
            "cpu_ms": each * presentations,
        }
        for read, presentations, answers in ways_of_reading(response, network.circuit, averaged)
    ]


def ways_of_reading(
    response: ClosedResponse, circuit: Circuit, averaged: bool
) -> Iterator[tuple[str, int, np.ndarray]]:
    """What is read, from how many presentations, and the answers, (samples, repeats)."""
    voltage, counted = (found[circuit.output.name] for found in (response.activity, response.counted))
    yield "mean voltage", 1, voltage.argmax(axis=-1)
    if averaged:
        yield "spike counts", 1, counted.argmax(axis=-1)
        for n in AVERAGED:
            several = voltage[:, : voltage.shape[1] // n * n].reshape(len(voltage), -1, n, voltage.shape[-1])
            yield f"mean voltage of {n} presentations", n, several.mean(axis=2).argmax(axis=-1)


def in_spikes(network: RateNetwork, options: dict[str, Any], device: str) -> SpikingNetwork:
    phases = Phases(settle=options.get("settle", 500) * ms, read=options.get("read", 200) * ms)
    cell = NudgedCell(firing=options.get("firing", "poisson"))
    return SpikingNetwork(network, phases=phases, cell=cell, spikers=options.get("spikers"), device=device)


def answering_summary(table: pd.DataFrame) -> pd.DataFrame:
    """Over seeds: accuracy in spikes minus accuracy in rate of the same weights, in points, with its 95 % interval."""
    rows = []
    for (learned, presented, read), part in table.groupby(["learned", "presented", "read"], sort=False):
        apart = 100 * (part["spikes"] - part["rate"]).to_numpy()
        low, high = interval(apart)
        rows.append(
            {
                "learned": learned, "presented": presented, "read": read, "rate": part["rate"].mean(),
                "difference": apart.mean(), "low": low, "high": high, "agreement": part["agreement"].mean(),
                "cpu_ms": part["cpu_ms"].median(), "seeds": len(part),
            }
        )  # fmt: skip
    return pd.DataFrame(rows)
