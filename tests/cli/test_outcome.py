"""How a command ends: interrupted, with a bug, with a message of several lines."""

from __future__ import annotations

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
