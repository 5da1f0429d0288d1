"""Sweeps: what a row says, and the same table however often it was run, interrupted and continued."""

from __future__ import annotations

import json
import shutil
import subprocess
import time

import numpy as np
import pandas as pd
import psutil
import pytest
import yaml
from sweep.sweeps import fresh_weights, killed_three_times, recorded, spikedtp, table_bytes

from spikedtp import SpikedtpError
from spikedtp.cli import main
from spikedtp.configuration import SweepConfiguration
from spikedtp.jobs.compare import compare_networks
from spikedtp.records import file_hash
from spikedtp.sweep import plan_jobs, run_sweep, varied_keys
from spikedtp.sweep.contents import former_key


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
    words = ["sweep", "--config", config, "--jobs", n_processes, "--out", tmp_path]
    before = killed_three_times(words, tmp_path, "sweep.parquet", n_processes, pause=1)[-1]
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


TRAIN = {"base": {"samples": 30, "probe_every": 15, "device": "runtime"}, "command": "train", "jobs": 1}


def test_what_trainings_leave_can_be_used(small_circuit, tmp_path, capsys):
    """Weights and learning curve lie under the job's key, as of the same training by itself."""
    sweep = SweepConfiguration.of({**TRAIN, "grid": {"seed": [0, 1]}})
    table = run_sweep(sweep, tmp_path / "out", progress=False).table
    for job in table.to_dict("records"):
        folder = tmp_path / "out" / "jobs" / job["job"]
        words = ["--circuit", "digits_dtp", "--weights", str(folder / "weights.pt"), "--out", str(tmp_path / "e")]
        assert main(["evaluate", *words]) == 0
        assert json.loads((tmp_path / "e" / "summary.json").read_text())["accuracy"] == job["test_accuracy"]
        assert main(["repeat", str(folder)]) == 0
        assert "matched: 6 of 6 files are the same" in capsys.readouterr().out
    (tmp_path / "out" / "jobs" / table["job"][0] / "weights.pt").unlink()
    with pytest.raises(SpikedtpError, match=r"weights.pt is gone: delete .*json, and its job is run again"):
        run_sweep(sweep, tmp_path / "out", progress=False)


def test_moved_files_are_found_done(small_circuit, tmp_path):
    """Also those that an earlier version has finished, whose keys were of paths: the table keeps its bytes."""
    for name in "ab":
        (tmp_path / name).mkdir()
        shutil.copy(small_circuit, tmp_path / name / "c.yaml")
    sweep = {
        name: SweepConfiguration.of({**TRAIN, "grid": {"seed": [0], "circuit": [str(tmp_path / name / "c.yaml")]}})
        for name in "ab"
    }
    assert run_sweep(sweep["a"], tmp_path / "out", progress=False).n_run == 1
    moved = run_sweep(sweep["b"], tmp_path / "out", progress=False)
    assert moved.n_run == 0 and moved.table["circuit"][0] == str(tmp_path / "b" / "c.yaml")
    (job,) = plan_jobs(sweep["a"])
    former, path = former_key(job, file_hash), next((tmp_path / "out" / "jobs").glob("*.json"))
    shutil.rmtree(tmp_path / "out" / "jobs" / path.stem)
    path.write_text(path.read_text().replace(path.stem, former).replace('"files": {', '"no files": {'))
    path.rename(path.with_stem(former))
    found = run_sweep(sweep["a"], tmp_path / "out", progress=False)
    assert found.n_run == 0 and list(found.table["job"]) == [former]


@pytest.mark.slow
def test_a_killed_training_continues(tmp_path):
    """From its checkpoint, to the same bytes; what ran for a sweep that is gone ends by itself."""
    settings = {"command": "train", "base": {"samples": 1000, "probe_every": 100}, "grid": {"seed": [0, 1]}}
    (tmp_path / "sweep.yaml").write_text(yaml.safe_dump(settings))
    words = ["sweep", "--config", tmp_path / "sweep.yaml", "--jobs", 2, "--out"]
    killed = spikedtp(*words, tmp_path / "out")

    def unfinished():
        return list((tmp_path / "out" / "jobs").glob("*.unfinished.npz"))

    while len(checkpoints := unfinished()) < 2 or not all(np.load(path)["done"] for path in checkpoints):
        assert killed.poll() is None, killed.communicate()
        time.sleep(0.01)
    children = psutil.Process(killed.pid).children(recursive=True)
    killed.kill()
    killed.communicate()
    psutil.wait_procs(children, timeout=60)
    assert not any(child.is_running() for child in children) and not recorded(tmp_path / "out")
    finished(spikedtp(*words, tmp_path / "out"))
    finished(spikedtp(*words, tmp_path / "again"))
    assert table_bytes(tmp_path / "out") == table_bytes(tmp_path / "again")
    assert not any(path.exists() for path in checkpoints)
    for manifest in (tmp_path / "out" / "jobs").glob("*/manifest.json"):
        weights = manifest.with_name("weights.pt")
        assert json.loads(manifest.read_text())["resumed_from"] % 100 == 0
        assert weights.read_bytes() == (tmp_path / "again" / weights.relative_to(tmp_path / "out")).read_bytes()


def test_trackers_are_told_of_each_job_that_ends(tmp_path):
    runs, lines = [], []
    sweep = SweepConfiguration.of({**TRAIN, "grid": {"seed": [0, 1], "schedule": ["anneal", "none such"]}})

    def on_finished(run):
        runs.append(run)
        if len(runs) == 1:
            raise ZeroDivisionError

    found = run_sweep(sweep, tmp_path / "out", progress=False, report=lines.append, on_finished=on_finished)
    assert len(found.failed) == 2 and [run.key for run in runs] == list(found.table["job"])
    for run, row in zip(runs, found.table.to_dict("records"), strict=True):
        assert (run.command, run.status, run.error) == ("train", row["status"], found.failed.get(run.key))
        assert run.settings["seed"] == row["seed"] and (run.status == "failed") == (run.summary == {})
        if run.status == "done":
            assert run.summary["test_accuracy"] == row["test_accuracy"]
            assert run.folder == tmp_path / "out" / "jobs" / run.key
            assert run.figures == (run.folder / "learning_curve.png",)
    assert repr(found).startswith("SweepResult: 4 jobs, 4 run now, 0 found done, 2 failed")
    assert sum("the tracker 'on_finished' failed for " in line for line in lines) == 1
    run_sweep(sweep, tmp_path / "out", progress=False, on_finished=runs.append)
    assert len(runs) == 4  # nothing was run


@pytest.mark.parametrize("how", ["other content", "touched", "deleted"])
def test_a_file_that_changes_meanwhile_is_not_taken_for_the_one_of_before(how, tmp_path):
    """Three trainings with one file, which changes while the first one is told of."""
    rng, file = np.random.default_rng(0), tmp_path / "x.npz"
    np.savez(file, x=rng.random((30, 64)), y=np.arange(30) % 10)
    base = {"data": f"npz:{file}", "samples": 2, "probe-every": 2}
    settings = SweepConfiguration.of({"command": "train", "base": base, "grid": {"seed": [0, 1, 2]}, "jobs": 1})

    def change(run):
        if run.settings["seed"] == 0:
            if how == "other content":
                np.savez(file, x=rng.random((30, 64)), y=np.arange(30) % 10)
            elif how == "touched":
                file.touch()
            else:
                file.unlink()

    if how == "deleted":
        with pytest.raises(SpikedtpError, match=r"x\.npz is gone"):
            run_sweep(settings, tmp_path / "out", on_finished=change)
        return
    found = run_sweep(settings, tmp_path / "out", on_finished=change)
    assert found.n_run == 3 and len(found.failed) == (2 if how == "other content" else 0)
    assert all("x.npz has changed since the sweep began" in line for line in found.failed.values())
    again = run_sweep(settings, tmp_path / "out")
    assert (again.n_run, len(again.failed)) == ((3, 0) if how == "other content" else (0, 0))


def test_settings_that_are_saved_only_where_they_differ_stand_in_every_row(tmp_path):
    """Those that earlier versions did not have (`later`): a curve begins where they are at their defaults."""
    base = {"samples": 20, "outside": "clip"}
    grid = {"noise": [0.0, 0.5], "prune": [0.3, 0.0], "lost": ["random", "smallest"]}
    settings = SweepConfiguration(job_command="evaluate", base=base, grid=grid, jobs=1)
    found = run_sweep(settings, tmp_path / "out", progress=False).table
    rows = found[["noise", "prune", "lost", "outside"]].to_dict("records")
    assert rows == [
        {"noise": noise, "prune": prune, "lost": lost, "outside": "clip"}
        for noise in (0.0, 0.5)
        for prune in (0.3, 0.0)
        for lost in ("random", "smallest")
    ]
    means = pd.read_csv(tmp_path / "out" / "means.csv")
    assert len(means) == 8 and not means[["noise", "prune", "lost"]].isna().any(axis=None)
    assert (
        means.loc[means["noise"] == 0, "accuracy.mean"].mean() > means.loc[means["noise"] > 0, "accuracy.mean"].mean()
    )
