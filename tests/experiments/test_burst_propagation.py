"""burst_propagation.py: what it writes, and all its parts beside the original program."""

import importlib
import json

import numpy as np
import pandas as pd
import pytest
from scripts import EXPERIMENTS, run_script

from spikedtp import SpikedtpError

GOLDEN = EXPERIMENTS.parent / "tests" / "golden" / "burstprop"


def test_quick(tmp_path):
    done = run_script("burst_propagation", "--quick", "--out", tmp_path / "out")
    assert done.returncode == 0, done.stderr
    out = tmp_path / "out"
    figures = ("burst_propagation", "burst_layers", "burst_rule", "burst_pairings")
    names = {f"{name}.{kind}" for name in figures for kind in ("png", "svg")}
    names |= {f"{name}.csv" for name in ("curves", "layers", "rule", "pairings")}
    assert {path.name for path in out.iterdir()} == names | {"summary.json", "manifest.json"}
    table = pd.read_csv(out / "curves.csv")
    assert len(table) == 56 and table["burst_probability"].max() > 0.5
    summary = json.loads((out / "summary.json").read_text())
    assert summary["burstpoisson_xor_input_noise_event_rate_hz_along_soma"] > 3


@pytest.mark.parametrize("noise", ["burstpoisson_xor_input_noise", "naud_propagation_noise"])
def test_the_curves_of_the_original_program(monkeypatch, noise):
    """Every point within three standard errors of the difference. Seeds are fixed."""
    monkeypatch.syspath_prepend(EXPERIMENTS)
    table, _ = importlib.import_module("bursts.curves").curves(noise, 1000, 0.5, 4.0, 1, "cpp_standalone")
    golden = pd.read_csv(GOLDEN / "rates.csv")
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


@pytest.mark.parametrize("seed", [1, 2])
def test_the_layers_of_the_original_program(monkeypatch, seed):
    """Correlations, means and ranges of all signals, within what seeds differ by."""
    monkeypatch.syspath_prepend(EXPERIMENTS)
    network = importlib.import_module("bursts.propagation")
    table, _ = network.propagate(network.Propagation(), seed, "cpp_standalone")
    golden = pd.read_csv(GOLDEN / "propagation.csv").iloc[1:].reset_index(drop=True)
    kinds = {"event_rate": "event_rate", "burst_rate": "burst_rate", "burst_probability": "burst_prob"}
    names = {f"{ours}_{layer}": f"pop{layer}_{theirs}" for layer in (1, 2) for ours, theirs in kinds.items()}
    names |= {"soma1_pA": "I_soma1_pA", "dend2_pA": "I_dend2_pA", "pv_rate": "pv_rate", "som_rate": "som_rate"}
    original = pd.DataFrame({ours: golden[theirs] for ours, theirs in names.items()})
    original["time_s"] = golden["bin_end_s"] - 0.025
    found, expected = network.correlations(table, 1.0), network.correlations(original, 1.0)
    assert min(list(expected.values())[:4]) > 0.85 and max(map(abs, list(expected.values())[4:])) < 0.15
    for name, value in expected.items():
        assert found[name] == pytest.approx(value, abs=0.04), name
    for name in names:
        ours, theirs = (each.loc[each["time_s"] > 1, name] for each in (table, original))
        assert ours.mean() == pytest.approx(theirs.mean(), rel=0.05, abs=2.0 if name.endswith("pA") else 0), name
        assert ours.quantile([0.1, 0.9]).tolist() == pytest.approx(theirs.quantile([0.1, 0.9]).tolist(), rel=0.15), name


@pytest.mark.parametrize(
    ("options", "words"),
    [(("--cells", 5), "5 cells are too few for a population rate"), (("--seconds", 0), "--seconds must be above 0")],
)
def test_what_cannot_be_is_refused(tmp_path, options, words):
    done = run_script("burst_propagation", *options, "--out", tmp_path / "out")
    assert done.returncode == 2 and words in done.stderr and not (tmp_path / "out").exists()


def test_pairings_of_the_publication(monkeypatch):
    """Regular ones within 0.002, but where the trace of the rule sees bursts; drawn ones within their spread.

    Traces decay exactly here, and by Euler's steps there: they differ by up to t dt / (2 tau²), 0.1 %, and a change is
    the difference of large terms.
    """
    monkeypatch.syspath_prepend(EXPERIMENTS)
    draws = 4
    table = importlib.import_module("bursts.pairings").pairings(1, draws=draws)
    golden = pd.read_csv(GOLDEN / "pairings.csv", keep_default_na=False)
    for each in (table, golden):
        each["x"] = each["x"].round(4)
    both = table.merge(golden, on=["protocol", "variant", "x"], suffixes=("", "_original"))
    assert len(both) == 60
    regular = both[(both["protocol"] == "periodic") & ((both["x"] < 47) | (both["x"] > 62.5))]
    assert len(regular) == 17 and (regular["dW_mean"] - regular["dW_mean_original"]).abs().max() < 2e-3
    drawn = both[(both["protocol"] == "burst_poisson") | ((both["protocol"] == "poisson") & (both["x"] < 25))]
    error = np.sqrt(drawn["dW_sd"] ** 2 / draws + drawn["dW_sd_original"] ** 2 / 20)
    assert ((drawn["dW_mean"] - drawn["dW_mean_original"]).abs() < 3 * error).all()
    bursting = both[both["variant"] == "ER=10"].sort_values("x")["dW_mean"]
    assert bursting.iloc[0] < -1.2 and bursting.iloc[-1] > 1.2


def test_ensembles_that_are_too_small_are_refused(monkeypatch):
    monkeypatch.syspath_prepend(EXPERIMENTS)
    network, rule = (importlib.import_module(f"bursts.{name}") for name in ("propagation", "learning_rule"))
    with pytest.raises(SpikedtpError, match="layers of 50 cells are too small, as each cell hears 200 of them"):
        network.Propagation(50)
    with pytest.raises(SpikedtpError, match=r"seconds at least 0\.2 s, for four bins"):
        network.Propagation(seconds=0.1)
    with pytest.raises(SpikedtpError, match="a population of 20 cells is too small for its burst probability"):
        rule.learn_in_population(20, 1.0, 1, "runtime")
