"""Trackers are told of every finished run, by name, and their errors stop nothing."""

from __future__ import annotations

import contextlib
import json
import re
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pandas as pd
import pytest

from spikedtp import SpikedtpError
from spikedtp.cli import main
from spikedtp.configuration import EvaluateConfiguration
from spikedtp.jobs.evaluate import run_evaluation
from spikedtp.records import register_tracker


@pytest.fixture
def told():
    runs = []
    register_tracker("notes", runs.append)
    return runs


@pytest.mark.parametrize("command", ["compare", "train", "evaluate", "replay", "plan"])
def test_every_command_tells(command, told, small_circuit, tmp_path):
    rng = np.random.default_rng(0)
    np.savez(tmp_path / "s.npz", pre=rng.random((30, 3)) < 0.3, post=rng.random((30, 2)) < 0.3, w0=np.ones((2, 3)))
    words = {
        "compare": ["--samples", "1", "--device", "runtime"],
        "train": ["--circuit", str(small_circuit), "--samples", "4"],
        "evaluate": ["--samples", "4"],
        "replay": ["--rule", "STDP", "--signals", str(tmp_path / "s.npz")],
        "plan": ["--cells", "80", "--rates", "5,10,40", "--draws", "20"],
    }[command]
    assert main([command, *words, "--tracker", "notes", "--out", str(tmp_path / "out")]) == 0
    (run,) = told
    assert (run.command, run.status, run.error, run.key) == (command, "done", None, None)
    assert run.summary == json.loads((tmp_path / "out" / "summary.json").read_text())
    assert run.folder == tmp_path / "out" and run.figures == tuple(sorted((tmp_path / "out").glob("*.png")))
    assert run.figures and all(figure.with_suffix(".svg").is_file() for figure in run.figures)
    assert run.settings == json.loads((tmp_path / "out" / "manifest.json").read_text())["configuration"] | (
        {"parameters": run.settings["parameters"]} if command == "replay" else {}
    )
    assert "tracker" not in (tmp_path / "out" / "config.yaml").read_text()


def test_what_a_tracker_raises_stops_nothing(told, tmp_path, caplog):
    @register_tracker("broken")
    def broken(run):
        raise OSError("disk\nfull")

    settings = EvaluateConfiguration(samples=4, tracker=["broken", "notes"])
    assert run_evaluation(settings, tmp_path / "out")["n_samples"] == 4
    assert f"the tracker 'broken' failed for {tmp_path / 'out'}: OSError: disk full" in caplog.text
    assert len(told) == 1


def test_a_name_that_nobody_registered(told, tmp_path, capsys):
    assert main(["evaluate", "--tracker", "other", "--out", str(tmp_path / "out")]) == 2
    err = capsys.readouterr().err
    assert "--tracker: unknown tracker 'other': known are notes" in err and err.count("\n") == 1
    assert not (tmp_path / "out").exists()
    with pytest.raises(SpikedtpError, match="the tracker 'x' must be a function"):
        register_tracker("x", 3)


def test_a_file_may_name_one(told, tmp_path):
    (tmp_path / "c.yaml").write_text("samples: 4\ntracker: notes\n")
    assert main(["evaluate", "--config", str(tmp_path / "c.yaml"), "--out", str(tmp_path / "out")]) == 0
    assert len(told) == 1


@pytest.fixture
def documented(tmp_path, monkeypatch):
    """The plugins of docs/tracking.md, in the current folder."""
    page = (Path(__file__).parents[2] / "docs" / "tracking.md").read_text(encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    for block in re.findall(r"```python\n(.*?)```", page, re.DOTALL):
        (tmp_path / block.partition("\n")[0].removeprefix("# ")).write_text(block)
    yield tmp_path
    for name in ("lab_notes", "lab_mlflow"):
        sys.modules.pop(name, None)


def test_the_documented_table(documented):
    for samples in ("4", "5"):
        words = ["--samples", samples, "--plugin", "lab_notes", "--tracker", "csv", "--out", samples]
        assert main(["evaluate", *words]) == 0
    table = pd.read_csv(documented / "runs.csv")
    assert list(table["command"]) == ["evaluate"] * 2 and list(table["status"]) == ["done"] * 2
    assert [json.loads(text)["n_samples"] for text in table["summary"]] == [4, 5]
    assert table["folder"][1] == str(documented / "5")


def test_the_documented_mlflow(documented, monkeypatch):
    """With a stand-in that notes what it is told; nothing else of MLflow's is used."""
    calls = {}
    stand_in = ModuleType("mlflow")
    stand_in.start_run = lambda run_name: contextlib.nullcontext(calls.setdefault("name", run_name))
    for name in ("log_params", "log_metrics", "set_tags", "log_artifact"):
        setattr(stand_in, name, lambda given, name=name: calls.setdefault(name, given))
    monkeypatch.setitem(sys.modules, "mlflow", stand_in)
    assert main(["evaluate", "--samples", "4", "--plugin", "lab_mlflow", "--tracker", "mlflow", "--out", "out"]) == 0
    summary = json.loads((documented / "out" / "summary.json").read_text())
    assert calls["name"] == "evaluate" and calls["log_params"]["circuit"] == "digits_dtp"
    assert calls["log_metrics"] == {name: summary[name] for name in ("n_samples", "n_correct", "accuracy")}
    assert calls["set_tags"] == {"command": "evaluate", "status": "done", "error": ""}
    assert calls["log_artifact"] == str(documented / "out" / "confusion.png")
