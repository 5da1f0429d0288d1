"""`spikedtp compare`: the main job, rate against spiking weight changes. The work is `spikedtp.comparison`'s."""

from __future__ import annotations

from pathlib import Path

import typer

from spikedtp.cli.options import command_for, device_for
from spikedtp.configuration import CompareConfiguration

__all__ = ["command"]


def _run(configuration: CompareConfiguration) -> None:
    """Compare the weight changes of the rate network with those of the spiking network, synapse by synapse."""
    configuration.weights_file()  # before anything heavy is loaded
    from spikedtp.comparison import run_comparison

    out = Path(configuration.out)
    run_comparison(configuration.model_copy(update={"device": device_for(configuration.device)}), out)
    typer.echo(f"results in {out}")
    for figure in sorted(out.glob("*.png")):
        typer.echo(f"figure: {figure}")


command = command_for(CompareConfiguration, _run)
