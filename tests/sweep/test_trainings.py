"""A sweep of trainings in rate and in spikes: one table, however and wherever it ran, and after kills."""

from __future__ import annotations

import os
import shutil
import time
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import pytest
import yaml
from sweep.clusters import cluster, wait_for_workers, worker
from sweep.sweeps import killed_three_times, recorded, spikedtp, table_bytes

from spikedtp.circuit import circuit_path
from spikedtp.datasets import load

HERE = "/proc/self/cwd"  # another folder in every process: the client's files are nowhere else
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}


def make_sweep(folder: Path, circuits: list[str], n_seeds: int, samples: int, n_test: int, device: str) -> None:
    """``sweep.yaml`` in `folder`, with circuits and data beside it."""
    digits = load("digits")
    np.savez(
        folder / "few.npz", train_x=digits.train_x, train_y=digits.train_y, test_x=digits.test_x[:n_test],
        test_y=digits.test_y[:n_test],
    )  # fmt: skip
    for name in circuits:
        shutil.copy(circuit_path(name), folder / f"{name}.yaml")
    settings = {
        "command": "train",
        "base": {"data": f"npz:{HERE}/few.npz", "samples": samples, "spikers": 1, "device": device},
        "grid": {
            "circuit": [f"{HERE}/{name}.yaml" for name in circuits],
            "mode": ["rate", "spiking"],
            "seed": list(range(n_seeds)),
        },
    }
    (folder / "sweep.yaml").write_text(yaml.safe_dump(settings, sort_keys=False))


def run(folder: Path, out: str, *words: object, seconds: float = 3600) -> str:
    process = spikedtp("sweep", "--config", "sweep.yaml", "--out", out, *words, cwd=folder, env=ENVIRONMENT)
    said, err = process.communicate(timeout=seconds)
    assert process.returncode == 0, err
    return said


def run_with_kills(folder: Path, out: str, *words: object, latest: float = 2, seed: int = 0) -> list[int]:
    """SIGKILL three times, up to so many seconds after one more job; the numbers of jobs that were finished then."""
    all_words = ["sweep", "--config", "sweep.yaml", "--out", out, *words]
    options = {"cwd": folder, "env": ENVIRONMENT}
    found = killed_three_times(all_words, folder / out, "sweep.parquet", seed, latest, **options)
    run(folder, out, *words)
    assert found[-1].items() <= recorded(folder / out).items()  # no finished job ran twice
    return [len(jobs) for jobs in found]


def assert_the_same(folder: Path, one: str, other: str) -> None:
    """Tables, means, learning curves and figures; of each job all but the times in its manifest."""
    assert table_bytes(folder / one) == table_bytes(folder / other)
    files = {path.relative_to(folder / one) for path in (folder / one).rglob("*") if path.is_file()}
    assert files == {path.relative_to(folder / other) for path in (folder / other).rglob("*") if path.is_file()}
    for file in files:
        if file.suffix != ".json" or file.name == "summary.json":
            assert (folder / one / file).read_bytes() == (folder / other / file).read_bytes(), file


@pytest.fixture
def mine(tmp_path):
    """A folder whose files no worker can read."""
    pytest.importorskip("distributed")
    if not os.path.isdir(HERE):
        pytest.skip("needs /proc")
    (tmp_path / "mine").mkdir()
    return tmp_path / "mine"


@pytest.mark.slow
def test_the_same_table_everywhere(mine, tmp_path):
    make_sweep(mine, ["digits_dtp", "digits_btsp"], n_seeds=2, samples=20, n_test=20, device="cpp_standalone")
    assert "8 of 8 jobs done" in run(mine, "serial", "--jobs", 1)
    run(mine, "parallel", "--jobs", 2)
    assert_the_same(mine, "serial", "parallel")
    with cluster(tmp_path) as found, found.get_client() as client, ExitStack() as stack:
        for name in "ab":
            stack.enter_context(worker(found.scheduler_address, tmp_path / name))
        wait_for_workers(client, 2)
        run(mine, "there", "--scheduler", found.scheduler_address)
    assert_the_same(mine, "serial", "there")
    assert len(run_with_kills(mine, "killed", "--jobs", 2, latest=1)) == 3
    assert_the_same(mine, "serial", "killed")


@pytest.mark.slow
def test_workers_and_the_scheduler_may_go(mine, tmp_path):
    """The worker that holds all contents is killed, then the scheduler: nothing finished is lost."""
    make_sweep(mine, ["digits_dtp"], n_seeds=6, samples=1500, n_test=20, device="runtime")
    settings = yaml.safe_load((mine / "sweep.yaml").read_text())
    settings["grid"]["mode"] = ["rate"]
    (mine / "sweep.yaml").write_text(yaml.safe_dump(settings))
    words = ("sweep", "--config", "sweep.yaml", "--out", "out", "--scheduler")
    with cluster(tmp_path) as found, found.get_client() as client, ExitStack() as stack:
        first = stack.enter_context(worker(found.scheduler_address, tmp_path / "a"))
        wait_for_workers(client, 1)
        sweep = spikedtp(*words, found.scheduler_address, cwd=mine, env=ENVIRONMENT)
        wait_for_jobs(sweep, mine / "out", 1)
        first.kill()
        stack.enter_context(worker(found.scheduler_address, tmp_path / "b"))
        wait_for_jobs(sweep, mine / "out", 3)
        before = recorded(mine / "out")
    err = sweep.communicate(timeout=120)[1]
    assert sweep.returncode == 2, err
    assert err.splitlines()[-1].startswith("spikedtp: error: the Dask cluster is gone"), err
    assert before.items() <= recorded(mine / "out").items()
    run(mine, "out", "--jobs", 1)
    assert before.items() <= recorded(mine / "out").items()
    run(mine, "alone", "--jobs", 1)
    assert_the_same(mine, "alone", "out")


def wait_for_jobs(sweep, out: Path, n: int) -> None:
    while len(recorded(out)) < n:
        assert sweep.poll() is None, sweep.communicate()
        time.sleep(0.02)
