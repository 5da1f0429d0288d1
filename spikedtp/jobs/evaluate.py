"""Evaluation: the accuracy of a trained network on the test part of a data set, in rate or in spikes."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from spikedtp.accuracy import class_accuracy, confusion
from spikedtp.configuration import EvaluateConfiguration
from spikedtp.errors import SpikedtpError
from spikedtp.jobs.data import circuit_and_data, data_name, fitting_weights, input_files
from spikedtp.jobs.settings import in_spikes
from spikedtp.perturbations import pruned, with_noise
from spikedtp.plotting import confusion_figure
from spikedtp.rate import RateNetwork, load_rate_network
from spikedtp.records import file_hash, save_figure, staged, track, write_manifest, write_summary, write_table

__all__ = ["run_evaluation"]

#: Called with the number of samples that are done and the number of all.
Progress = Callable[[int, int], Any]


def run_evaluation(
    configuration: EvaluateConfiguration, out: str | Path, progress: Progress | None = None
) -> dict[str, Any]:
    """Classify test samples, and write the accuracy, the confusion table and figure, and the accuracy of each class.

    Parameters
    ----------
    configuration : EvaluateConfiguration
    out : path
        The folder for config.yaml, summary.json, manifest.json, confusion.csv, class_accuracy.csv and the figure.
        Either all of them are written or none.
    progress : callable, optional
        In spikes it is called with the number of samples that are done and the number of all.

    Returns
    -------
    dict
        The content of summary.json.

    Raises
    ------
    SpikedtpError
        Something is wrong with circuit, weights, data or settings.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> from spikedtp.configuration import EvaluateConfiguration
    >>> from spikedtp.jobs.evaluate import run_evaluation
    >>> with TemporaryDirectory() as folder:
    ...     summary = run_evaluation(EvaluateConfiguration(samples=50), f"{folder}/result")
    >>> summary["n_samples"], summary["accuracy"] > 0.9
    (50, True)
    """
    configuration = configuration.absolute()
    configuration.weights_file()  # a mistake costs nothing yet
    if configuration.noise and configuration.mode == "spiking" and configuration.outside == "keep":
        raise SpikedtpError(
            f"--noise {configuration.noise:g}: some inputs then lie outside [0, 1], and no cell fires at a negative "
            "rate: clip them with --outside clip"
        )
    data = configuration.data
    started = time.perf_counter()
    with staged(out) as folder:
        material = circuit_and_data(configuration, ("test",))
        weights, images = fitting_weights(configuration, material), material.data
        network = load_rate_network(material.circuit, weights, seed=configuration.seed)
        n_samples = configuration.samples or len(images.test_y)
        if n_samples > len(images.test_y):
            raise SpikedtpError(
                f"--samples {n_samples}: data set {data!r} has {len(images.test_y)} {material.held_out} samples"
            )
        loaded = time.perf_counter()
        labels = images.test_y[:n_samples]
        network, x = _perturbed(configuration, network, images.test_x[:n_samples])
        predicted = _predict(configuration, network, x, progress)
        table = confusion(labels, predicted, images.n_classes)
        write_table(folder, "confusion", table)
        write_table(folder, "class_accuracy", class_accuracy(table))
        save_figure(folder, "confusion", confusion_figure(table))
        summary = {
            "circuit": Path(configuration.circuit).stem,
            "weights_sha256": file_hash(weights),
            "data": data_name(data),
            "mode": configuration.mode,
            "n_samples": n_samples,
            "n_correct": int((predicted == labels).sum()),
            "accuracy": float((predicted == labels).mean()),
            **material.shown(),
        }
        write_summary(folder, summary)
        configuration.save(folder)
        write_manifest(
            folder,
            configuration=configuration.saved(),
            seeds={"seed": configuration.seed},
            timings={"load": loaded - started, "predict": time.perf_counter() - loaded},
            inputs=input_files(configuration),
            data=material.described(),
        )
    track(configuration, out)
    return summary


def _perturbed(
    configuration: EvaluateConfiguration, network: RateNetwork, x: np.ndarray
) -> tuple[RateNetwork, np.ndarray]:
    """Network and inputs with the losses and the noise that are asked for."""
    asked, seed = configuration, configuration.seed
    if asked.prune:
        network = pruned(network, asked.prune, lost=asked.lost, seed=seed, renormalise=asked.renormalise)
    if asked.noise:
        x = with_noise(x, asked.noise, seed=seed, outside=asked.outside)
    return network, x


def _predict(
    configuration: EvaluateConfiguration, network: RateNetwork, x: np.ndarray, progress: Progress | None
) -> np.ndarray:
    if configuration.mode == "rate":
        return network.predict(x)
    advance = None if progress is None else lambda done: progress(done, len(x))
    return in_spikes(network, configuration).predict(x, seed=configuration.seed, progress=advance)
