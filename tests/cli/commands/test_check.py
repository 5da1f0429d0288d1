"""`spikedtp check`: what it finds, against the machine itself."""

from __future__ import annotations

import json
import platform

import brian2
import numpy as np
import pytest
import torch

from spikedtp.cli import main
from spikedtp.jobs import check
from spikedtp.spiking.engine.compiled import write_source
from spikedtp.spiking.engine.devices import compiler_available


def test_check(capsys):
    assert main(["check", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["ok"]
    assert found["packages"] | {"ok": True} == found["packages"]
    # what a build adds for itself, such as +cu130, is not in the version that is installed
    for name, version in {"python": platform.python_version(), "numpy": np.__version__, "brian2": brian2.__version__,
                          "torch": torch.__version__.partition("+")[0]}.items():  # fmt: skip
        assert found["packages"][name].partition("+")[0] == version
    assert found["brian2"] == {"ok": True, "doubts": ""}
    devices = {name: values for name, values in found.items() if name.startswith("simulation on")}
    assert "simulation on runtime" in devices
    for values in devices.values():
        assert values["ok"] and values["simulated_s"] == pytest.approx(12 * 0.42)
        assert 0.9 < values["cosine"] < 1 and values["expected_cosine"] == pytest.approx(values["cosine"], abs=0.1)
    stock = {name: values for name, values in found.items() if name.startswith("synapses of Brian2 on")}
    assert [name.rpartition(" ")[2] for name in stock] == [name.rpartition(" ")[2] for name in devices]
    for values in stock.values():
        assert values["ok"] and values["off"] < 1e-12 and values["change"] > 1e-3


@pytest.mark.skipif(not compiler_available(), reason="needs a C++ compiler and make")
def test_synapses_of_brian2_that_do_not_compile_are_wrong(tmp_path, monkeypatch):
    """Networks of matrices need nothing of their queue of spikes."""
    monkeypatch.setenv("SPIKEDTP_CACHE", str(tmp_path))
    merge = write_source.merge_sources

    def without_a_queue(project):
        header = project / "synapses_classes.h"
        header.write_text(header.read_text().replace("void push(", "void not_push("))
        merge(project)

    monkeypatch.setattr(write_source, "merge_sources", without_a_queue)
    found = check._stock_synapses("cpp_standalone")
    assert found.ok is False and "compiling the network failed" in found.detail and "push" in found.detail


def test_check_says_what_is_wrong(capsys, tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("SPIKEDTP_CACHE", str(tmp_path / "file"))
    monkeypatch.setenv("CXX", "no-such-compiler")
    monkeypatch.setattr("spikedtp.jobs.check.N_IMAGES", 1)
    assert main(["check"]) == 1
    printed = capsys.readouterr().out
    assert "WRONG cache: " in printed and "set SPIKEDTP_CACHE" in printed
    assert "note  compiler: no C++ compiler" in printed and "simulation on cpp_standalone" not in printed
