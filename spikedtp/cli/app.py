"""The commands put together, and how errors leave the program. One module per command lies beside this one."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Annotated

import typer
from typer.exceptions import Abort, TyperException

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
from spikedtp.errors import SpikedtpError

__all__ = ["app", "main"]

USER_MISTAKE = 2
INTERRUPTED = 130

app = typer.Typer(
    name="spikedtp",
    help="Does a learning rule found in a rate network still work when the neurons spike?",
    add_completion=False,
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
    try:
        # Not standalone: the command's own value comes back instead of an exit. Commands return None.
        status = app(args=arguments, prog_name="spikedtp", standalone_mode=False)
    except SpikedtpError as error:
        return _complain(str(error))
    except TyperException as error:  # unknown option, value of the wrong type, ...
        return _complain(f"{error.format_message()} (see: {_help_command(error)})")
    except (Abort, KeyboardInterrupt):
        print("spikedtp: interrupted", file=sys.stderr)
        return INTERRUPTED
    if status == INTERRUPTED:
        print("spikedtp: interrupted", file=sys.stderr)
    return status or 0


def _complain(message: str) -> int:
    print("spikedtp: error: " + " ".join(message.split()), file=sys.stderr)
    return USER_MISTAKE


def _help_command(error: TyperException) -> str:
    context = getattr(error, "ctx", None)
    return f"{context.command_path if context else 'spikedtp'} --help"
