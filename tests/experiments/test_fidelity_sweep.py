"""fidelity_sweep.py in quick mode: its jobs, its table, its prediction."""

import json

import pandas as pd
import pytest
from scripts import run_script


def run(*arguments):
    return run_script("fidelity_sweep", *arguments, own_process=True)  # its workers find what they run by its name


@pytest.mark.slow
def test_quick(tmp_path):
    done = run("--quick", "--device", "runtime", "--out", tmp_path / "out")
    assert done.returncode == 0, done.stderr
    jobs = pd.read_parquet(tmp_path / "out" / "sweep" / "sweep.parquet")
    assert len(jobs) == 2**4 and (jobs["status"] == "done").all()
    table = pd.read_csv(tmp_path / "out" / "fidelity.csv")
    assert len(table) == 4 * 2 * 2  # settings varied, values of each, references
    standard = jobs.query("time_per_step == 10 and unit_rate == 100 and average == 1 and circuit.str.contains('_25')")
    for reference, rows in table.groupby("reference"):
        assert rows.iloc[0]["median"] == standard[f"H2E_H1E.{reference}.cosine.median"].item()
    summary = json.loads((tmp_path / "out" / "summary.json").read_text())
    # n repeats keep 1/n of the noise power: a definition for the prediction, a measurement for the spikes
    assert summary["exponent.average.predicted"] == pytest.approx(-0.5, abs=1e-6)
    assert -0.9 < summary["exponent.unit_rate.measured"] < -0.3
    assert summary["cosine_minus_predicted.median_absolute"] < 0.1
    # continued: nothing is run again
    assert run("--quick", "--device", "runtime", "--out", tmp_path / "out").returncode == 0
    assert json.loads((tmp_path / "out" / "manifest.json").read_text())["jobs"] == {"run_this_time": 0, "found": 16}
