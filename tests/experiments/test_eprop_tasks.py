"""eprop_tasks.py: both tasks run in both forms, losses fall, and a user's mistakes are named."""

import json

import pandas as pd
import pytest
from scripts import run_script


def run(*arguments):
    return run_script("eprop_tasks", *arguments)


@pytest.mark.parametrize(
    ("task", "more"), [("regression", ("--form", "spiking", "--device", "runtime", "--updates", 2)), ("evidence", ())]
)
def test_quick(tmp_path, task, more):
    done = run("--out", tmp_path / "out", "--quick", "--task", task, *more)
    assert done.returncode == 0, done.stderr
    written = {path.name for path in (tmp_path / "out").iterdir()}
    assert written == {"summary.json", "manifest.json", "eprop_tasks.png", "eprop_tasks.svg", "losses.csv"}
    summary, table = (tmp_path / "out" / "summary.json").read_text(), pd.read_csv(tmp_path / "out" / "losses.csv")
    assert table["loss"].iloc[-1] == pytest.approx(json.loads(summary)["last_loss"], rel=1e-6)
    assert ("test_accuracy" in summary) == (task == "evidence")


@pytest.mark.slow
def test_the_regression_is_learned(tmp_path):
    assert run("--out", tmp_path / "out", "--updates", 150).returncode == 0
    assert json.loads((tmp_path / "out" / "summary.json").read_text())["updates_to_a_tenth"] < 150


def test_an_unknown_task_is_named(tmp_path):
    done = run("--out", tmp_path / "out", "--task", "xor")
    assert done.returncode == 2 and "unknown task 'xor': known are evidence, regression" in done.stderr
    assert not (tmp_path / "out").exists()
