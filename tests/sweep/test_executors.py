"""The same table from one process, two, a Dask cluster, and one whose workers are killed."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections import deque

import psutil
import pytest
from sweep.sweeps import recorded, spikedtp, table_bytes

from spikedtp.cli import main
from spikedtp.sweep.executors import run_local


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


def test_no_process_outlives_its_sweep():
    """Not even one that waits for ever."""
    child = (
        "import os, time; from spikedtp.sweep.executors import end_with; end_with(os.getppid(), 0.1); "
        "print(os.getpid(), flush=True); time.sleep(600)"
    )
    parent = subprocess.Popen(
        [sys.executable, "-c", f"import subprocess, sys; subprocess.run([sys.executable, '-c', {child!r}])"],
        stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    left = psutil.Process(int(parent.stdout.readline()))
    parent.kill()
    parent.communicate()
    assert not psutil.wait_procs([left], timeout=30)[1]


@pytest.mark.parametrize("n_processes", [1, pytest.param(3, marks=pytest.mark.slow)])
def test_a_queue_may_grow_while_it_is_run(n_processes):
    """Whoever waits for results adds what follows from them; a process that falls takes no other job with it."""

    def run(job, **how):
        if job["key"] == "fatal":
            os._exit(1)
        return {**job, "status": "done", "ran": os.getpid()}

    queue = deque([{"key": "first"}, {"key": "second"}])
    added, found = {"first", "second"}, {}
    for done in run_local(queue, n_processes, run=run):
        assert done["key"] in added and done["key"] not in found
        found[done["key"]] = done
        new = [f"after {done['key']}"] if len(found) < 5 else []
        new += ["fatal", "beside it"] if len(found) == 2 and n_processes > 1 else []
        queue += [{"key": key} for key in new]
        added |= {*new}
    failed = found.pop("fatal", None)
    assert not queue and found.keys() == added - {"fatal"} and all(job["status"] == "done" for job in found.values())
    assert ({job["ran"] for job in found.values()} == {os.getpid()}) == (n_processes == 1)
    assert n_processes == 1 or (failed["status"] == "failed" and "was killed" in failed["error"])


def test_no_cluster_there(config, tmp_path, capsys, monkeypatch):
    pytest.importorskip("distributed")
    monkeypatch.setattr("spikedtp.sweep.executors.CONNECT_SECONDS", 0.5)
    words = ["sweep", "--config", str(config), "--scheduler", "tcp://127.0.0.1:9", "--out", str(tmp_path / "out")]
    assert main(words) == 2 and not any(tmp_path.iterdir())
    message = capsys.readouterr().err.splitlines()[-1]
    assert message.startswith("spikedtp: error: --scheduler tcp://127.0.0.1:9: no Dask scheduler answers there")
