"""`spikedtp train`: train a network online from fresh weights, in rate or in spikes, and write its checkpoint."""

from __future__ import annotations

from pathlib import Path

import typer

from spikedtp.cli.options import command_for
from spikedtp.configuration import TrainConfiguration

__all__ = ["EXAMPLES", "command"]

EXAMPLES = (
    "spikedtp train --circuit digits_dtp --samples 30000",
    "spikedtp train --circuit digits_dtp --mode spiking --samples 1000 --spikers 4",
    "spikedtp train --config results/train/config.yaml --seed 1 --out results/train1",
)


def _run(configuration: TrainConfiguration) -> None:
    """Train on the training part, measure on the test part, and write weights.pt, learning curve, summary and manifest.

    An interrupted run continues when the same command is given again.
    """
    from tqdm import tqdm

    from spikedtp.jobs.train import run_training

    out = Path(configuration.out)
    with tqdm(total=configuration.samples, unit="sample", desc="train", disable=None) as bar:

        def progress(done: int, right: float | None) -> None:
            if right is not None:
                bar.set_postfix_str(f"{100 * right:.0f} % right", refresh=False)
            bar.update(done - bar.n)

        summary = run_training(configuration, out, progress)
    part = "validation" if configuration.validation else "test"
    accuracy, n = summary[f"{part}_accuracy"], summary[f"n_{part}"]
    held_out = "no test part" if accuracy is None else f"accuracy {100 * accuracy:.2f} % of {n} {part} samples"
    if configuration.mode == "spiking" and accuracy is not None:
        held_out += f" in spikes, {100 * summary[f'{part}_accuracy_in_rate']:.2f} % in rate"
    if "fitted_to_data" in summary:
        typer.echo(f"circuit fitted to the data: {summary['fitted_to_data']}")
    typer.echo(f"{held_out}; weights in {out / 'weights.pt'}")


command = command_for(TrainConfiguration, _run)
