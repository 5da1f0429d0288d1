"""The main job, whole: present samples to both networks, compare their weight changes, write tables and figures."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from tqdm import tqdm

from spikedtp import datasets
from spikedtp.circuit import Circuit, circuit_path, read_circuit
from spikedtp.compare import compare_updates, summarise
from spikedtp.configuration import CompareConfiguration
from spikedtp.errors import SpikedtpError, known_names
from spikedtp.parameters import read_value
from spikedtp.plasticity import make_rule
from spikedtp.rate import RateNetwork, RateResponse, load_rate_network
from spikedtp.rate.threads import one_thread
from spikedtp.records import save_figure, staged, write_manifest, write_summary, write_table
from spikedtp.spiking import SpikingResponse, default_device, simulate

__all__ = ["Comparison", "compare_networks", "draw_presentation", "input_files", "run_comparison", "shown_sample"]

SUMMARY_MEASURES = ("pearson_r", "slope", "cosine", "angle", "sign_agreement", "noise_ceiling", "noiseless_cosine")


@dataclass(frozen=True)
class Comparison:
    """What `compare_networks` finds.

    Attributes
    ----------
    x, target, labels : ndarray, (samples, n_in), (samples, n_out), (samples,)
    options : dict
        Of `simulate`, as they were used.
    table, medians : DataFrame
        From `compare_updates` and `summarise`.
    """

    network: RateNetwork
    x: np.ndarray
    target: np.ndarray
    labels: np.ndarray
    options: dict[str, Any]
    rate: RateResponse
    spiking: SpikingResponse
    table: pd.DataFrame
    medians: pd.DataFrame

    def summary(self) -> dict[str, Any]:
        """Sizes, settings that describe the run, and the median of each measure with its interval; flat keys."""
        spiking = self.spiking
        summary = {
            "circuit": self.network.circuit.name,
            "population": spiking.population,
            "readout": spiking.readout,
            "n_samples": spiking.n_samples,
            "n_repeats": spiking.n_repeats,
            "n_cells": spiking.spec.n_cells,
            "n_inputs": spiking.spec.n_inputs,
            "duration_ms": float(spiking.spec.timeline.duration) * 1e3,
            "rate_accuracy_of_these_samples": float(np.mean(self.network.predict(self.x) == self.labels)),
        }
        wanted = self.medians[self.medians["measure"].isin(SUMMARY_MEASURES)]
        for row in wanted.itertuples():
            key = f"{row.projection}.{row.reference}.{row.measure}"
            summary |= {f"{key}.median": row.median, f"{key}.low": row.low, f"{key}.high": row.high}
        return summary


def compare_networks(configuration: CompareConfiguration, *, progress: bool = False) -> Comparison:
    """Present images to the rate network and to one population in spikes, and compare their weight changes.

    The same configuration gives the same numbers to the last bit, whatever the number of threads.

    Parameters
    ----------
    configuration : CompareConfiguration
        The first `samples` test images are presented, `repeats` times each.
    progress : bool
        Whether to draw a bar.
    """
    network = _network(configuration)
    dataset = datasets.load(configuration.data, parts=("test",))
    n, most = configuration.samples, len(dataset.test_x)
    if n > most:
        raise SpikedtpError(f"--samples must be between 1 and the {most} test images of {configuration.data}, got {n}")
    x, target, labels = dataset.test_x[:n], dataset.test_t[:n], dataset.test_y[:n]
    _check_learned(network.circuit, configuration.population)
    options = _simulate_options(configuration)
    # no bar before the first presentation is done: a mistake that simulate finds is then the only line on stderr
    bar = tqdm(total=n * configuration.repeats, unit="presentation", disable=not progress, delay=1e-6)
    with bar, one_thread():
        spiking = simulate(
            network, x, target, n_repeats=configuration.repeats, record=(),
            progress=lambda done: bar.update(done - bar.n), **options,
        )  # fmt: skip
        rate = network.present(x, target)
        table = compare_updates(rate, spiking, average=configuration.average)
        return Comparison(network, x, target, labels, options, rate, spiking, table, summarise(table))


def run_comparison(configuration: CompareConfiguration, out: str | Path, *, progress: bool = True) -> dict:
    """Compare rate and spiking ΔW of one population's learned projections and write the results to `out`.

    Parameters
    ----------
    configuration : CompareConfiguration
    out : path
        Gets config.yaml, summary.json, manifest.json, comparison.csv, medians.csv and the figures, all or nothing.

    Returns
    -------
    dict
        What summary.json holds.
    """
    from spikedtp.plotting import similarity_figure

    started = time.perf_counter()
    configuration = configuration.absolute()
    if configuration.device is None:
        configuration = configuration.model_copy(update={"device": default_device()})
    with staged(out) as folder:
        found = compare_networks(configuration, progress=progress)
        compared = time.perf_counter()
        write_table(folder, "comparison", found.table)
        write_table(folder, "medians", found.medians)
        shown = shown_sample(found.rate, found.spiking.population)
        draw_presentation(folder, found.network, found.x[shown], found.target[shown], shown, found.options)
        for projection in found.spiking.projections:
            save_figure(folder, f"similarity_{projection}", similarity_figure(found.table, projection))
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
        )
    return summary


def input_files(configuration: CompareConfiguration) -> list[Path]:
    """The circuit and the weights that a configuration names, shipped ones too."""
    return [circuit_path(configuration.circuit), configuration.weights_file()]


# --- from settings to what the library takes --------------------------------------------------------------------------


def _network(configuration: CompareConfiguration) -> RateNetwork:
    weights = configuration.weights_file()
    circuit = read_circuit(configuration.circuit)
    projections = {p.name: p for p in circuit.projections}
    for name, rule in configuration.rules.items():
        old = circuit.projection(name).rule
        parameters = {"name": rule} if isinstance(rule, str) else _values(rule)
        if "name" not in parameters:
            raise SpikedtpError(f"rules.{name}: needs the name of a rule, such as name: BTSP")
        if old is not None:
            parameters.setdefault("learning_rate", old.learning_rate)
        elif "learning_rate" not in parameters:
            raise SpikedtpError(f"rules.{name}: needs learning_rate, since the circuit has no rule there")
        projections[name] = replace(projections[name], rule=make_rule(parameters.pop("name"), **parameters))
    return load_rate_network(replace(circuit, projections=tuple(projections.values())), weights)


def _simulate_options(configuration: CompareConfiguration) -> dict[str, Any]:
    from brian2 import Hz, ms

    from spikedtp.neurons import PoissonInput, TwoCompartment, TwoCompartmentLIF

    cells = {model.__name__: model for model in (TwoCompartment, TwoCompartmentLIF)}
    settings = dict(configuration.cell)
    name = settings.pop("name", "TwoCompartment")
    if name not in cells:
        raise known_names("cell", name, cells)
    return dict(
        population=configuration.population,
        loop=configuration.loop,
        device=configuration.device or default_device(),
        seed=configuration.seed,
        readout=configuration.readout,
        unit_rate=configuration.unit_rate * Hz,
        time_per_step=configuration.time_per_step * ms,
        dt=configuration.dt * ms,
        cell=_model(cells[name], "cell", settings),
        inputs=_model(PoissonInput, "inputs", configuration.inputs),
    )


def _values(settings: dict[str, Any]) -> dict[str, Any]:
    """Parameters as written in a file, ``20*ms`` as a quantity."""
    return {name: read_value(str(value)) for name, value in settings.items()}


def _model(model: type, key: str, settings: dict[str, Any]):
    """A cell or input model with the parameters of a configuration."""
    known = {field for field in model().quantities() if field != "unit_rate"}
    for name in settings:
        if name == "unit_rate":
            raise SpikedtpError(f"{key}.unit_rate: set unit_rate itself, for cells and inputs alike")
        if name not in known:
            raise known_names(f"parameter in {key} of {model.__name__}", name, known)
    return model(**_values(settings))


def _check_learned(circuit: Circuit, population: str) -> None:
    """There has to be something to compare; `simulate` alone would run such a population."""
    learned = sorted({p.post for p in circuit.projections if p.rule is not None and not p.rule.needs_gradient})
    circuit.population(population)
    if population not in learned:
        raise SpikedtpError(
            f"population {population!r} has no learned projection with a spiking form, so there is no ΔW to compare: "
            f"choose one of {', '.join(learned) or 'another circuit'}"
        )


# --- figures of one presentation --------------------------------------------------------------------------------------


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
    from spikedtp.plotting import dendritic_state_figure, eligibility_figure, figure3

    spiking = simulate(network, x[None], target[None], first_sample=sample, **options)
    rate = network.present(x[None], target[None], nudge_populations="all")
    compartments = {source.projection: source.compartment for source in spiking.spec.sources}
    projection = min(spiking.projections, key=lambda name: compartments[name] != "soma")
    if "dend" in compartments.values():
        save_figure(folder, "figure3", figure3(rate, spiking, projection))
        save_figure(folder, "dendritic_state", dendritic_state_figure(rate, spiking))
    save_figure(folder, "eligibility", eligibility_figure(rate, spiking, projection))
    return spiking
