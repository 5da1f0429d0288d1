"""burstprop_ensembles.py: a quick run writes both tables, and too few cells are named."""

import pandas as pd
from scripts import run_script


def test_quick(tmp_path):
    done = run_script("burstprop_ensembles", "--quick", "--out", tmp_path / "out")
    assert done.returncode == 0, done.stderr
    folder = tmp_path / "out" / "results"
    learned, alike = pd.read_csv(folder / "learning.csv"), pd.read_csv(folder / "weight_changes.csv")
    assert learned["samples"].tolist() == [4] and learned[["spikes", "rate"]].stack().between(0, 1).all()
    assert alike["layer"].tolist() == [1, 2] and alike[["cosine", "ceiling"]].abs().max().max() <= 1


def test_too_few_cells(tmp_path):
    done = run_script("burstprop_ensembles", "--cells", 5, "--out", tmp_path / "out")
    assert done.returncode == 2 and "cells" in done.stderr
