"""torch_networks.py in quick mode: it runs, and writes what it promises."""

import json

import pandas as pd
import pytest
from scripts import run_script


@pytest.mark.slow
def test_torch_networks(tmp_path):
    done = run_script("torch_networks", "--quick", "--out", tmp_path / "out")
    assert done.returncode == 0, done.stderr
    accuracy = pd.read_csv(tmp_path / "out" / "accuracy.csv")
    assert accuracy["network"].tolist() == ["quick start", "one layer"]
    assert (accuracy["logits"] < 1e-5).all() and (accuracy["rate"] == accuracy["torch"]).all()
    medians = pd.read_csv(tmp_path / "out" / "medians.csv").set_index(["network", "projection", "reference", "measure"])
    assert medians.loc[("one layer", "OutputE_InputE", "backprop", "cosine"), "median"] > 0.98
    assert json.loads((tmp_path / "out" / "summary.json").read_text())["quick start.spikes"] > 0.5
    assert (tmp_path / "out" / "torch_networks.svg").exists()
