"""How a program ends: one line and status 2 for a user's mistake, 130 when interrupted, a traceback for a bug."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Callable, Sequence

import typer
from typer.exceptions import Abort, TyperException

from spikedtp.errors import SpikedtpError

__all__ = ["run_app", "run_script"]

USER_MISTAKE = 2
INTERRUPTED = 130


def run_app(app: typer.Typer, arguments: Sequence[str] | None, name: str) -> int:
    """Run a typer application and give the exit status.

    Parameters
    ----------
    app : typer.Typer
    arguments : sequence of str or None
        None stands for those of the process.
    name : str
        The name of the program in messages.

    Returns
    -------
    int
        0 only when the work was done. 2 for a user's mistake or a part that is not built yet, with one line on stderr.
        130 when interrupted. A bug keeps its traceback.
    """
    _heed_interrupts()
    try:
        # Not standalone: the command's own value comes back instead of an exit. Commands return None.
        status = app(args=arguments, prog_name=name, standalone_mode=False)
    except SpikedtpError as error:
        return _complain(str(error))
    except TyperException as error:  # unknown option, value of the wrong type, ...
        return _complain(f"{error.format_message()} (see: {_help_command(error, name)})")
    except (Abort, KeyboardInterrupt):
        status = INTERRUPTED
    if status == INTERRUPTED:
        print("spikedtp: interrupted", file=sys.stderr)
    return status or 0


def run_script(command: Callable[..., None]) -> None:
    """Run an experiment script whose options are the parameters of `command`, and leave the process."""
    app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)
    app.command()(command)
    sys.exit(run_app(app, None, f"python {sys.argv[0]}"))


def _heed_interrupts() -> None:
    """Let SIGINT end the program in the background of a script too, where shells start programs that ignore it.

    Python leaves it ignored, and Brian2's handler would then call what cannot be called.
    """
    handler = signal.getsignal(signal.SIGINT)
    if threading.current_thread() is not threading.main_thread():
        return
    if signal.SIG_IGN in (handler, getattr(handler, "previous_handler", None)):  # the latter if Brian2 came before
        signal.signal(signal.SIGINT, signal.default_int_handler)


def _complain(message: str) -> int:
    print("spikedtp: error: " + " ".join(message.split()), file=sys.stderr)
    return USER_MISTAKE


def _help_command(error: TyperException, name: str) -> str:
    context = getattr(error, "ctx", None)
    return f"{context.command_path if context else name} --help"
