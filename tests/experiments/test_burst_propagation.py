"""burst_propagation.py: what it writes, and its curves beside those of the original program."""

import importlib
import json

import numpy as np
import pandas as pd
import pytest
from scripts import EXPERIMENTS, run_script

GOLDEN = EXPERIMENTS.parent / "tests" / "golden" / "burstprop" / "rates.csv"


def test_quick(tmp_path):
    done = run_script("burst_propagation", "--quick", "--out", tmp_path / "out")
    assert done.returncode == 0, done.stderr
    out = tmp_path / "out"
    names = {"curves.csv", "burst_propagation.png", "burst_propagation.svg", "summary.json", "manifest.json"}
    assert {path.name for path in out.iterdir()} == names
    table = pd.read_csv(out / "curves.csv")
    assert len(table) == 56 and table["burst_probability"].max() > 0.5
    summary = json.loads((out / "summary.json").read_text())
    assert summary["burstpoisson_xor_input_noise_event_rate_hz_along_soma"] > 3


@pytest.mark.parametrize("noise", ["burstpoisson_xor_input_noise", "naud_propagation_noise"])
def test_the_curves_of_the_original_program(monkeypatch, noise):
    """Every point within three standard errors of the difference. Seeds are fixed."""
    monkeypatch.syspath_prepend(EXPERIMENTS)
    script = importlib.import_module("burst_propagation")
    table, _ = script.curves(noise, 1000, 0.5, 4.0, 1, "cpp_standalone")
    golden = pd.read_csv(GOLDEN)
    both = table.merge(
        golden, left_on=["noise", "soma_pA", "dend_pA"], right_on=["population", "I_soma_pA", "I_dend_pA"],
        suffixes=("", "_original"),
    )  # fmt: skip
    assert len(both) == 14
    for ours, theirs, error, their_error in (
        ("event_rate_hz", "event_rate_Hz", "event_rate_se", "event_rate_se_original"),
        ("burst_rate_hz", "burst_rate_Hz", "burst_rate_se", "burst_rate_se_original"),
        ("burst_probability", "burst_prob", "burst_probability_se", "burst_prob_se"),
    ):
        assert (np.abs(both[ours] - both[theirs]) <= 3 * np.hypot(both[error], both[their_error])).all()


@pytest.mark.parametrize(
    ("options", "words"),
    [(("--cells", 5), "5 cells are too few for a population rate"), (("--seconds", 0), "--seconds must be above 0")],
)
def test_what_cannot_be_is_refused(tmp_path, options, words):
    done = run_script("burst_propagation", *options, "--out", tmp_path / "out")
    assert done.returncode == 2 and words in done.stderr and not (tmp_path / "out").exists()
