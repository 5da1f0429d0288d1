"""rate_vs_spiking.py and rules_in_spikes.py in quick mode: they run, write what they promise, name mistakes."""

import json

import pandas as pd
import pytest
from scripts import run_script


@pytest.mark.slow
def test_rate_vs_spiking(tmp_path):
    done = run_script("rate_vs_spiking", "--quick", "--out", tmp_path / "out")
    assert done.returncode == 0, done.stderr
    table = pd.read_csv(tmp_path / "out" / "fidelity.csv")
    assert set(table["readout"]) == {"paper", "best"} and table["median"].between(-1, 1).all()
    assert (tmp_path / "out" / "fidelity.svg").exists()
    summary = json.loads((tmp_path / "out" / "summary.json").read_text())
    for readout in ("paper", "best"):
        medians = pd.read_csv(tmp_path / "out" / readout / "medians.csv").set_index(
            ["projection", "reference", "measure"]
        )
        expected = medians.loc[("H2E_H1E", "rule", "cosine"), "median"]
        assert summary[f"{readout}.H2E_H1E.rule.cosine.median"] == pytest.approx(expected)


@pytest.mark.slow
def test_rules_in_spikes(tmp_path):
    done = run_script("rules_in_spikes", "--quick", "--out", tmp_path / "out")
    assert done.returncode == 0, done.stderr
    rules = pd.read_csv(tmp_path / "out" / "rules.csv")
    assert set(rules["model"]) == {"LDS, one pass", "BTSP"}
    assert {"DendriticState", "BTSP", "DendriticLoss", "HebbWeightNorm"} == set(rules["rule"])
    presentations = pd.read_csv(tmp_path / "out" / "presentations.csv")
    one = presentations.query("model == 'BTSP' and projection == 'H2E_H1E'")["cosine"].median()
    assert rules.query("model == 'BTSP' and projection == 'H2E_H1E'")["cosine"].item() == pytest.approx(one)


@pytest.mark.parametrize("name", ["rate_vs_spiking", "rules_in_spikes"])
def test_a_mistake_is_one_line(tmp_path, name):
    done = run_script(name, "--data", "mnist:nowhere", "--out", tmp_path / "out")
    assert done.returncode == 2 and "Traceback" not in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1 and "nowhere" in done.stderr
    assert not (tmp_path / "out").exists()
