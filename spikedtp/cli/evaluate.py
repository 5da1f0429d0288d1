"""`spikedtp evaluate`: accuracy of a trained network on the test part of a data set."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer

from spikedtp.cli import options
from spikedtp.cli.unbuilt import not_built
from spikedtp.errors import SpikedtpError

__all__ = ["command"]


def command(
    circuit: options.Circuit = options.DEFAULT_CIRCUIT,
    weights: options.Weights = None,
    data: options.Data = "digits",
    mode: options.ModeOption = options.Mode.rate,
    samples: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="Number of test images. Default: all.")
    ] = None,
    seed: options.Seed = 0,
    out: options.Out = Path("results/evaluate"),
    config: options.Config = None,
) -> None:
    """Classify test images; leave accuracy, confusion table and figure, and the accuracy of each class."""
    if mode is options.Mode.spiking:
        not_built("evaluating a spiking network")
    from spikedtp.datasets import load
    from spikedtp.evaluation import class_accuracy, confusion
    from spikedtp.plotting import confusion_figure
    from spikedtp.rate import load_rate_network
    from spikedtp.records import file_hash, save_figure, staged, write_manifest, write_summary, write_table

    weights = options.weights_for(circuit, weights)
    started = time.perf_counter()
    with staged(out) as folder:
        network = load_rate_network(circuit, weights, seed=seed)
        images = load(data, parts=("test",))
        n_samples = len(images.test_y) if samples is None else samples
        if n_samples > len(images.test_y):
            raise SpikedtpError(f"--samples {n_samples}: data set {data!r} has {len(images.test_y)} test images")
        loaded = time.perf_counter()
        labels = images.test_y[:n_samples]
        predicted = network.predict(images.test_x[:n_samples])
        accuracy = float((predicted == labels).mean())
        table = confusion(labels, predicted, images.n_classes)
        write_table(folder, "confusion", table)
        write_table(folder, "class_accuracy", class_accuracy(table))
        save_figure(folder, "confusion", confusion_figure(table))
        write_summary(
            folder,
            {
                "circuit": Path(circuit).stem,
                "weights_sha256": file_hash(weights),
                "data": data.partition(":")[0],
                "mode": mode.value,
                "n_samples": n_samples,
                "n_correct": int((predicted == labels).sum()),
                "accuracy": accuracy,
            },
        )
        write_manifest(
            folder,
            configuration={
                "circuit": circuit, "weights": weights, "data": data, "mode": mode.value, "samples": n_samples
            },
            seeds={"seed": seed},
            timings={"load": loaded - started, "predict": time.perf_counter() - loaded},
            inputs=[weights],
        )  # fmt: skip
    typer.echo(f"accuracy {100 * accuracy:.2f} % of {n_samples} test images; results in {out}")
