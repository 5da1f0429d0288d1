"""All commands together. Each command has a module in `commands`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import typer

from spikedtp._version import __version__
from spikedtp.cli.commands import (
    cache,
    check,
    compare,
    evaluate,
    info,
    plan,
    repeat,
    replay,
    report,
    search,
    sweep,
    train,
)
from spikedtp.cli.outcome import run_app

__all__ = ["app", "main"]

app = typer.Typer(
    name="spikedtp",
    help="Does a learning rule found in a rate network still work when the neurons spike?",
    no_args_is_help=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
for _module, _short in {
    compare: "Rate against spiking weight changes: the main job.",
    plan: "How many cells, spikes and repeats are needed, without simulating.",
    report: "A results folder as one HTML page.",
    repeat: "Run a result again: the same bytes?",
    search: "The best settings for an objective, by Optuna.",
    sweep: "Many runs in one table.",
    train: "Train a network, in rate or in spikes.",
    evaluate: "Accuracy on test samples, in rate or in spikes.",
    replay: "Drive one learning rule with signals of your own.",
    info: "What a circuit or checkpoint holds.",
    check: "Does this installation work?",
    cache: "The cache of compiled projects.",
}.items():
    _examples = "\b\nExamples:\n" + "\n".join(f"  {line}" for line in _module.EXAMPLES)  # \b: lines as they are
    app.command(_module.__name__.rpartition(".")[2], short_help=_short, epilog=_examples)(_module.command)


def _print_version(asked: bool) -> None:
    if asked:
        typer.echo(f"spikedtp {__version__}")
        raise typer.Exit()


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version and stop.", callback=_print_version, is_eager=True)
    ] = False,
) -> None:
    pass


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and give the exit status.

    Parameters
    ----------
    arguments : sequence of str, optional
        By default they are those of the process.

    Returns
    -------
    int
        0 only when the work was done. 2 for a user's mistake or a part that is not built yet, with one line on stderr.
        130 when interrupted. A bug keeps its traceback.
    """
    return run_app(app, arguments, "spikedtp")
