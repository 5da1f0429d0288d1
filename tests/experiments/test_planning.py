"""planning.py in quick mode: its checks, and that it goes on where it was."""

import json
import time

import numpy as np
import pandas as pd
import pytest
from scripts import run_script


@pytest.mark.slow
def test_quick(tmp_path):
    out = tmp_path / "out"
    done = run_script("planning", "--quick", "--out", out)
    assert done.returncode == 0, done.stderr
    for part, n_rows in (("open", 2 * 2 * 2), ("closed", 9 * 2)):  # settings, repeats, projections
        table = pd.read_csv(out / f"{part}.csv")
        assert len(table) == n_rows
        standard = np.hypot(table["simulated.cosine.error"], table["planned.error"])
        assert (table["planned.cosine"] - table["simulated.cosine"]).abs().median() < 4 * standard.median()
    backwards = pd.read_csv(out / "backwards.csv")
    assert (backwards["simulated"] - backwards["wanted"]).abs().max() < 0.12
    summary = json.loads((out / "summary.json").read_text())
    assert summary["power.n_planned"] >= 2 and 0 <= summary["power.share_detected"] <= 1
    assert summary["speed.open.seconds"] < summary["speed.closed.seconds"] < 10
    begun = time.perf_counter()
    again = run_script("planning", "--quick", "--out", out, "--only", "open,closed,backwards,power")
    assert again.returncode == 0 and time.perf_counter() - begun < 20  # every job was kept
    kept = json.loads((out / "summary.json").read_text())
    assert kept == {name: value for name, value in summary.items() if not name.startswith("speed")}


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["--only", "open,all"], "unknown part 'all'"),
        (["--only", "mnist"], "needs --mnist DIR and --mnist-weights FILE"),
    ],
)
def test_mistakes(tmp_path, words, line):
    done = run_script("planning", *words, "--out", tmp_path / "out")
    assert done.returncode == 2 and line in done.stderr
    assert not (tmp_path / "out").exists()
