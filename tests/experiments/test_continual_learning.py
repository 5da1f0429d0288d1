"""continual_learning.py: its table beside its matrices, what it keeps, and mistakes."""

import json

import numpy as np
import pandas as pd
import pytest
from scripts import run_script

FEW = ("--quick", "--models", "backprop; DTP, SI", "--validation", "300")


@pytest.mark.slow
def test_quick(tmp_path):
    out = tmp_path / "out"
    done = run_script("continual_learning", *FEW, "--out", out)
    assert done.returncode == 0, done.stderr
    written = {path.name for path in (out / "results").iterdir()}
    assert {"continual_learning.csv", "matrices.csv", "strengths.csv", "continual_learning.png"} <= written
    table, matrices = (pd.read_csv(out / "results" / f"{name}.csv") for name in ("continual_learning", "matrices"))
    assert list(table["model"]) == ["backprop", "backprop, all digits together", "DTP, SI"]
    for row in table.itertuples():
        part = matrices[matrices["model"] == row.model]
        last = part[part["after"] == part["after"].max()]
        assert np.isclose(row.within, 100 * last["within"].mean()) and len(last) == 5
    kept = sorted((out / "runs").iterdir())
    strengths = json.loads((out / "results" / "manifest.json").read_text())["configuration"]["chosen"]
    assert strengths["DTP, SI"]["strength"] in (1e-4, 1e-3, 0.01, 0.1, 1.0)
    again = run_script("continual_learning", *FEW, "--out", out)
    assert again.returncode == 0 and sorted((out / "runs").iterdir()) == kept


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["--models", "DTP; LDS"], "unknown model 'LDS'"),
        (["--data", "spirals"], "has 4 classes; this experiment is about tasks of ten"),
        (["--validation", "1198"], "validation must be between 1 and 1197"),
    ],
)
def test_mistakes(tmp_path, words, line):
    done = run_script("continual_learning", *words, "--out", tmp_path / "out")
    assert done.returncode == 2 and line in done.stderr, done.stderr
    assert "Traceback" not in done.stderr and not (tmp_path / "out").exists()
