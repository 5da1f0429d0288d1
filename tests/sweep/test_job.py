"""A job gives what its command gives, and what it meets is one line."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest
import yaml
from sweep.sweeps import fresh_weights

from spikedtp.cli import main
from spikedtp.configuration import SweepConfiguration
from spikedtp.sweep import plan_jobs
from spikedtp.sweep.job import COMMANDS, job_key, run_job


def test_what_a_job_meets_is_one_line(config, monkeypatch):
    """Also what no user did: with its type and place, so that the sweep goes on."""
    (job, *_) = plan_jobs(SweepConfiguration.of(yaml.safe_load(config.read_text())))

    def broken(configuration):
        raise ZeroDivisionError("two\nlines")

    monkeypatch.setattr("spikedtp.jobs.compare.compare_networks", broken)
    found = run_job({"key": "k", "command": "compare", "settings": job.saved()})
    assert found["status"] == "failed"
    assert re.fullmatch(r"ZeroDivisionError: two lines \(test_job.py, line \d+\)", found["error"])


@pytest.mark.parametrize("command", ["train", "evaluate", "replay"])
def test_a_job_gives_what_its_command_gives(command, small_circuit, tmp_path):
    """The same summary and the same files as the command itself, whole; nothing stays on disk."""
    rng = np.random.default_rng(0)
    np.savez(tmp_path / "s.npz", pre=rng.random((30, 3)) < 0.3, post=rng.random((30, 2)) < 0.3, w0=np.ones((2, 3)))
    circuit = {"circuit": str(small_circuit), "samples": 20}
    settings = {
        "train": circuit | {"seed": 3, "probe_every": 10},
        "evaluate": circuit | {"weights": str(fresh_weights(small_circuit, tmp_path / "fresh.pt"))},
        "replay": {"rule": "STDP", "signals": str(tmp_path / "s.npz")},
    }[command]
    configuration = COMMANDS[command].of(settings | {"device": "runtime"})
    found = run_job({"key": "k", "command": command, "settings": configuration.saved()})
    assert found["status"] == "done" and found["error"] is None
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(configuration.saved()))
    assert main([command, "--config", str(tmp_path / "config.yaml"), "--out", str(tmp_path / "out")]) == 0
    left = {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()}
    assert found["results"] == json.loads(left["summary.json"]) and len(found["results"]) > 5
    assert found["files"].keys() == left.keys()
    assert {name for name in left if found["files"][name] != left[name]} == {"manifest.json"}  # which has times


def test_keys_depend_on_the_command():
    settings = {"samples": 5, "device": "runtime"}
    keys = {job_key(COMMANDS[command].of(settings), lambda path: path.name) for command in ("train", "evaluate")}
    assert len(keys) == 2


def test_a_training_that_nobody_waits_for_stops_and_continues(tmp_path):
    class Gone(BaseException):
        pass

    settings = COMMANDS["train"].of({"samples": 40, "probe_every": 10, "device": "runtime"}).saved()
    job, checkpoint = {"key": "k", "command": "train", "settings": settings}, tmp_path / "k.npz"
    expected, beats = run_job(job), iter(range(25))
    with pytest.raises(Gone):

        def heartbeat():
            if next(beats, None) is None:
                raise Gone

        run_job(job, checkpoint=checkpoint, heartbeat=heartbeat)
    assert [path.name for path in tmp_path.iterdir()] == ["k.npz"]
    found = run_job(job, checkpoint=checkpoint)
    assert json.loads(found["files"]["manifest.json"])["resumed_from"] == 20 and not checkpoint.exists()
    assert found["files"]["weights.pt"] == expected["files"]["weights.pt"] and found["results"] == expected["results"]
