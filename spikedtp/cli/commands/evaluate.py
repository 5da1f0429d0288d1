"""`spikedtp evaluate`: accuracy of a trained network on test samples. `spikedtp.jobs.evaluate` does the work."""

from __future__ import annotations

import typer

from spikedtp.cli.options import command_for
from spikedtp.configuration import EvaluateConfiguration

__all__ = ["EXAMPLES", "command"]

EXAMPLES = (
    "spikedtp evaluate --circuit digits_dtp",
    "spikedtp evaluate --circuit digits_dtp --weights results/train/weights.pt",
    "spikedtp evaluate --circuit digits_dtp --mode spiking --samples 100 --set unit_rates.H1DendI=200",
    "spikedtp evaluate --circuit digits_dtp --noise 0.5 --outside clip --prune 0.6 --lost random",
)


def _run(configuration: EvaluateConfiguration) -> None:
    """Classify test samples, and write the accuracy, the confusion table and figure, and the accuracy of each class."""
    from tqdm import tqdm

    from spikedtp.jobs.evaluate import run_evaluation

    # no bar before the first sample is answered: a mistake is then the only line on stderr
    with tqdm(total=configuration.samples, unit="sample", desc="evaluate", disable=None, delay=1e-6) as bar:

        def progress(done: int, total: int) -> None:
            bar.total = total
            bar.update(done - bar.n)

        summary = run_evaluation(configuration, configuration.out, progress)
    if "fitted_to_data" in summary:
        typer.echo(f"circuit fitted to the data: {summary['fitted_to_data']}")
    part = summary.get("part", "test")
    found = f"accuracy {100 * summary['accuracy']:.2f} % of {summary['n_samples']} {part} samples"
    typer.echo(f"{found}; results in {configuration.out}")


command = command_for(EvaluateConfiguration, _run)
