"""search_digits.py in quick mode: its search, and its last comparison."""

from __future__ import annotations

import json

import pandas as pd
import pytest
from scripts import run_script


@pytest.mark.slow
def test_quick(tmp_path):
    pytest.importorskip("optuna")
    done = run_script("search_digits", "--quick", "--jobs", 1, "--out", tmp_path / "out")
    assert done.returncode == 0, done.stderr
    trials = pd.read_parquet(tmp_path / "out" / "search" / "trials.parquet")
    constants = pd.read_csv(tmp_path / "out" / "constants.csv").set_index("key")
    assert len(trials) == 3
    for key, rate in constants["shipped"].items():
        assert trials[key][0] == pytest.approx(rate)  # the first trial is what ships
        assert trials[key].between(rate / 30.01, rate * 10.01).all()
        assert constants["found"][key] == trials[key][trials["best"]].item()
    table = pd.read_csv(tmp_path / "out" / "test.csv").pivot(index="seed", columns="constants", values="test_accuracy")
    summary = json.loads((tmp_path / "out" / "summary.json").read_text())
    assert summary["test.gain"] == pytest.approx(100 * (table["found"] - table["shipped"]).mean())
    assert summary["validation.found"] == pytest.approx(100 * trials["validation_accuracy"].max())
    # the search held out validation images and never read the test part; the last comparison did the reverse
    best = (tmp_path / "out" / "search" / "best" / "config.yaml").read_text()
    tested = (tmp_path / "out" / "test" / "config.yaml").read_text()
    assert "validation: 400" in best and "validation" not in tested
