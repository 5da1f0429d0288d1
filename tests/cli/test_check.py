"""`spikedtp check`: what it finds, against the machine itself."""

from __future__ import annotations

import json
import platform

import numpy as np
import pytest
import torch
from brian2 import __version__ as brian2_version

from spikedtp.cli import main


def test_check(capsys):
    assert main(["check", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["ok"]
    assert found["packages"] | {"ok": True} == found["packages"]
    for name, version in {"python": platform.python_version(), "numpy": np.__version__, "torch": torch.__version__,
                          "brian2": brian2_version}.items():  # fmt: skip
        assert found["packages"][name] == version
    devices = {name: values for name, values in found.items() if name.startswith("simulation on")}
    assert "simulation on runtime" in devices
    for values in devices.values():
        assert values["ok"] and values["simulated_s"] == pytest.approx(12 * 0.42)
        assert 0.9 < values["cosine"] < 1 and values["expected_cosine"] == pytest.approx(values["cosine"], abs=0.1)


def test_check_says_what_is_wrong(capsys, tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("SPIKEDTP_CACHE", str(tmp_path / "file"))
    monkeypatch.setenv("CXX", "no-such-compiler")
    monkeypatch.setattr("spikedtp.jobs.check.N_IMAGES", 1)
    assert main(["check"]) == 1
    printed = capsys.readouterr().out
    assert "WRONG cache: " in printed and "set SPIKEDTP_CACHE" in printed
    assert "note  compiler: no C++ compiler" in printed and "simulation on cpp_standalone" not in printed
