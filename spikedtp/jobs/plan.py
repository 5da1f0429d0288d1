"""Plan: the expected similarity of spiking weight changes, from a circuit and weights or from numbers alone."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from brian2 import Hz, ms

from spikedtp.circuit import check_learned, circuit_path
from spikedtp.configuration import CompareConfiguration, PlanConfiguration
from spikedtp.datasets import data_files
from spikedtp.errors import SpikedtpError
from spikedtp.jobs.data import circuit_and_data
from spikedtp.jobs.settings import make_network, simulate_options
from spikedtp.planning import Numbers, PlannedComparison, plan
from spikedtp.plotting import contours_figure
from spikedtp.rate.threads import one_thread
from spikedtp.records import save_figure, staged, track, write_manifest, write_summary, write_table

__all__ = ["planned_comparison", "run_plan"]

UNITS = {"duration": ms, "tau_eligibility": ms, "tau_dend": ms, "dead_time": ms}


def planned_comparison(configuration: PlanConfiguration) -> PlannedComparison:
    """The plan that the settings ask for.

    Examples
    --------
    >>> from spikedtp.configuration import PlanConfiguration
    >>> from spikedtp.jobs.plan import planned_comparison
    >>> sorted(planned_comparison(PlanConfiguration(samples=2)).cosine)
    ['H2E_H1E', 'H2E_H2DendI']
    """
    noise: dict[str, Any] = {"n_draws": configuration.draws, "seed": configuration.seed}
    if configuration.from_numbers:
        given = {name: getattr(configuration, name) for name in configuration.of_numbers}
        numbers: dict[str, Any] = {
            name: value * UNITS.get(name, 1) if name in UNITS else value
            for name, value in given.items()
            if value is not None
        }
        if configuration.rates is not None:
            numbers["rates"] = [float(rate) for rate in configuration.rates.split(",")] * Hz
        numbers |= {"repeats": configuration.repeats, "cells_per_unit": configuration.cells_per_unit}
        return plan(Numbers(**numbers), **noise)
    shared = CompareConfiguration.model_fields.keys() & PlanConfiguration.model_fields.keys() - {"repeats", "out"}
    settings = CompareConfiguration(**{name: getattr(configuration, name) for name in shared})
    material = circuit_and_data(settings, ("test",))
    network, dataset = make_network(settings, material), material.data
    n, most = settings.samples, len(dataset.test_x)
    if n > most:
        raise SpikedtpError(
            f"--samples must be between 1 and the {most} {material.held_out} samples of {settings.data}, got {n}"
        )
    check_learned(network.circuit, settings.population, every=settings.loop == "closed")
    options = simulate_options(settings)
    of_simulations = ["device", "seed", *(["dt"] if settings.loop == "closed" else [])]  # phases have theirs
    for name in of_simulations:
        del options[name]
    return plan(
        network, dataset.test_x[:n], dataset.test_t[:n], repeats=configuration.repeats,
        cells_per_unit=configuration.cells_per_unit, reference=configuration.reference, **options, **noise,
    )  # fmt: skip


def run_plan(configuration: PlanConfiguration, out: str | Path) -> dict[str, Any]:
    """Plan a comparison, and write what is expected and what would be needed to `out`.

    Parameters
    ----------
    configuration : PlanConfiguration
    out : path
        The folder for config.yaml, summary.json, manifest.json, plan.csv, contours.csv and the figure, and needed.csv
        and power.csv where they were asked for. Either all of them are written or none.

    Returns
    -------
    dict
        The content of summary.json.

    Raises
    ------
    SpikedtpError
        Something is wrong that the caller can mend, or no setting reaches the wanted cosine.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> from spikedtp.configuration import PlanConfiguration
    >>> from spikedtp.jobs.plan import run_plan
    >>> with TemporaryDirectory() as folder:
    ...     summary = run_plan(PlanConfiguration(cells=50, cosine=0.6), f"{folder}/result")
    >>> summary["post_pre.needed.repeats"] >= 1
    True
    """
    started = time.perf_counter()
    configuration = configuration.absolute()
    with staged(out) as folder, one_thread():
        planned = planned_comparison(configuration)
        if not np.isfinite(list(planned.cosine.values())).any():
            raise SpikedtpError(
                "no plan: most presentations have no spike, so that their ΔW is 0 and has no direction: give higher "
                "rates or longer presentations"
            )
        write_table(folder, "plan", planned.table)
        summary: dict[str, Any] = _settings(planned) | _flat(planned.table)
        if configuration.cosine is not None:
            needed = planned.needed(configuration.cosine)
            write_table(folder, "needed", needed)
            summary["wanted_cosine"] = configuration.cosine
            summary |= {f"{row.projection}.needed.{row.setting}": row.needed for row in needed.itertuples()}
        if configuration.presentations is not None:
            power = planned.detectable(
                configuration.presentations, error_rate=configuration.error_rate, power=configuration.power
            )
            write_table(folder, "power", power)
            summary |= {"error_rate": configuration.error_rate, "power": configuration.power} | _flat(power)
        answered = time.perf_counter()
        contours = planned.contours()
        write_table(folder, "contours", contours)
        now = planned.setting.number("time") * planned.scene.duration, planned.setting.number("rate")
        save_figure(folder, "contours", contours_figure(contours, *now))
        write_summary(folder, summary)
        configuration.save(folder)
        write_manifest(
            folder,
            configuration=configuration.saved(),
            seeds={"seed": configuration.seed},
            timings={"answer": answered - started, "contours": time.perf_counter() - answered},
            inputs=_input_files(configuration),
        )
    track(configuration, out)
    return summary


def _settings(planned: PlannedComparison) -> dict[str, Any]:
    setting, scene = planned.setting, planned.scene
    return {
        "plan": scene.headline,
        "n_samples": scene.n_samples,
        "n_draws": planned.n_draws,
        "duration_ms": setting.number("time") * scene.duration,
        "peak_rate_hz": setting.number("rate"),
        "repeats": setting.repeats,
        "cells_per_unit": setting.cells_per_unit,
    }


def _flat(table: pd.DataFrame) -> dict[str, Any]:
    return {
        f"{row['projection']}.{name}": row[name]
        for row in table.to_dict("records")
        for name in table
        if name != "projection"
    }


def _input_files(configuration: PlanConfiguration) -> list[Path]:
    if configuration.from_numbers:
        return configuration.plugin_files()
    named = [circuit_path(configuration.circuit), configuration.weights_file(), *data_files(configuration.data)]
    return [*named, *configuration.plugin_files()]
