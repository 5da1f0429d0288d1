"""Sweeps: what a row says, and the same table however often it was run, interrupted and continued."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import time

import pandas as pd
import pytest
import yaml
from sweep.sweeps import fresh_weights, recorded, spikedtp, table_bytes

from spikedtp.cli import main
from spikedtp.configuration import SweepConfiguration
from spikedtp.jobs.compare import compare_networks
from spikedtp.sweep import plan_jobs, run_sweep, varied_keys


def finished(process: subprocess.Popen) -> str:
    """What it printed, once it has ended well."""
    out, err = process.communicate(timeout=300)
    assert process.returncode == 0, err
    return out


def test_a_row_is_what_compare_finds(config, reference):
    table = pd.read_parquet(reference / "sweep.parquet")
    jobs = plan_jobs(SweepConfiguration.of(yaml.safe_load(config.read_text())))
    assert len(table) == len(jobs) == 12 and table["job"].is_unique
    assert list(table["seed"]) == [job.seed for job in jobs]
    found = compare_networks(jobs[3]).summary()
    row = table.iloc[3]
    assert row["status"] == "done" and pd.isna(row["error"])
    for name in ("cosine.median", "angle.low", "noise_ceiling.median"):
        assert row[f"H2E_H1E.rule.{name}"] == found[f"H2E_H1E.rule.{name}"]
    assert row["time_per_step"] == 20 and row["n_cells"] == 100


def test_a_failing_job_is_reported_and_does_not_stop_the_rest(reference):
    table = pd.read_parquet(reference / "sweep.parquet")
    failed = table[table["status"] == "failed"]
    assert list(failed["population"]) == ["H2SomaI"] * 2 and (table["status"] == "done").sum() == 10
    assert failed["error"].str.contains("'H2SomaI' has no learned projection").all()
    assert failed["H2E_H1E.rule.cosine.median"].isna().all()
    summary = json.loads((reference / "summary.json").read_text())
    assert summary == {"n_jobs": 12, "n_failed": 2, "varied": ["seed", "population", "time_per_step"]}


def test_finished_jobs_are_not_run_again(config, reference, capsys):
    before, table = recorded(reference), table_bytes(reference)
    assert main(["sweep", "--config", str(reference / "config.yaml"), "--out", str(reference)]) == 1
    assert "10 of 12 jobs done (12 of them before)" in capsys.readouterr().out
    assert recorded(reference) == before and table_bytes(reference) == table
    # a failed one is, if asked for; its neighbours are not
    assert main(["sweep", "--config", str(config), "--out", str(reference), "--retry-failed", "--jobs", "1"]) == 1
    again = {name for name, identity in recorded(reference).items() if before[name] != identity}
    failed = pd.read_parquet(reference / "sweep.parquet").query("status == 'failed'")["job"]
    assert again == {f"{job}.json" for job in failed} and table_bytes(reference) == table


def test_other_weights_are_another_job(config, reference, small_circuit, tmp_path):
    settings = yaml.safe_load(config.read_text())
    settings["base"]["weights"] = str(tmp_path / "other.pt")
    settings["list"], settings["grid"] = [], {"seed": [0]}
    fresh_weights(small_circuit, tmp_path / "other.pt")
    sweep = SweepConfiguration.of(settings)
    assert run_sweep(sweep, tmp_path / "out", progress=False).n_run == 1
    assert run_sweep(sweep, tmp_path / "out", progress=False).n_run == 0
    fresh_weights(small_circuit, tmp_path / "other.pt", seed=4)
    assert run_sweep(sweep, tmp_path / "out", progress=False).n_run == 1
    assert varied_keys(sweep) == ["seed"]


def test_two_sweeps_do_not_share_a_folder(config, tmp_path):
    first = spikedtp("sweep", "--config", config, "--jobs", 1, "--out", tmp_path)
    while not (tmp_path / "jobs" / ".lock").exists() or not recorded(tmp_path):
        assert first.poll() is None, first.communicate()
        time.sleep(0.02)
    second = spikedtp("sweep", "--config", config, "--jobs", 1, "--out", tmp_path)
    err = second.communicate(timeout=60)[1]
    first.kill()
    first.wait()
    assert second.returncode == 2 and "another sweep is running there" in err and err.count("\n") == 1


@pytest.mark.slow
@pytest.mark.parametrize("n_processes", [1, 2])
def test_killed_three_times_and_continued(n_processes, config, reference, tmp_path):
    """kill -9 at a random moment: what was finished stays, is not run again, and the table is the same."""
    rng, before = random.Random(n_processes), {}
    words = ["sweep", "--config", config, "--jobs", n_processes, "--out", tmp_path]
    for _ in range(3):
        process = spikedtp(*words)
        while recorded(tmp_path).keys() == before.keys():  # at least one more
            assert process.poll() is None, process.communicate()
            time.sleep(0.01)
        time.sleep(rng.uniform(0, 1))
        os.kill(process.pid, signal.SIGKILL)
        process.communicate()
        now = recorded(tmp_path)
        assert before.items() <= now.items() and not (tmp_path / "sweep.parquet").exists()
        before = now
    assert len(before) < 12
    process = spikedtp(*words)
    out, _ = process.communicate(timeout=300)
    assert process.returncode == 1 and f"10 of 12 jobs done ({len(before)} of them before)" in out
    assert before.items() <= recorded(tmp_path).items()
    assert json.loads((tmp_path / "manifest.json").read_text())["jobs"] == {
        "run_this_time": 12 - len(before), "found": len(before)
    }  # fmt: skip
    assert table_bytes(tmp_path) == table_bytes(reference)


def test_repeat_runs_a_sweep_again(config, tmp_path, capsys):
    settings = yaml.safe_load(config.read_text()) | {"list": [], "grid": {"seed": [0, 1]}}
    (tmp_path / "two.yaml").write_text(yaml.safe_dump(settings))
    words = ["sweep", "--config", str(tmp_path / "two.yaml"), "--out", str(tmp_path / "out")]
    assert main([*words, "--set", "grid.samples=[1]", "--jobs", "1"]) == 0
    assert set(pd.read_parquet(tmp_path / "out" / "sweep.parquet")["samples"]) == {1}
    capsys.readouterr()
    assert main(["repeat", str(tmp_path / "out")]) == 0
    assert "same            sweep.parquet\n" in capsys.readouterr().out
