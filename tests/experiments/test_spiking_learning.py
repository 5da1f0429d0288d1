"""The experiment on learning in spikes, a small run of it: what it writes, and that finished jobs are not run again."""

import json

import pandas as pd
import pytest
from scripts import run_script

PARTS = ("updates", "topdown")


def run(*arguments):
    return run_script("spiking_learning", *arguments)


def test_an_unknown_part_is_named(tmp_path):
    done = run("--only", "all", "--out", tmp_path / "out")
    assert done.returncode == 2 and "unknown part 'all': known are free, inference" in done.stderr
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
def test_a_quick_run_and_a_second_one(tmp_path):
    out = tmp_path / "out"
    arguments = ["--out", str(out), "--quick", "--only", ",".join(PARTS), "--jobs", "1"]
    done = run(*arguments)
    assert done.returncode == 0, done.stderr
    kept = {path: path.stat().st_mtime_ns for path in (out / "jobs").iterdir()}
    summary = json.loads((out / "summary.json").read_text())
    assert 0.7 < summary["updates/5J/at rest/1.0/regular/OutputE_H2E"] <= 1
    updates = pd.read_csv(out / "updates.csv")
    assert set(updates["firing"]) == {"poisson", "regular"} and updates["cosine"].between(-1, 1).all()
    assert (updates["noise_ceiling"] <= 1).all()
    topdown = pd.read_csv(out / "topdown.csv")
    assert {"angle_H1E_H2E", "angle_H2E_OutputE"} <= set(topdown) and topdown["presentations"].max() == 60
    for part in PARTS:
        assert (out / f"{part}.png").stat().st_size > 5000
    assert run(*arguments).returncode == 0
    assert {path: path.stat().st_mtime_ns for path in (out / "jobs").iterdir()} == kept
    assert json.loads((out / "summary.json").read_text()) == summary
