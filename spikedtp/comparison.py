"""The main job, whole: present samples to both networks, compare their weight changes, write tables and figures."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pandas as pd
from tqdm import tqdm

from spikedtp import datasets
from spikedtp.circuit import Circuit
from spikedtp.compare import compare_updates, summarise
from spikedtp.errors import SpikedtpError
from spikedtp.plotting import dendritic_state_figure, eligibility_figure, figure3, similarity_figure
from spikedtp.rate import RateNetwork, RateResponse, load_rate_network
from spikedtp.records import save_figure, staged, write_manifest, write_summary, write_table
from spikedtp.spiking import SpikingResponse, simulate

__all__ = ["draw_presentation", "run_comparison", "shown_sample"]

SUMMARY_MEASURES = ("pearson_r", "slope", "cosine", "angle", "sign_agreement", "noise_ceiling", "noiseless_cosine")


def run_comparison(
    *,
    circuit: str | Path,
    weights: str | Path | None,
    data: str,
    population: str,
    samples: int,
    repeats: int,
    unit_rate: float,
    time_per_step: float,
    dt: float,
    device: str,
    loop: str,
    readout: str,
    seed: int,
    out: str | Path,
    progress: bool = True,
) -> dict:
    """Compare rate and spiking ΔW of one population's learned projections and write the results to `out`.

    Parameters
    ----------
    circuit, weights : path or name
    data : str
        ``"digits"`` or ``"mnist:DIR"``; the first `samples` test images are presented, `repeats` times each.
    population : str
    unit_rate : float
        Hz of activity 1.
    time_per_step, dt : float
        Milliseconds.
    device, loop, readout, seed
        As in `spikedtp.simulate`.
    out : path
        Gets summary.json, manifest.json, comparison.csv, medians.csv and the figures, all or nothing.

    Returns
    -------
    dict
        What summary.json holds.
    """
    from brian2 import Hz, ms  # late: everything above can be checked before Brian2 is loaded

    started = time.perf_counter()
    configuration = {key: value for key, value in locals().items() if key not in ("Hz", "ms", "started", "progress")}
    with staged(out) as folder:
        network, x, target, labels = _load(circuit, weights, data, samples)
        _check_learned(network.circuit, population)
        options = dict(
            population=population,
            loop=loop,
            device=device,
            seed=seed,
            readout=readout,
            unit_rate=unit_rate * Hz,
            time_per_step=time_per_step * ms,
            dt=dt * ms,
        )
        # no bar before the first presentation is done: a mistake that simulate finds is then the only line on stderr
        with tqdm(total=len(x) * repeats, unit="presentation", disable=not progress, delay=1e-6) as bar:
            spiking = simulate(
                network,
                x,
                target,
                n_repeats=repeats,
                record=(),
                progress=lambda done: bar.update(done - bar.n),
                **options,
            )
        simulated = time.perf_counter()
        rate = network.present(x, target)
        table = compare_updates(rate, spiking)
        medians = summarise(table)

        write_table(folder, "comparison", table)
        write_table(folder, "medians", medians)
        compared = time.perf_counter()
        shown = shown_sample(rate, population)
        draw_presentation(folder, network, x[shown], target[shown], shown, options)
        for projection in spiking.projections:
            save_figure(folder, f"similarity_{projection}", similarity_figure(table, projection))

        summary = _summary(network, labels, x, spiking, rate, medians, shown)
        write_summary(folder, summary)
        write_manifest(
            folder,
            configuration=configuration,
            seeds={"seed": seed},
            timings={
                **spiking.timings,
                "simulation_and_rate_network": simulated - started,
                "comparison": compared - simulated,
                "figures": time.perf_counter() - compared,
            },
            inputs=[path for path in (circuit, weights) if path is not None and Path(path).is_file()],
        )
    return summary


def _load(circuit, weights, data: str, samples: int) -> tuple[RateNetwork, np.ndarray, np.ndarray, np.ndarray]:
    network = load_rate_network(circuit, weights)
    dataset = datasets.load(data, parts=("test",))
    if not 1 <= samples <= len(dataset.test_x):
        raise SpikedtpError(
            f"--samples must be between 1 and the {len(dataset.test_x)} test images of {data}, got {samples}"
        )
    return network, dataset.test_x[:samples], dataset.test_t[:samples], dataset.test_y[:samples]


def _check_learned(circuit: Circuit, population: str) -> None:
    """There has to be something to compare; `simulate` alone would run such a population."""
    learned = sorted({p.post for p in circuit.projections if p.rule is not None and not p.rule.needs_gradient})
    circuit.population(population)
    if population not in learned:
        raise SpikedtpError(
            f"population {population!r} has no learned projection with a spiking form, so there is no ΔW to compare: "
            f"choose one of {', '.join(learned) or 'another circuit'}"
        )


def shown_sample(rate: RateResponse, population: str) -> int:
    """The sample to draw: the one whose instructive signal is the median of those that are not silent."""
    plateau = rate.plateau.get(population)
    if plateau is None:
        return 0
    size = np.linalg.norm(plateau, axis=-1)
    loud = np.flatnonzero(size > 1e-3 * max(size.max(), 1e-12))
    return int(loud[np.argsort(size[loud], kind="stable")[len(loud) // 2]]) if len(loud) else 0


def draw_presentation(folder: Path, network: RateNetwork, x, target, sample: int, options: dict) -> SpikingResponse:
    """Figure 3 and its follow-ups for one sample: the very presentation of the table, recorded step by step."""
    spiking = simulate(network, x[None], target[None], first_sample=sample, **options)
    rate = network.present(x[None], target[None], nudge_populations="all")
    compartments = {source.projection: source.compartment for source in spiking.spec.sources}
    projection = min(spiking.projections, key=lambda name: compartments[name] != "soma")
    if "dend" in compartments.values():
        save_figure(folder, "figure3", figure3(rate, spiking, projection))
        save_figure(folder, "dendritic_state", dendritic_state_figure(rate, spiking))
    save_figure(folder, "eligibility", eligibility_figure(rate, spiking, projection))
    return spiking


def _summary(network, labels, x, spiking, rate, medians: pd.DataFrame, shown: int) -> dict:
    summary = {
        "circuit": network.circuit.name,
        "population": spiking.population,
        "readout": spiking.readout,
        "n_samples": spiking.n_samples,
        "n_repeats": spiking.n_repeats,
        "n_cells": spiking.spec.n_cells,
        "n_inputs": spiking.spec.n_inputs,
        "duration_ms": float(spiking.spec.timeline.duration) * 1e3,
        "rate_accuracy_of_these_samples": float(np.mean(network.predict(x) == labels)),
        "sample_drawn": shown,
    }
    wanted = medians[medians["measure"].isin(SUMMARY_MEASURES)]
    for row in wanted.itertuples():
        key = f"{row.projection}.{row.reference}.{row.measure}"
        summary |= {f"{key}.median": row.median, f"{key}.low": row.low, f"{key}.high": row.high}
    return summary
