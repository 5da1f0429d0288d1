"""The commands put together. One module per command lies beside this one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import typer

from spikedtp._version import __version__
from spikedtp.cli import (
    cache,
    check,
    compare,
    evaluate,
    info,
    repeat,
    replay,
    report,
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
for _module in (compare, train, evaluate, sweep, replay, info, check, cache, report, repeat):
    app.command(name=_module.__name__.rpartition(".")[2])(_module.command)


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
        Default: those of the process.

    Returns
    -------
    int
        0 only when the work was done; 2 for a user's mistake or a part that is not built yet, with one line on stderr;
        130 when interrupted. A bug keeps its traceback.
    """
    return run_app(app, arguments, "spikedtp")
