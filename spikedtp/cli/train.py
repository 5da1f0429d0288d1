"""`spikedtp train`: train a network online from fresh weights and leave its checkpoint."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from spikedtp.cli.options import command_for
from spikedtp.cli.unbuilt import not_built
from spikedtp.configuration import TrainConfiguration

if TYPE_CHECKING:
    from spikedtp.datasets import Dataset

__all__ = ["command"]

N_PROBES = 20  # points of the learning curve after the first


def _run(configuration: TrainConfiguration) -> None:
    """Train on the training part, measure on the test part; leave weights.pt, learning curve, summary and manifest."""
    if configuration.mode == "spiking":
        not_built("training a spiking network")
    import pandas as pd
    from tqdm import tqdm

    from spikedtp.circuit import circuit_path
    from spikedtp.datasets import load
    from spikedtp.plotting import training_figure
    from spikedtp.rate import load_rate_network
    from spikedtp.rate.checkpoint import write_weights
    from spikedtp.rate.training import train
    from spikedtp.records import save_figure, staged, write_manifest, write_summary, write_table

    started = time.perf_counter()
    configuration = configuration.absolute()
    circuit, data, samples = configuration.circuit, configuration.data, configuration.samples
    out = Path(configuration.out)
    with staged(out) as folder:
        network = load_rate_network(circuit, seed=configuration.seed)
        images = load(data, parts=("train", "test") if _has_test_part(data) else ("train",))
        loaded = time.perf_counter()
        presentations = train(
            network, images.train_x, images.train_t, n_samples=samples, data_seed=configuration.data_seed,
            schedule=configuration.schedule,
        )  # fmt: skip
        curve = [(0, _accuracy(network, images))]
        due = {round(samples * k / N_PROBES) for k in range(1, N_PROBES + 1)}
        for done in tqdm(presentations, total=samples, unit="image", desc="train", disable=None):
            if done.step in due:
                curve.append((done.step, _accuracy(network, images)))
        trained = time.perf_counter()
        accuracy = curve[-1][1]
        if accuracy is not None:
            write_table(folder, "learning_curve", pd.DataFrame(curve, columns=["presentations", "test_accuracy"]))
            save_figure(
                folder, "learning_curve", training_figure(*zip(*curve, strict=True), n_classes=images.n_classes)
            )
        write_weights(folder / "weights.pt", network.state_dict())
        write_summary(
            folder,
            {
                "circuit": Path(circuit).stem,
                "data": data.partition(":")[0],
                **configuration.model_dump(include={"mode", "samples", "seed", "data_seed", "schedule"}),
                "n_train": len(images.train_y),
                "n_test": len(images.test_y),
                "test_accuracy": accuracy,
            },
        )
        configuration.save(folder)
        write_manifest(
            folder,
            configuration=configuration.saved(),
            seeds={"seed": configuration.seed, "data_seed": configuration.data_seed},
            timings={"load": loaded - started, "train_and_probe": trained - loaded},
            inputs=[circuit_path(circuit)],
        )
    held_out = (
        "no test part" if accuracy is None else f"accuracy {100 * accuracy:.2f} % of {len(images.test_y)} test images"
    )
    typer.echo(f"{held_out}; weights in {out / 'weights.pt'}")


def _has_test_part(data: str) -> bool:
    """A folder of IDX files may hold the training half alone."""
    kind, _, folder = data.partition(":")
    return kind != "mnist" or any(Path(folder).expanduser().glob("t10k-*"))


def _accuracy(network, images: Dataset) -> float | None:
    if not len(images.test_y):
        return None
    return float((network.predict(images.test_x) == images.test_y).mean())


command = command_for(TrainConfiguration, _run)
