"""planning.py in quick mode: its three checks."""

import json

import pandas as pd
import pytest
from scripts import run_script


@pytest.mark.slow
def test_quick(tmp_path):
    done = run_script("planning", "--quick", "--device", "runtime", "--out", tmp_path / "out")
    assert done.returncode == 0, done.stderr
    forwards = pd.read_csv(tmp_path / "out" / "forwards.csv")
    assert len(forwards) == 2 * 2 * 2  # rates, repeats, projections
    own = forwards[forwards["projection"] == "H2E_H1E"]
    assert (own["planned.cosine"] - own["simulated.cosine"]).abs().max() < 0.15  # of three images, eight times
    backwards = pd.read_csv(tmp_path / "out" / "backwards.csv")
    assert (backwards["simulated"] - backwards["wanted"]).abs().max() < 0.1
    summary = json.loads((tmp_path / "out" / "summary.json").read_text())
    assert summary["power.n_planned"] >= 2 and 0 <= summary["power.share_detected"] <= 1
