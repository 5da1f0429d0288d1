"""diehl_cook.py and its benchmark: what they write, that an interrupted run ends with the same bytes, and mistakes."""

import json

import numpy as np
import pandas as pd
import pytest
from brian2 import ms
from idx_files import write_mnist
from scripts import EXPERIMENTS, run_script

from spikedtp import SpikedtpError
from spikedtp.plasticity import DiehlCook
from spikedtp.spiking import DiehlCookNetwork


@pytest.fixture
def digits(tmp_path):
    folder = tmp_path / "digits"
    folder.mkdir()
    write_mnist(folder, n_train=45, n_test=12, side=12)
    return folder


def test_quick(tmp_path, digits):
    done = run_script("diehl_cook", "--data", f"mnist:{digits}", "--out", tmp_path / "out", "--quick")
    assert done.returncode == 0, done.stderr
    out = tmp_path / "out"
    figures = {f"{name}.{kind}" for name in ("receptive_fields", "results") for kind in ("png", "svg")}
    tables = {"learning.csv", "confusion.csv", "cells.csv"}
    assert {path.name for path in out.iterdir()} == figures | tables | {"summary.json", "manifest.json", "parts"}
    summary = json.loads((out / "summary.json").read_text())
    confusion = pd.read_csv(out / "confusion.csv").to_numpy()
    assert summary["accuracy"] == pytest.approx(np.trace(confusion) / 12) and confusion.sum() == 12
    assert summary["learned_from"] == 40 and summary["spikes_per_image"] > 4
    table = pd.read_csv(out / "learning.csv")
    assert table["images"].tolist() == [20, 40] and np.isnan(table["accuracy"][0])
    before = {path.name: path.read_bytes() for path in out.iterdir() if path.suffix in (".csv", ".json", ".png")}
    again = run_script("diehl_cook", "--data", f"mnist:{digits}", "--out", out, "--quick")
    assert again.returncode == 0, again.stderr
    for name, content in before.items():
        assert name == "manifest.json" or (out / name).read_bytes() == content, name
    other = run_script("diehl_cook", "--data", f"mnist:{digits}", "--out", out, "--quick", "--seed", 1)
    assert other.returncode == 2 and "holds parts of a run with other seed" in other.stderr
    other = run_script("diehl_cook", "--data", f"mnist:{digits}", "--out", out, "--quick", "--timer", 40)
    assert other.returncode == 2 and "is of a network with timer = 50. * msecond, not 40. * msecond" in other.stderr


def test_an_interrupted_run_ends_with_the_same_bytes(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(EXPERIMENTS))
    from diehl_cook import Parts

    rng = np.random.default_rng(2)
    x, y = rng.random((4, 20)), np.array([0, 1, 0, 1])
    settings = {"image_time": 60 * ms, "rest_time": 50 * ms, "timer": 5 * ms, "rule": DiehlCook(w_max=9.0)}
    network = DiehlCookNetwork(n_inputs=20, n_cells=4, weight_sum=80.0, fewest_spikes=1, **settings)
    tables = {}
    for name, stops in (("whole", [4]), ("stopped", [1, 3, 4])):
        for stop in stops:
            parts = Parts(tmp_path / name, network, 5, "images", "runtime")
            state, tables[name] = parts.learn(x, y, np.arange(stop), 1, 2)
        state.save(tmp_path / f"{name}.npz")
    pd.testing.assert_frame_equal(tables["whole"], tables["stopped"])
    assert (tmp_path / "whole.npz").read_bytes() == (tmp_path / "stopped.npz").read_bytes()
    assert [path.name for path in (tmp_path / "whole").glob("state_*")] == ["state_00000004.npz"]
    with pytest.raises(SpikedtpError, match="holds parts of a run with other images"):
        Parts(tmp_path / "whole", network, 5, "others", "runtime")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--data", "digits", "--cells", 0), "DiehlCookNetwork.n_cells must be a whole number of at least 2, got 0"),
        (("--data", "sklearn:iris"), "must lie in [0, 1]"),
        (("--data", "mnist:/nowhere"), "is no folder"),
    ],
)
def test_mistakes_are_named(tmp_path, arguments, words):
    done = run_script("diehl_cook", *arguments, "--out", tmp_path / "out")
    assert done.returncode == 2 and words in done.stderr and "Traceback" not in done.stderr
    assert not (tmp_path / "out").exists()


def test_the_benchmark(tmp_path, digits):
    arguments = ("--data", f"mnist:{digits}", "--out", tmp_path / "out", "--quick", "--target", "numpy")
    done = run_script("benchmarks/diehl_cook", *arguments)
    assert done.returncode == 0, done.stderr
    row = pd.read_csv(tmp_path / "out" / "times.csv").iloc[0]
    assert row.ratio == pytest.approx(row.stock_ms / row.here_ms) and row.stock_tries >= 1 and row.here_tries >= 1
    assert run_script("benchmarks/diehl_cook", *arguments, "--dt", -1).returncode == 2
