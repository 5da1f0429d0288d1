"""spirals.py with few points: networks of each control and mode, what controls leave alone, and that it goes on."""

import json
import runpy
import sys
from unittest import mock

import numpy as np
import pandas as pd
import pytest
from scripts import EXPERIMENTS, run_script

from spikedtp.circuit import read_circuit
from spikedtp.rate import load_rate_network


@pytest.mark.slow
def test_quick(tmp_path):
    out = tmp_path / "out"
    words = ["--quick", "--device", "runtime", "--jobs", "1", "--out", out]
    done = run_script("spirals", *words)
    assert done.returncode == 0, done.stderr
    networks = pd.read_csv(out / "networks.csv")
    assert networks.groupby(["control", "learned", "weights"]).size().tolist() == [2] * 12
    assert networks["test_in_spikes"].notna().equals(networks["learned"] == "spiking")
    curves = pd.read_csv(out / "curves.csv")
    # twins and controls begin with the same weights
    begun = curves[(curves["samples"] == 0) & (curves["control"] != "shuffled targets")]
    assert (begun.groupby("seed")["accuracy_rate"].nunique() == 1).all()
    assert (out / "spirals.png").is_file()
    frozen = out / "controls" / "frozen_hidden.yaml"
    for job in (out / "trained" / "jobs").iterdir():
        if not job.is_dir():
            continue
        summary = json.loads((job / "summary.json").read_text())
        first = load_rate_network("spirals_dtp", seed=summary["seed"])
        if summary["circuit"] == frozen.stem:
            last = load_rate_network(frozen, job / "weights_10.pt")
            for name in ("H1E_InputE", "H2E_H1E", "H1E_H1DendI", "H1DendI_H1E"):
                np.testing.assert_array_equal(last.weights[name], first.weights[name])
            np.testing.assert_array_equal(last.biases["H1E"], first.biases["H1E"])
        else:
            last = load_rate_network("spirals_dtp", job / "weights_10.pt")
            assert np.any(last.biases["H1E"] != first.biases["H1E"])
        assert np.any(last.biases["OutputE"] != first.biases["OutputE"])
        assert np.any(last.weights["OutputE_H2E"] != first.weights["OutputE_H2E"])
    with np.load(out / "controls" / "shuffled.npz") as points:
        assert np.bincount(points["train_y"]).tolist() == [1400] * 4
        assert 0.2 < np.mean(points["train_y"] == np.repeat(np.arange(4), 1400)) < 0.3
    assert run_script("spirals", *words).returncode == 0
    for part in ("trained", "tested"):
        assert json.loads((out / part / "manifest.json").read_text())["jobs"]["run_this_time"] == 0


def test_the_control_keeps_a_circuit_that_runs():
    with mock.patch.object(sys, "path", [str(EXPERIMENTS), *sys.path]):
        script = runpy.run_path(str(EXPERIMENTS / "spirals.py"))
    frozen = script["frozen_hidden"](read_circuit("spirals_dtp"))
    assert {p.name for p in frozen.projections if p.rule is not None} == {"OutputE_H2E"}
    assert [p.name for p in frozen.populations if p.bias_rule is not None] == ["OutputE"]
    load_rate_network(frozen, seed=1).train_step(np.array([0.3, -0.5]), np.eye(4)[1])
