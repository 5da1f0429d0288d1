"""full_mnist.py with few digits: its tables beside the jobs' own files, twins that begin alike, and that it goes on."""

import json

import numpy as np
import pandas as pd
import pytest
from scripts import run_script

FEW = ["--data", "digits", "--samples", "20", "--keep-at", "10", "--validation", "300", "--seeds", "2", "--jobs", "1"]


@pytest.mark.slow
def test_few_digits(tmp_path):
    out = tmp_path / "out"
    done = run_script("full_mnist", *FEW, "--models", "5J,Dale backprop", "--out", out)
    assert done.returncode == 0, done.stderr
    networks = pd.read_csv(out / "networks.csv")
    assert len(networks) == (2 + 1) * 2 * 3  # trainings of each seed, networks of each
    asked = (networks["learned"] == "spiking") & (networks["presentations"] == 20)
    assert networks["test_in_spikes"].notna().equals(asked)
    for folder in (out / "trained" / "jobs").iterdir():
        if folder.is_dir():
            summary = json.loads((folder / "summary.json").read_text())
            here = (networks["seed"] == summary["seed"]) & (networks["learned"] == summary["mode"])
            here &= networks["circuit"] == summary["circuit"]
            mean = networks[here & (networks["weights"] == "mean")].iloc[0]
            column = "validation_in_spikes" if summary["mode"] == "spiking" else "validation"
            assert mean[column] == summary["validation_accuracy"] and summary["n_validation"] == 300
    curves = pd.read_csv(out / "curves.csv")
    begun = curves[(curves["samples"] == 0) & (curves["model"] == "5J")].groupby("seed")["accuracy_rate"]
    assert (begun.nunique() == 1).all()  # a twin begins with the same weights
    twins = pd.read_csv(out / "spikes_minus_rate.csv")
    row = twins[(twins["weights"] == "mean") & (twins["accuracy"] == "test_in_spikes")].iloc[0]
    mean = networks[(networks["weights"] == "mean") & (networks["model"] == "5J")].set_index("learned")
    expected = mean.loc["spiking", "test_in_spikes"].mean() - mean.loc["rate", "test"].mean()
    assert np.isclose(row["difference"], expected)
    again = run_script("full_mnist", *FEW, "--models", "5J", "--modes", "rate", "--out", out)
    assert again.returncode == 0, again.stderr
    assert len(pd.read_csv(out / "networks.csv")) == 2 * 3
    for part in ("trained", "tested"):
        assert json.loads((out / part / "manifest.json").read_text())["jobs"]["run_this_time"] == 0


@pytest.mark.parametrize(
    ("words", "line"),
    [
        ([*FEW, "--models", "5J,6K"], "unknown model '6K'"),
        ([*FEW, "--modes", "both"], "unknown mode 'both'"),
        (["--data", "spirals"], "this experiment is about mnist:DIR and digits"),
        ([*FEW, "--keep-at", "11"], "--keep-at 11"),
        ([*FEW, "--validation", "1198"], "validation must be between 1 and 1197"),
    ],
)
def test_mistakes(tmp_path, words, line):
    done = run_script("full_mnist", *words, "--out", tmp_path / "out")
    assert done.returncode == 2 and line in done.stderr, done.stderr
    assert "Traceback" not in done.stderr and not (tmp_path / "out" / "networks.csv").exists()
