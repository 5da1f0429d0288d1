"""Runs that several commands are tested with."""

from __future__ import annotations

import sys

import pytest
from cli.command_lines import FEW

from spikedtp.cli import main
from spikedtp.configuration import CompareConfiguration


@pytest.fixture(scope="session")
def trained(tmp_path_factory):
    out = tmp_path_factory.mktemp("train") / "out"
    assert main(["train", *FEW, "--seed", "1", "--data-seed", "2", "--out", str(out)]) == 0
    return out


@pytest.fixture
def comparisons(monkeypatch):
    """What `spikedtp compare` asks of the library."""
    import types

    calls = []
    fake = types.ModuleType("spikedtp.jobs.compare")
    fake.run_comparison = lambda configuration, out: calls.append((configuration, out)) or {}
    monkeypatch.setitem(sys.modules, "spikedtp.jobs.compare", fake)
    monkeypatch.setattr(CompareConfiguration, "weights_file", lambda self: self.weights)
    return calls
