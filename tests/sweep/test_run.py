"""Sweeps: which jobs a plan has, what a row says, and the same table however, wherever and how often it was run."""

from __future__ import annotations

import json
import os
import random
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import psutil
import pytest
import yaml

from spikedtp import SpikedtpError
from spikedtp.cli import main
from spikedtp.configuration import SweepConfiguration
from spikedtp.jobs.compare import compare_networks
from spikedtp.rate import load_rate_network
from spikedtp.rate.checkpoint import write_weights
from spikedtp.sweep import plan_jobs, run_sweep, varied_keys
from spikedtp.sweep.job import run_job
from spikedtp.sweep.journal import Journal
from spikedtp.sweep.table import sweep_table

COMMAND = [sys.executable, "-c", "import sys; from spikedtp.cli import main; sys.exit(main())"]


def plan(**settings):
    return plan_jobs(SweepConfiguration.of(settings))


def spikedtp(*words: object, **options) -> subprocess.Popen:
    return subprocess.Popen(
        [*COMMAND, *map(str, words)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options
    )


def finished(process: subprocess.Popen) -> str:
    """What it printed, once it has ended well."""
    out, err = process.communicate(timeout=300)
    assert process.returncode == 0, err
    return out


# --- the plan ---------------------------------------------------------------------------------------------------------


def test_grid_list_and_draws_are_multiplied():
    jobs = plan(
        base={"samples": 3, "cell": {"coupling": 2.0}},
        list=[{"circuit": "digits_dtp"}, {"circuit": "digits_btsp", "population": "H1E"}],
        grid={"unit-rate": [100, 450], "cell.tau_soma": ["30*ms", "60*ms", "90*ms"]},
        random={"n": 4, "parameters": {"seed": [5, 6]}},
    )
    assert len(jobs) == 2 * 4 * 2 * 3 and {job.samples for job in jobs} == {3}
    assert {(job.circuit, job.population) for job in jobs} == {("digits_dtp", "H2E"), ("digits_btsp", "H1E")}
    first, second = jobs[:2]  # the last key of the grid changes fastest; what the base says of the cell stays
    assert (first.unit_rate, first.cell) == (100, {"coupling": 2.0, "tau_soma": "30*ms"})
    assert (second.unit_rate, second.cell["tau_soma"]) == (100, "60*ms")
    points = {(job.unit_rate, job.cell["tau_soma"]) for job in jobs[:6]}
    assert len(points) == 6


def test_the_documented_example():
    page = (Path(__file__).parents[2] / "docs" / "sweeps.md").read_text()
    settings = yaml.safe_load(page.partition("```yaml\n")[2].partition("```")[0])
    jobs = plan(**settings)
    assert len(jobs) == 2 * 20 * 12 and len({job.model_dump_json() for job in jobs}) == len(jobs)
    assert {job.rules["H2E_H1E"] for job in jobs} == {"DendriticState", "Oja"}
    assert all(100 <= job.unit_rate <= 1000 and job.repeats == 8 for job in jobs)


def test_rules_are_a_setting_like_any_other():
    jobs = plan(grid={"rules.H2E_H1E": ["Oja", {"name": "DendriticState", "learning_rate": 0.1}]})
    assert [job.rules["H2E_H1E"] for job in jobs] == ["Oja", {"name": "DendriticState", "learning_rate": 0.1}]


def test_draws_are_uniform_on_their_scale():
    """Kolmogorov-Smirnov against the distributions asked for; the seed is fixed."""
    from scipy import stats

    parameters = {
        "unit_rate": {"low": 10, "high": 1000, "scale": "log"},
        "time_per_step": {"low": 5, "high": 25},
        "samples": {"low": 1, "high": 100, "whole": True},
        "cell.tau_soma": {"low": 20, "high": 80, "unit": "ms"},
        "readout": ["best", "paper"],
    }
    jobs = plan(random={"n": 600, "parameters": parameters, "seed": 1})
    rates, times = np.log([job.unit_rate for job in jobs]), np.array([job.time_per_step for job in jobs])
    assert stats.kstest(rates, stats.uniform(np.log(10), np.log(100)).cdf).pvalue > 0.01
    assert stats.kstest(times, stats.uniform(5, 20).cdf).pvalue > 0.01
    assert abs(np.corrcoef(rates, times)[0, 1]) < 0.1
    assert {job.samples for job in jobs} <= set(range(1, 101)) and len({job.samples for job in jobs}) > 80
    assert all(job.cell["tau_soma"].endswith("*ms") for job in jobs)
    assert 0.4 < np.mean([job.readout == "best" for job in jobs]) < 0.6
    assert [j.saved() for j in plan(random={"n": 600, "parameters": parameters, "seed": 1})] == [
        j.saved() for j in jobs
    ]
    assert plan(random={"n": 600, "parameters": parameters, "seed": 2})[0] != jobs[0]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"grid": {"no-such": [1]}}, "the sweep's jobs: unknown setting of 'compare' 'no_such'"),
        ({"grid": {"samples": [1, 0]}}, "the sweep's jobs: samples: should be greater than or equal to 1, got 0"),
        ({"grid": {"samples": []}}, "grid.samples: needs at least one value"),
        ({"base": {"samples": 3}}, "a sweep needs something to vary: grid, list or random"),
        ({"base": {"out": "x"}}, "a job of a sweep has no 'out'"),
        ({"grid": {"seed": list(range(400)), "samples": list(range(1, 401))}}, "160000 jobs, more than 100000"),
        ({"random": {"n": 2, "parameters": {"dt": {"low": 2, "high": 1}}}}, "random.parameters.dt: needs low < high"),
        ({"random": {"n": 2, "parameters": {"dt": []}}}, "random.parameters.dt: needs at least one choice"),
        ({"grid": {"seed": 3}}, "grid.seed: should be a valid list"),
        ({"grids": {}}, "unknown setting of 'sweep' 'grids'"),
    ],
)
def test_mistakes_are_found_before_anything_runs(settings, message):
    with pytest.raises(SpikedtpError) as error:
        plan(**settings)
    assert message in str(error.value) and "\n" not in str(error.value)


# --- running ----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def config(small_circuit, tmp_path_factory) -> Path:
    """Twelve small jobs, one of which cannot work."""
    folder = tmp_path_factory.mktemp("sweep")
    write_weights(folder / "fresh.pt", load_rate_network(small_circuit, seed=3).state_dict())
    settings = {
        "base": {
            "circuit": str(small_circuit), "weights": str(folder / "fresh.pt"), "samples": 2, "repeats": 2,
            "device": "runtime",
        },
        "list": [*({"seed": seed} for seed in range(5)), {"seed": 9, "population": "H2SomaI"}],
        "grid": {"time-per-step": [10, 20]},
    }  # fmt: skip
    (folder / "sweep.yaml").write_text(yaml.safe_dump(settings))
    return folder / "sweep.yaml"


@pytest.fixture(scope="module")
def reference(config, tmp_path_factory) -> Path:
    """The sweep run in one go in one process."""
    out = tmp_path_factory.mktemp("reference") / "out"
    assert main(["sweep", "--config", str(config), "--jobs", "1", "--out", str(out)]) == 1  # two jobs fail
    return out


def table_bytes(out: Path) -> bytes:
    return (out / "sweep.parquet").read_bytes()


def recorded(out: Path) -> dict[str, tuple[int, int]]:
    """The finished jobs; a job that was run again would have another file."""
    return {path.name: (path.stat().st_ino, path.stat().st_mtime_ns) for path in out.glob("jobs/*.json")}


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
    write_weights(tmp_path / "other.pt", load_rate_network(small_circuit, seed=3).state_dict())
    sweep = SweepConfiguration.of(settings)
    assert run_sweep(sweep, tmp_path / "out", progress=False).n_run == 1
    assert run_sweep(sweep, tmp_path / "out", progress=False).n_run == 0
    write_weights(tmp_path / "other.pt", load_rate_network(small_circuit, seed=4).state_dict())
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
def test_two_processes_give_the_same_table(config, reference, tmp_path):
    process = spikedtp("sweep", "--config", config, "--jobs", 2, "--out", tmp_path / "out")
    out, err = process.communicate(timeout=300)
    assert process.returncode == 1 and "10 of 12 jobs done" in out
    assert err.count("failed: population 'H2SomaI'") == 2
    assert table_bytes(tmp_path / "out") == table_bytes(reference)
    for name in ("config.yaml", "summary.json", "sweep.png", "sweep.svg"):
        assert (tmp_path / "out" / name).read_bytes() == (reference / name).read_bytes()


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


@pytest.mark.slow
def test_a_killed_worker_loses_nothing(config, reference, tmp_path):
    process = spikedtp("sweep", "--config", config, "--jobs", 2, "--out", tmp_path)
    while not recorded(tmp_path):
        assert process.poll() is None, process.communicate()
        time.sleep(0.01)
    workers = [child for child in psutil.Process(process.pid).children() if child.cpu_times().user > 0.5]
    workers[0].kill()
    out, _ = process.communicate(timeout=300)
    assert process.returncode == 1 and "10 of 12 jobs done" in out
    assert table_bytes(tmp_path) == table_bytes(reference)


@pytest.mark.slow
def test_a_dask_cluster_gives_the_same_table(config, reference, tmp_path):
    """A scheduler and two worker processes on loopback."""
    distributed = pytest.importorskip("distributed")
    cluster = distributed.LocalCluster(
        n_workers=2, threads_per_worker=2, processes=True, host="127.0.0.1", dashboard_address=None,
        local_directory=str(tmp_path / "dask"),
    )  # fmt: skip
    with cluster:
        process = spikedtp(
            "sweep", "--config", config, "--scheduler", cluster.scheduler_address, "--out", tmp_path / "out"
        )
        out, err = process.communicate(timeout=300)
    assert process.returncode == 1 and "10 of 12 jobs done" in out, err
    assert table_bytes(tmp_path / "out") == table_bytes(reference)


def test_no_cluster_there(config, tmp_path, capsys, monkeypatch):
    pytest.importorskip("distributed")
    monkeypatch.setattr("spikedtp.sweep.executors.CONNECT_SECONDS", 0.5)
    words = ["sweep", "--config", str(config), "--scheduler", "tcp://127.0.0.1:9", "--out", str(tmp_path / "out")]
    assert main(words) == 2 and not any(tmp_path.iterdir())
    message = capsys.readouterr().err.splitlines()[-1]
    assert message.startswith("spikedtp: error: --scheduler tcp://127.0.0.1:9: no Dask scheduler answers there")


def test_what_a_job_meets_is_one_line(config, monkeypatch):
    """Also what no user did: with its type and place, so that the sweep goes on."""
    (job, *_) = plan_jobs(SweepConfiguration.of(yaml.safe_load(config.read_text())))

    def broken(configuration):
        raise ZeroDivisionError("two\nlines")

    monkeypatch.setattr("spikedtp.jobs.compare.compare_networks", broken)
    found = run_job({"key": "k", "settings": job.saved()})
    assert found["status"] == "failed"
    assert re.fullmatch(r"ZeroDivisionError: two lines \(test_run.py, line \d+\)", found["error"])


def test_what_a_killed_sweep_half_wrote_is_removed(tmp_path):
    out = tmp_path / "a[b]"
    for folder in (".a[b]-0f5773fc.partial", ".a[b]-mine", "jobs"):
        (out / folder).mkdir(parents=True)
        (out / folder / "x.partial").write_text("x")
    with Journal(out).opened():
        assert {path.name for path in out.iterdir()} == {".a[b]-mine", "jobs"}
        assert [path.name for path in (out / "jobs").iterdir()] == [".lock"]


def test_columns_have_one_type():
    """A rule by its name in one job and with its fields in another; numbers and words."""
    jobs = [
        {"key": str(n), "settings": settings, "status": "done", "error": None, "results": {}}
        for n, settings in enumerate([{"a": 1, "b": {"c": 2}}, {"a": "x", "b": {"c": 2.5}}])
    ]
    assert sweep_table(jobs).to_pydict() == {
        "job": ["0", "1"], "a": ["1", "x"], "b.c": [2.0, 2.5], "status": ["done"] * 2, "error": [None] * 2
    }  # fmt: skip


def test_repeat_runs_a_sweep_again(config, tmp_path, capsys):
    settings = yaml.safe_load(config.read_text()) | {"list": [], "grid": {"seed": [0, 1]}}
    (tmp_path / "two.yaml").write_text(yaml.safe_dump(settings))
    words = ["sweep", "--config", str(tmp_path / "two.yaml"), "--out", str(tmp_path / "out")]
    assert main([*words, "--set", "grid.samples=[1]", "--jobs", "1"]) == 0
    assert set(pd.read_parquet(tmp_path / "out" / "sweep.parquet")["samples"]) == {1}
    capsys.readouterr()
    assert main(["repeat", str(tmp_path / "out")]) == 0
    assert "same            sweep.parquet\n" in capsys.readouterr().out
