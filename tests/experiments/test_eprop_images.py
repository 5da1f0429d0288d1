"""eprop_images.py: all models run, networks are drawn as they say, and a user's mistakes are named."""

import importlib
import json

import numpy as np
import pandas as pd
import pytest
from scripts import EXPERIMENTS, run_script


def run(*arguments):
    return run_script("eprop_images", *arguments)


def test_quick(tmp_path):
    done = run("--out", tmp_path / "out", "--quick")
    assert done.returncode == 0, done.stderr
    written = {path.name for path in (tmp_path / "out").iterdir()}
    figures = {"eprop_images.png", "eprop_images.svg"}
    assert written == {"summary.json", "manifest.json", "networks.csv", "curves.csv"} | figures
    table, curves = (pd.read_csv(tmp_path / "out" / f"{name}.csv") for name in ("networks", "curves"))
    assert len(table) == 3 and (curves.groupby("model").size() == 12).all()
    summary = json.loads((tmp_path / "out" / "summary.json").read_text())
    assert summary["random feedback, test"] == pytest.approx(table.set_index("model").loc["random feedback", "test"])


def test_digits_are_learned_in_a_thousand_presentations(tmp_path):
    models = ("--models", "symmetric feedback")
    assert run("--out", tmp_path / "out", "--seeds", 1, "--presentations", 1000, *models).returncode == 0
    assert json.loads((tmp_path / "out" / "summary.json").read_text())["symmetric feedback, validation"] > 0.8


def test_networks_and_spikes(monkeypatch):
    monkeypatch.syspath_prepend(EXPERIMENTS)
    script = importlib.import_module("eprop_images")
    network = script.image_network(9, 3, 10, cells=20, feedback="random", recurrent=False)
    assert network.w_in.shape == (20, 9) and not network.w_rec.any() and network.w_out.shape == (3, 20)
    rule, rng = network.network.rule, np.random.default_rng(0)
    assert rule.step_size(11) / rule.step_size(1) == pytest.approx(
        0.1 * np.sqrt(1 - 0.999**11) / (1 - 0.9**11) / np.sqrt(1 - 0.999) * (1 - 0.9)
    )
    x = script.poisson(np.tile([0.0, 0.5, 1.0], (200, 1)), rng)
    assert not x[:, 0].any()
    np.testing.assert_allclose(x[:, 1:].mean(axis=(0, 1)), [0, 0.1, 0.2], atol=0.01)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (("--data", "spirals"), "unknown data 'spirals': known are digits, mnist"),
        (("--models", "bptt"), "unknown model 'bptt': known are"),
        (("--presentations", 1001), "--presentations must be a multiple of the 4 images between updates, got 1001"),
    ],
)
def test_mistakes_are_named(tmp_path, wrong, message):
    done = run("--out", tmp_path / "out", *wrong)
    assert done.returncode == 2 and message in done.stderr and not (tmp_path / "out").exists()
