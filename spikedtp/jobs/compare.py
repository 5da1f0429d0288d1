"""The main job: present samples to both networks, compare their weight changes, and write tables and figures."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from tqdm import tqdm

from spikedtp.circuit import check_learned
from spikedtp.compare import compare_biases, compare_updates, shortfall, summarise
from spikedtp.configuration import CompareConfiguration
from spikedtp.errors import SpikedtpError
from spikedtp.jobs.data import Material, circuit_and_data, input_files
from spikedtp.jobs.settings import make_network, simulate_options
from spikedtp.rate import RateNetwork, RateResponse
from spikedtp.rate.threads import one_thread
from spikedtp.records import staged, track, write_manifest, write_summary, write_table
from spikedtp.spiking import ClosedResponse, SpikingResponse, default_device, simulate
from spikedtp.summaries import Summarised, counted

__all__ = ["Comparison", "compare_networks", "run_comparison"]

SUMMARY_MEASURES = ("pearson_r", "slope", "cosine", "angle", "sign_agreement", "noise_ceiling", "noiseless_cosine")


@dataclass(frozen=True, repr=False)
class Comparison(Summarised):
    """The result of `compare_networks`.

    Attributes
    ----------
    material : Material
        Circuit and data.
    x, target, labels : ndarray, (samples, n_in), (samples, n_out), (samples,)
    options : dict
        The options of `simulate` that were used.
    table, medians : DataFrame
        From `compare_updates` and `summarise`.
    biases : DataFrame
        From `compare_biases`. It is empty where no bias learns.
    """

    material: Material
    network: RateNetwork
    x: np.ndarray
    target: np.ndarray
    labels: np.ndarray
    options: dict[str, Any]
    rate: RateResponse
    spiking: SpikingResponse | ClosedResponse
    table: pd.DataFrame
    medians: pd.DataFrame
    biases: pd.DataFrame

    def _headline(self) -> str:
        return f"{self.network.circuit.name} in rate and in spikes, {counted(len(self.x), 'sample')}"

    def _parts(self) -> dict[str, str]:
        rows = self.medians[self.medians["measure"] == "cosine"].itertuples()
        return {
            "rate": self.rate._headline(),
            "spiking": self.spiking._headline(),
            "table": f"{counted(len(self.table), 'row')}, {counted(self.table.shape[1], 'column')}",
            **{f"{row.projection} ({row.reference})": f"median cosine {row.median:.3f}" for row in rows},
            **{
                f"bias of {population}": f"median cosine {cosine:.3f}"
                for population, cosine in self.biases.groupby("population")["cosine"].median().items()
            },
        }

    def summary(self) -> dict[str, Any]:
        """Sizes, settings and the median of each measure with its interval, under flat keys."""
        spiking = self.spiking
        summary = {
            "circuit": self.network.circuit.name,
            "loop": spiking.loop,
            "population": spiking.population or "all",
            "readout": spiking.readout,
            "n_samples": spiking.n_samples,
            "n_repeats": spiking.n_repeats,
            "n_cells": spiking.spec.n_cells,
            "n_inputs": spiking.spec.n_inputs,
            "duration_ms": float(spiking.spec.duration) * 1e3,
            "rate_accuracy_of_these_samples": float(np.mean(self.network.predict(self.x) == self.labels)),
        }
        if spiking.loop == "closed":
            answers = spiking.activity[self.network.circuit.output.name].argmax(axis=-1)  # (samples, repeats)
            summary["spiking_accuracy_of_these_samples"] = float(np.mean(answers == self.labels[:, None]))
        summary |= self.material.shown()
        summary["below_noise_ceiling"] = shortfall(self.table, spiking)
        wanted = self.medians[self.medians["measure"].isin(SUMMARY_MEASURES)]
        for row in wanted.itertuples():
            key = f"{row.projection}.{row.reference}.{row.measure}"
            summary |= {f"{key}.median": row.median, f"{key}.low": row.low, f"{key}.high": row.high}
        for population, rows in self.biases.groupby("population"):
            for measure in ("cosine", "slope", "noise_ceiling"):
                summary[f"{population}_bias.{measure}.median"] = float(rows[measure].median())
        return summary


def compare_networks(configuration: CompareConfiguration, *, progress: bool = False) -> Comparison:
    """Present samples to the rate network and to a population (or the whole circuit) in spikes, and compare their ΔW.

    The same configuration gives the same numbers to the last bit, whatever the number of threads.

    Parameters
    ----------
    configuration : CompareConfiguration
        The first `samples` samples of the test part are presented, `repeats` times each.
    progress : bool
        Whether to draw a progress bar if stderr is a terminal.
    """
    material = circuit_and_data(configuration, ("test",))
    network, dataset = make_network(configuration, material), material.data
    n, most = configuration.samples, len(dataset.test_x)
    if n > most:
        raise SpikedtpError(
            f"--samples must be between 1 and the {most} {material.held_out} samples of {configuration.data}, got {n}"
        )
    x, target, labels = dataset.test_x[:n], dataset.test_t[:n], dataset.test_y[:n]
    check_learned(network.circuit, configuration.population, every=configuration.loop == "closed")
    options = simulate_options(configuration)
    # no bar before the first presentation is done: a mistake that simulate finds is then the only line on stderr
    bar = tqdm(total=n * configuration.repeats, unit="presentation", disable=None if progress else True, delay=1e-6)
    with bar, one_thread():
        spiking = simulate(
            network, x, target, n_repeats=configuration.repeats, record=(),
            progress=lambda done: bar.update(done - bar.n), **options,
        )  # fmt: skip
        rate = network.present(x, target)
        table = compare_updates(rate, spiking, average=configuration.average)
        medians, biases = summarise(table), compare_biases(rate, spiking)
        return Comparison(material, network, x, target, labels, options, rate, spiking, table, medians, biases)


def run_comparison(configuration: CompareConfiguration, out: str | Path, *, progress: bool = True) -> dict:
    """Compare rate and spiking ΔW of the learned projections onto a population, and write the results to `out`.

    Parameters
    ----------
    configuration : CompareConfiguration
    out : path
        The folder for config.yaml, summary.json, manifest.json, comparison.csv, medians.csv and the figures, and
        bias_comparison.csv where biases learn. Either all of them are written or none.
    progress : bool
        Whether to draw a progress bar if stderr is a terminal.

    Returns
    -------
    dict
        The content of summary.json.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> from spikedtp.configuration import CompareConfiguration
    >>> from spikedtp.jobs.compare import run_comparison
    >>> settings = CompareConfiguration(samples=1, device="runtime")
    >>> with TemporaryDirectory() as folder:
    ...     summary = run_comparison(settings, f"{folder}/result", progress=False)
    >>> summary["population"], summary["n_samples"]
    ('H2E', 1)
    """
    from spikedtp.jobs.compare_figures import draw_presentation, draw_table, shown_sample

    started = time.perf_counter()
    configuration = configuration.absolute()
    if configuration.device is None:
        configuration = configuration.model_copy(update={"device": default_device()})
    with staged(out) as folder:
        found = compare_networks(configuration, progress=progress)
        compared = time.perf_counter()
        write_table(folder, "comparison", found.table)
        write_table(folder, "medians", found.medians)
        if len(found.biases):
            write_table(folder, "bias_comparison", found.biases)
        shown = shown_sample(found.rate, found.spiking.population)
        draw_presentation(folder, found.network, found.x[shown], found.target[shown], shown, found.options)
        draw_table(folder, found.table, found.rate, found.spiking)
        summary = found.summary() | {"sample_drawn": shown}
        write_summary(folder, summary)
        configuration.save(folder)
        write_manifest(
            folder,
            configuration=configuration.saved(),
            seeds={"seed": configuration.seed},
            timings={
                **found.spiking.timings,
                "simulation_and_comparison": compared - started,
                "figures": time.perf_counter() - compared,
            },
            inputs=input_files(configuration),
            data=found.material.described(),
        )
    track(configuration, out)
    return summary
