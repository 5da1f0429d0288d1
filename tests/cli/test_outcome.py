"""How a command ends: interrupted, with a bug, with a message of several lines."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest
from cli.command_lines import complaint

from spikedtp import SpikedtpError
from spikedtp.cli import main


def test_interrupted(comparisons, capsys, monkeypatch):
    def interrupt(*settings):
        raise KeyboardInterrupt

    monkeypatch.setattr(sys.modules["spikedtp.jobs.compare"], "run_comparison", interrupt)
    assert main(["compare", "--device", "runtime"]) == 130
    assert capsys.readouterr().err == "spikedtp: interrupted\n"


SCRIPT = """
import os, signal, sys
{first}
import typer
from spikedtp.cli.outcome import run_app
app = typer.Typer()
@app.command()
def command():
    import brian2
    brian2.prefs.core.stop_on_keyboard_interrupt = False
    os.kill(os.getpid(), signal.SIGINT)
    print("not reached")
sys.exit(run_app(app, [], "spikedtp"))
"""


@pytest.mark.parametrize("first", ["", "import brian2"], ids=["before Brian2", "after Brian2"])
def test_interrupted_in_the_background_of_a_script(first):
    """Shells start such a program with SIGINT ignored."""
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT.format(first=first)], capture_output=True, text=True, timeout=120,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_IGN),
    )  # fmt: skip
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "spikedtp: interrupted\n")


def test_a_bug_keeps_its_traceback(comparisons, monkeypatch):
    def fail(*settings):
        raise ValueError("a bug, not a user's mistake")

    monkeypatch.setattr(sys.modules["spikedtp.jobs.compare"], "run_comparison", fail)
    with pytest.raises(ValueError, match="a bug"):
        main(["compare", "--device", "runtime"])


def test_a_message_of_several_lines_becomes_one(comparisons, capsys, monkeypatch):
    def fail(*settings):
        raise SpikedtpError("first\n  second")

    monkeypatch.setattr(sys.modules["spikedtp.jobs.compare"], "run_comparison", fail)
    assert main(["compare", "--device", "runtime"]) == 2
    assert complaint(capsys) == "spikedtp: error: first second\n"
