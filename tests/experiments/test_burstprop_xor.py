"""burstprop_xor.py: what it writes, that an interrupted run goes on, and small parts by hand."""

import importlib
import json

import numpy as np
import pandas as pd
import pytest
from scripts import EXPERIMENTS, run_script

from spikedtp import SpikedtpError


@pytest.fixture
def load(monkeypatch):
    monkeypatch.syspath_prepend(EXPERIMENTS)
    return importlib.import_module


def test_quick_and_once_more_from_its_parts(tmp_path):
    out = tmp_path / "out"
    done = run_script("burstprop_xor", "--quick", "--out", out)
    assert done.returncode == 0, done.stderr
    names = {"examples.csv", "costs.csv", "weights.csv", "burstprop_xor.png", "burstprop_xor.svg"}
    assert {path.name for path in out.iterdir()} == names | {"summary.json", "manifest.json", "parts"}
    table = pd.read_csv(out / "examples.csv")
    assert table["phase"].tolist() == ["settling"] + ["before"] * 4 + ["learning"] * 4 + ["after"] * 4
    assert pd.read_csv(out / "costs.csv")["cost"].tolist() == pytest.approx([table["cost"][5:9].sum()])
    weights = pd.read_csv(out / "weights.csv")
    assert len(weights) == 6 and (weights["mean"] != 0.234).all() and np.abs(weights["mean"] - 0.234).max() < 0.05
    before = {path.name: path.read_bytes() for path in out.iterdir() if path.suffix == ".csv"}
    again = run_script("burstprop_xor", "--quick", "--out", out)
    assert again.returncode == 0, again.stderr
    assert before == {name: (out / name).read_bytes() for name in before}
    assert json.loads((out / "summary.json").read_text())["epochs"] == 1
    other = run_script("burstprop_xor", "--quick", "--seed", 5, "--out", out)
    assert other.returncode == 2 and "holds parts of a run with other settings" in other.stderr


def test_an_ensemble_that_is_too_small_is_refused(tmp_path):
    done = run_script("burstprop_xor", "--cells", 20, "--out", tmp_path / "out")
    assert done.returncode == 2 and not (tmp_path / "out").exists()
    assert "an ensemble of 20 cells is too small for a population rate" in done.stderr


def test_the_cost_and_the_order_of_examples(load):
    run = load("bursts.xor_run")
    assert run.cost(6.0, 1) == pytest.approx(np.log(2)) == run.cost(6.0, 0)
    assert run.cost(4.0, 1) == pytest.approx(-np.log(0.25)) and run.cost(1.0, 1) == pytest.approx(-np.log(0.01))
    shown = run.examples(2)
    assert len(shown) == 1 + 4 + 8 + 4
    learning = shown[shown["phase"] == "learning"]
    assert learning["target"].tolist() == [0, 1, 1, 0] * 2 and learning["epoch"].tolist() == [1] * 4 + [2] * 4


def test_connections_are_those_of_the_seed(load):
    network = load("bursts.xor_network")
    model = network.Xor(150)
    first, again, other = (network.first_state(model, seed) for seed in (1, 1, 2))
    assert all(np.array_equal(first[name], again[name]) for name in first)
    assert not np.array_equal(first["to_hidden.mask"], other["to_hidden.mask"])
    heard = first["to_hidden.mask"].sum(axis=1)
    assert heard.mean() == pytest.approx(200, abs=4)  # 100 of each population
    feedback = first["feedback_exc.weights"]
    assert set(np.unique(feedback[:150])) == {0.0, 0.26} and set(np.unique(feedback[150:])) == {0.0, 0.026}
    with pytest.raises(SpikedtpError, match="too small for a population rate"):
        network.Xor(99)
