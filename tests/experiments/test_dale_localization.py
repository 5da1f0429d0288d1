"""dale_localization.py: it runs, writes what it promises, is spike for spike, and names a user's mistakes."""

import json

import numpy as np
import pandas as pd
import pytest
from scripts import run_script


def run(*arguments):
    return run_script("dale_localization", *arguments)


@pytest.mark.slow
def test_quick_run(tmp_path):
    options = ("--quick", "--seed", 4, "--ratios", "0.5", "--epochs", 1)
    done = run("--out", tmp_path / "out", *options)
    assert done.returncode == 0, done.stderr
    written = {path.name for path in (tmp_path / "out").iterdir()}
    figures = {f"{name}.{kind}" for name in ("input", "localisation", "weights", "sweep", "cells", "reward")
               for kind in ("png", "svg")}  # fmt: skip
    tables = {f"{name}.csv" for name in ("test", "losses", "cells", "reward")}
    assert written == figures | tables | {"summary.json", "manifest.json", "network.npz"}

    summary = json.loads((tmp_path / "out" / "summary.json").read_text())
    assert summary["brian2.hidden_spikes"] > 1000 and summary["brian2.mismatched_hidden_spikes"] == 0
    assert summary["brian2.largest_output_difference"] < 1e-12 * summary["brian2.largest_output"]
    assert summary["index 0.5.notebook"] == [83.7, 4.4]
    discrete = summary["discrete LIF.as_trained.accuracy_percent"]
    assert discrete == pytest.approx(summary["torch.accuracy_percent"], abs=4)
    table = pd.read_csv(tmp_path / "out" / "test.csv")
    assert set(table.condition) == {"no Dale", "index 0.5", "random 0.5"}
    assert set(table[table.condition == "no Dale"].inputs) == {"intact"}
    with np.load(tmp_path / "out" / "network.npz") as arrays:
        assert (arrays["sign1"] == np.repeat([-1, 1], 100)).all()
        assert (arrays["w1"] * arrays["sign1"][:, None] >= 0).all()
    losses = pd.read_csv(tmp_path / "out" / "losses.csv")
    assert len(losses) == 1 and np.isfinite(losses.to_numpy()).all()

    again = run("--out", tmp_path / "again", *options)
    assert again.returncode == 0, again.stderr
    for name in sorted(written - {"manifest.json", "network.npz"}):
        assert (tmp_path / "out" / name).read_bytes() == (tmp_path / "again" / name).read_bytes(), name


@pytest.mark.parametrize("ratios", ["half", "0.2,1.5", ""])
def test_mistakes_are_one_line_and_status_2(tmp_path, ratios):
    done = run("--out", tmp_path / "out", "--quick", "--ratios", ratios)
    assert done.returncode == 2
    assert done.stderr.strip().splitlines() == [
        f"spikedtp: error: --ratios must be numbers from 0 to 1 between commas, got {ratios!r}"
    ]
    assert not (tmp_path / "out").exists()
