"""`spikedtp replay`: drive one learning rule with given signals. `spikedtp.jobs.replay` does the work."""

from __future__ import annotations

import typer

from spikedtp.cli.options import command_for
from spikedtp.configuration import ReplayConfiguration

__all__ = ["EXAMPLES", "command"]

EXAMPLES = (
    "spikedtp replay --rule MSTDPET --signals signals.npz --set 'tau_e=25*ms'",
    "spikedtp replay --rule STDP --signals large.npz --form spiking --keep last",
    "spikedtp replay --rule STDP --pre-spikes pre.csv --post-spikes post.nwb --w0 0.5 --stop 2000 --dt 0.1",
)


def _run(configuration: ReplayConfiguration) -> None:
    """Drive one learning rule with given signals, and write weights and states after every row, with their figure."""
    from spikedtp.jobs.replay import rule_of, run_replay

    summary = run_replay(configuration, configuration.out)
    typer.echo(rule_of(configuration).describe())
    typer.echo(f"largest change of a weight {summary['change.largest']:.6g}; results in {configuration.out}")


command = command_for(ReplayConfiguration, _run)
