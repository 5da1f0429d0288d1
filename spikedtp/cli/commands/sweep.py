"""`spikedtp sweep`: many runs of one command in one table. `spikedtp.sweep` does the work."""

from __future__ import annotations

import typer

from spikedtp.cli.options import command_for
from spikedtp.configuration import SweepConfiguration

__all__ = ["EXAMPLES", "command"]

EXAMPLES = (
    "spikedtp sweep --set 'grid.unit-rate=[100,200,450]' --set 'grid.seed=[0,1,2]'",
    "spikedtp sweep --command train --set 'grid.mode=[rate,spiking]' --set 'grid.seed=[0,1,2]'",
    "spikedtp sweep --config sweep.yaml --out results/sweep --jobs 2",
    "spikedtp sweep --config sweep.yaml --scheduler tcp://127.0.0.1:8786",
)

SOME_FAILED = 1


def _run(configuration: SweepConfiguration) -> int:
    """Run one command over a grid, a list or random draws of settings. After an interruption it continues."""
    from spikedtp.sweep import run_sweep

    found = run_sweep(configuration, configuration.out, report=lambda line: typer.echo(line, err=True))
    total = found.n_run + found.n_found
    before = f" ({found.n_found} of them before)" if found.n_found else ""
    typer.echo(f"{total - len(found.failed)} of {total} jobs done{before}; results in {configuration.out}")
    return SOME_FAILED if found.failed else 0


command = command_for(SweepConfiguration, _run)
