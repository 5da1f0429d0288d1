"""Training in rate or in spikes: learn online, measure the accuracy, save unfinished runs, and write results."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from spikedtp.configuration import TrainConfiguration
from spikedtp.jobs.data import circuit_and_data, data_name, input_files
from spikedtp.jobs.settings import with_rules
from spikedtp.jobs.trained import FITTED_CIRCUIT
from spikedtp.jobs.training.run import Probed, Progress, TrainingRun
from spikedtp.jobs.training.unfinished import Unfinished
from spikedtp.plotting import training_figure
from spikedtp.rate import load_rate_network
from spikedtp.rate.checkpoints import write_weights
from spikedtp.rate.online import train_online
from spikedtp.records import save_figure, staged, track, write_manifest, write_summary, write_table
from spikedtp.schedules import schedule_named
from spikedtp.spiking import SpikingNetwork

__all__ = ["run_training"]


def run_training(
    configuration: TrainConfiguration,
    out: str | Path,
    progress: Progress | None = None,
    *,
    checkpoint: Path | None = None,
    probed: Probed | None = None,
) -> dict[str, Any]:
    """Train on the training part, measure on the test part, and write weights, learning curve, summary and manifest.

    Until the results are complete, ``OUT.unfinished.npz`` holds the network as it was when its accuracy was last
    measured. The same call continues from there and gives the same results as without the interruption.

    Parameters
    ----------
    configuration : TrainConfiguration
    out : path
        The folder for the results.
    progress : callable, optional
        It is called with the number of presentations that are done, and the share of recent answers that were right
        (None in rate).
    checkpoint : path, optional
        The file of the unfinished run, instead of ``OUT.unfinished.npz``.
    probed : callable, optional
        It is called after each probe with the number of presentations that are done, and the accuracy in rate.

    Returns
    -------
    dict
        The content of summary.json.

    Raises
    ------
    SpikedtpError
        Something is wrong with circuit, data or settings, or there is an unfinished run with other settings or
        with another circuit, data or plugins than now.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> from spikedtp.configuration import TrainConfiguration
    >>> from spikedtp.jobs.train import run_training
    >>> settings = TrainConfiguration(samples=20, probe_every=20)
    >>> with TemporaryDirectory() as folder:
    ...     summary = run_training(settings, f"{folder}/result")
    >>> summary["mode"], summary["samples"], 0 <= summary["test_accuracy"] <= 1
    ('rate', 20, True)
    """
    started = time.perf_counter()
    configuration = configuration.absolute()
    schedule_named(configuration.schedule)  # a mistake costs nothing yet
    data, samples = configuration.data, configuration.samples
    with staged(out) as folder:
        material = circuit_and_data(configuration, ("train", "test"))
        circuit, images = with_rules(material.circuit, configuration.rules), material.data
        network, held_out = load_rate_network(circuit, seed=configuration.seed), material.held_out
        job = TrainingRun(configuration, network, images, progress, probed)
        unfinished = Unfinished(checkpoint or Path(f"{Path(out).absolute()}.unfinished.npz"), configuration, images)
        loaded = time.perf_counter()
        unfinished.resume(job)
        LEARN[configuration.mode](job, unfinished)
        trained = time.perf_counter()
        timings = {"load": loaded - started, "train_and_probe": trained - loaded}
        curve = job.learning_curve()
        if len(images.test_y):
            write_table(folder, "learning_curve", curve)
            figure = training_figure(
                curve["samples"], curve["accuracy_rate"], spiking=curve["accuracy_spiking"], n_classes=images.n_labels
            )
            save_figure(folder, "learning_curve", figure)
        job.kept.write(folder)
        averaged = job.averaged()
        write_weights(folder / "weights.pt", job.network.state_dict())
        if material.changes or configuration.rules:
            circuit.to_yaml(folder / FITTED_CIRCUIT)
        summary = {
            "circuit": Path(configuration.circuit).stem,
            "data": data_name(data),
            **configuration.model_dump(include={"mode", "samples", "seed", "data_seed", "schedule"}),
            "n_train": len(images.train_y),
            f"n_{held_out}": len(images.test_y),
            f"{held_out}_accuracy": _last(curve, f"accuracy_{configuration.mode}"),
            **material.fitted(),
        }
        if configuration.mode == "spiking":
            summary[f"{held_out}_accuracy_in_rate"] = _last(curve, "accuracy_rate")
        if averaged:  # the curve is that of the network which learned
            modes = {f"{held_out}_accuracy": configuration.mode, f"{held_out}_accuracy_in_rate": "rate"}
            modes = {name: mode for name, mode in modes.items() if name in summary}
            of_last = {f"{name}_of_last_weights": summary[name] for name in modes}
            summary |= {name: averaged[mode] for name, mode in modes.items()} | of_last
        timings["ms_per_sample"] = 1e3 * job.learning / max(samples - job.resumed, 1)
        write_summary(folder, summary)
        configuration.save(folder)
        write_manifest(
            folder,
            configuration=configuration.saved(),
            seeds={"seed": configuration.seed, "data_seed": configuration.data_seed},
            timings=timings,
            inputs=input_files(configuration),
            data=material.described(),
            **({"resumed_from": job.resumed} if job.resumed else {}),
        )
    unfinished.remove()
    track(configuration, out)
    return summary


def _learn_in_rate(job: TrainingRun, unfinished: Unfinished) -> None:
    settings, images = job.configuration, job.images
    if not job.curve:
        job.probe(0, unfinished.save)
    started, probing = time.perf_counter(), job.probing
    steps = train_online(
        job.network, images.train_x, images.train_t, n_samples=settings.samples, data_seed=settings.data_seed,
        schedule=settings.schedule, start=job.resumed,
    )  # fmt: skip
    for done in steps:
        if job.progress is not None:
            job.progress(done.step, None)
        if done.step % job.kept.every == 0 or done.step == settings.samples:
            job.see(done.step, unfinished.save)
    job.learning = time.perf_counter() - started - (job.probing - probing)


def _learn_in_spikes(job: TrainingRun, unfinished: Unfinished) -> None:
    settings, images, order = job.configuration, job.images, job.order
    spiking = job.spiking()  # before anything is kept: a mistake in the settings leaves nothing behind
    if not job.curve:
        job.probe(0, unfinished.save)
    if job.resumed == settings.samples:
        return
    recent: list[float | None] = [None]

    def checkpoint(done: int, network: SpikingNetwork, answers: np.ndarray) -> None:
        right = answers == images.train_y[order[job.resumed : done]]
        recent[0] = float(right[-job.every :].mean())
        job.network.load_state_dict(network.state_dict())
        job.network.rule_state = {name: dict(state) for name, state in network.rule_state.items()}
        job.see(done, unfinished.save)

    progress = job.progress
    advance = None if progress is None else lambda done: progress(done, recent[0])
    started = time.perf_counter()
    spiking.train(
        images.train_x, images.train_t, order, seed=settings.seed, schedule=settings.schedule, start=job.resumed,
        checkpoint_every=job.kept.every, checkpoint=checkpoint, progress=advance,
    )  # fmt: skip
    job.learning = time.perf_counter() - started


def _last(curve: pd.DataFrame, column: str) -> float | None:
    value = curve[column].iloc[-1]
    return None if pd.isna(value) else float(value)


LEARN = {"rate": _learn_in_rate, "spiking": _learn_in_spikes}
