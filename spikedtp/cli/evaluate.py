"""`spikedtp evaluate`: accuracy of a trained network on the test part of a data set."""

from __future__ import annotations

import time
from pathlib import Path

import typer

from spikedtp.cli.options import command_for
from spikedtp.configuration import EvaluateConfiguration
from spikedtp.errors import SpikedtpError

__all__ = ["EXAMPLES", "command"]

EXAMPLES = (
    "spikedtp evaluate --circuit digits_dtp",
    "spikedtp evaluate --circuit digits_dtp --weights results/train/weights.pt",
    "spikedtp evaluate --circuit digits_dtp --mode spiking --samples 100 --set unit_rates.H1DendI=200",
)


def _run(configuration: EvaluateConfiguration) -> None:
    """Classify test images; leave accuracy, confusion table and figure, and the accuracy of each class."""
    from spikedtp.circuit import circuit_path
    from spikedtp.datasets import load
    from spikedtp.evaluation import class_accuracy, confusion
    from spikedtp.plotting import confusion_figure
    from spikedtp.rate import load_rate_network
    from spikedtp.records import file_hash, save_figure, staged, write_manifest, write_summary, write_table

    configuration = configuration.absolute()
    weights, data = configuration.weights_file(), configuration.data
    started = time.perf_counter()
    with staged(configuration.out) as folder:
        network = load_rate_network(configuration.circuit, weights, seed=configuration.seed)
        images = load(data, parts=("test",), n_classes=network.circuit.output.size)
        n_samples = configuration.samples or len(images.test_y)
        if n_samples > len(images.test_y):
            raise SpikedtpError(f"--samples {n_samples}: data set {data!r} has {len(images.test_y)} test images")
        loaded = time.perf_counter()
        labels = images.test_y[:n_samples]
        predicted = _predict(configuration, network, images.test_x[:n_samples])
        accuracy = float((predicted == labels).mean())
        table = confusion(labels, predicted, images.n_classes)
        write_table(folder, "confusion", table)
        write_table(folder, "class_accuracy", class_accuracy(table))
        save_figure(folder, "confusion", confusion_figure(table))
        write_summary(
            folder,
            {
                "circuit": Path(configuration.circuit).stem,
                "weights_sha256": file_hash(weights),
                "data": data.partition(":")[0],
                "mode": configuration.mode,
                "n_samples": n_samples,
                "n_correct": int((predicted == labels).sum()),
                "accuracy": accuracy,
            },
        )
        configuration.save(folder)
        write_manifest(
            folder,
            configuration=configuration.saved(),
            seeds={"seed": configuration.seed},
            timings={"load": loaded - started, "predict": time.perf_counter() - loaded},
            inputs=[circuit_path(configuration.circuit), weights],
        )
    typer.echo(f"accuracy {100 * accuracy:.2f} % of {n_samples} test images; results in {configuration.out}")


def _predict(configuration: EvaluateConfiguration, network, x):
    if configuration.mode == "rate":
        return network.predict(x)
    from tqdm import tqdm

    from spikedtp.training import in_spikes

    with tqdm(total=len(x), unit="image", desc="evaluate", disable=None) as bar:
        return in_spikes(network, configuration).predict(
            x, seed=configuration.seed, progress=lambda done: bar.update(done - bar.n)
        )


command = command_for(EvaluateConfiguration, _run)
