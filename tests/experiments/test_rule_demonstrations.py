"""florian_stdp.py and bcm_selectivity.py: they run, write what they promise, and name a user's mistakes."""

import importlib.util
import json

import numpy as np
import pandas as pd
import pytest
from scripts import EXPERIMENTS, run_script

from spikedtp import SpikedtpError


def script(name):
    spec = importlib.util.spec_from_file_location(name, EXPERIMENTS / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_florian(tmp_path):
    done = run_script("florian_stdp", "--out", tmp_path / "out", "--quick", "--seed", 3)
    assert done.returncode == 0, done.stderr
    written = {path.name for path in (tmp_path / "out").iterdir()}
    assert written == {"summary.json", "manifest.json", "florian_stdp.png", "florian_stdp.svg", "trajectories.csv"}
    summary = json.loads((tmp_path / "out" / "summary.json").read_text())
    for key in ("same-step.STDP", "same-step.MSTDP", "same-step.MSTDPET", "lag.STDP", "lag.MSTDP", "lag.MSTDPET"):
        assert summary[f"{key}.final_weight"] == pytest.approx(summary[f"{key}.published_final_weight"], abs=1e-7)
        assert summary[f"{key}.largest_difference_of_spiking_and_rate_form"] < 1e-12
    table = pd.read_csv(tmp_path / "out" / "trajectories.csv")
    assert len(table) == 201 and table["pre"].sum() == table["post"].sum() == 4


def test_florian_takes_your_trains(tmp_path):
    (tmp_path / "s.csv").write_text("neuron, time_ms\npre, 10\npost, 14.6\n")
    assert (
        run_script("florian_stdp", "--out", tmp_path / "o", "--quick", "--spikes", tmp_path / "s.csv").returncode == 0
    )
    summary = json.loads((tmp_path / "o" / "summary.json").read_text())
    assert summary["lag.STDP.final_weight"] == pytest.approx(0.2 + 0.2 * np.exp(-5 / 20))
    assert summary["lag.STDP.published_final_weight"] is None


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (None, "cannot be read: No such file"),
        ("", "needs a header 'time_ms,neuron' and at least one row, found no rows"),
        ("time,neuron\n1,pre\n", "found time, neuron"),
        ("time_ms,neuron\nsoon,pre\n", "line 2: time_ms must be a number, got 'soon'"),
        ("time_ms,neuron\n1,pre\n-1,pre\n", "line 3: time_ms must be at least 0"),
        ("time_ms,neuron\nnan,pre\n", "time_ms must be at least 0"),
        ("time_ms,neuron\n1,soma\n", "line 2: neuron must be pre or post, got 'soma'"),
        ("time_ms,neuron\n1,pre\n1.3,pre\n", "line 3: pre has two spikes in the same step of 1 ms, at 1 ms"),
    ],
)
def test_bad_spike_files_are_named(tmp_path, text, words):
    path = tmp_path / "spikes.csv"
    if text is not None:
        path.write_text(text)
    with pytest.raises(SpikedtpError, match=words) as error:
        script("florian_stdp").read_spikes(path)
    assert "\n" not in str(error.value)


def test_mistakes_are_one_line_and_status_2(tmp_path):
    for name, arguments in {
        "florian_stdp": ("--spikes", tmp_path / "none.csv"),
        "bcm_selectivity": ("--patterns", 20),
    }.items():
        done = run_script(name, "--out", tmp_path / "out", "--quick", *arguments)
        assert done.returncode == 2
        assert done.stderr.startswith("spikedtp: error: ") and done.stderr.count("\n") == 1
        assert not (tmp_path / "out").exists()


def test_bcm(tmp_path):
    done = run_script("bcm_selectivity", "--out", tmp_path / "out", "--quick", "--seconds", 5)
    assert done.returncode == 0, done.stderr
    written = {path.name for path in (tmp_path / "out").iterdir()}
    assert written == {"summary.json", "manifest.json", "bcm_selectivity.png", "bcm_selectivity.svg", "cells.csv"}
    summary = json.loads((tmp_path / "out" / "summary.json").read_text())
    assert summary["replayed_in_spikes.largest_difference"] < 1e-12
    assert len(pd.read_csv(tmp_path / "out" / "cells.csv")) == 3 * 2 * 12


def test_only_a_sliding_threshold_makes_cells_selective():
    bcm = script("bcm_selectivity")
    shapes, final = bcm.bumps(3), {}
    for name, theta0 in bcm.CONDITIONS.items():
        found = bcm.closed_loop(bcm.rule_from(theta0), shapes, np.random.default_rng(1), 6, 40.0, name == "sliding")
        final[name] = (found["selectivity"][-1], found["responses"][-1].max(axis=-1))
    np.testing.assert_allclose(final["sliding"][0], 1 - 1 / 3, atol=0.03)
    np.testing.assert_allclose(final["sliding"][1], 3, rtol=0.15)
    assert final["fixed, low"][0].max() < 0.1 and final["fixed, low"][1].min() > 5
    assert final["fixed, high"][1].max() < bcm.SILENT
