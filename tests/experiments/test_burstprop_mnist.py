"""burstprop_mnist.py: a quick run writes its tables, and a second one takes what is kept."""

import json

import pandas as pd
from scripts import run_script


def test_quick_and_once_more_from_its_runs(tmp_path):
    done = [run_script("burstprop_mnist", "--quick", "--out", tmp_path / "out") for _ in range(2)]
    assert [one.returncode for one in done] == [0, 0], done[0].stderr
    assert done[0].stdout == done[1].stdout
    folder = tmp_path / "out" / "results"
    table, choices = pd.read_csv(folder / "epochs.csv"), pd.read_csv(folder / "choices.csv")
    assert table["model"].tolist() == ["transposed", "random", "published"] and table["accuracy"].between(0, 1).all()
    assert choices["model"].tolist() == ["random", "transposed"]
    summary = json.loads((folder / "summary.json").read_text())
    assert summary["published_test"] == 100 * table["accuracy"].iloc[-1]
