"""Faults at random moments: killed, disk full, compiler gone or broken, folders deleted. Results are whole or absent,
and a rerun gives the bytes of a run that nothing disturbed.

``SPIKEDTP_FAULTS=N python -m pytest tests/faults`` does each N times (default: once, those that take long
not at all; the slow suite: ten times).
"""

from __future__ import annotations

import json
import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import yaml

from spikedtp.spiking.engine.devices import compiler_available

needs_compiler = pytest.mark.skipif(not compiler_available(), reason="needs a C++ compiler and make")
TIMES = int(os.environ.get("SPIKEDTP_FAULTS", "0"))
repeated = pytest.mark.parametrize(
    "moment", range(TIMES) if TIMES else [0, *(pytest.param(n, marks=pytest.mark.slow) for n in range(1, 10))]
)

COMMAND = [sys.executable, "-c", "import sys; from spikedtp.cli import main; sys.exit(main())"]
REPLAY = ["replay", "--rule", "MSTDPET", "--form", "spiking", "--device", "cpp_standalone"]
TRAIN = ["train", "--circuit", "digits_btsp", "--samples", "40", "--probe-every", "4"]


@pytest.fixture(scope="module")
def base(tmp_path_factory, small_circuit):
    """Signals, a plan, and what undisturbed runs make of them."""
    folder = tmp_path_factory.mktemp("base")
    rng = np.random.default_rng(0)
    pre, post = (rng.random((3000, n)) < 0.1 for n in (40, 30))
    np.savez(folder / "signals.npz", pre=pre, post=post, w0=0.5, modulator=rng.normal(size=3000))
    REPLAY[5:] = ["--device", "cpp_standalone", "--signals", str(folder / "signals.npz")]
    plan = {
        "base": {"samples": 1, "repeats": 1, "device": "runtime", "time_per_step": 2},
        "grid": {"population": ["H1E", "H2E"], "seed": [1, 2]},
    }  # fmt: skip
    (folder / "plan.yaml").write_text(yaml.safe_dump(plan))
    return folder


@pytest.fixture(scope="module")
def undisturbed(base):
    made = {}

    def results(name: str, words: list[str]) -> dict[str, bytes]:
        if name not in made:
            out = base / name
            started = time.monotonic()
            assert finished(start(words, out, base / f"cache-{name}")) == 0
            made[name] = contents(out), time.monotonic() - started
        return made[name]

    return results


def start(words: list[str], out: Path, cache: Path, **environment: str) -> subprocess.Popen:
    """The command in a session of its own, so that a kill takes the compiler along."""
    return subprocess.Popen(
        [*COMMAND, *words, "--out", str(out)],
        env=os.environ | {"SPIKEDTP_CACHE": str(cache), "MPLBACKEND": "agg"} | environment,
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, start_new_session=True,
    )  # fmt: skip


def finished(process: subprocess.Popen) -> int:
    process.said = process.communicate(timeout=300)[1]
    return process.returncode


def refused(process: subprocess.Popen, words: str) -> None:
    """One line that has `words`, and status 2."""
    assert finished(process) == 2, process.said
    lines = [line for line in process.said.splitlines() if line.startswith("spikedtp: error: ")]
    assert len(lines) == 1 and words in lines[0] and "Traceback" not in process.said, process.said


def contents(out: Path) -> dict[str, bytes]:
    """Results as bytes: all but the manifest, and the sweep's journal, which holds run times."""
    return {
        str(path.relative_to(out)): path.read_bytes()
        for path in sorted(out.rglob("*"))
        if path.is_file() and path.name != "manifest.json" and path.parent.name != "jobs"
    }


def leftovers(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir() if ".partial" in path.name or ".unfinished" in path.name]


def kill_at(process: subprocess.Popen, seconds: float) -> bool:
    """Whether it was still at work."""
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    return process.returncode == -signal.SIGKILL


# --- killed ----------------------------------------------------------------------------------------------------------


@needs_compiler
@repeated
def test_killed_while_it_builds_and_runs(base, undisturbed, moment, tmp_path):
    """An empty cache each time: the moments fall on imports, code generation, the compiler, the run and the writing."""
    whole, seconds = undisturbed("replay", REPLAY)
    out, cache, rng = tmp_path / "out", tmp_path / "cache", random.Random(moment)
    kill_at(start(REPLAY, out, cache), seconds * (rng.uniform(0.2, 1) if moment else 0.6))
    assert not out.exists() or contents(out) == whole
    for project in (cache / "builds").glob("*/complete.json"):
        json.loads(project.read_text())
    assert finished(start(REPLAY, out, cache)) == 0
    assert contents(out) == whole


@pytest.mark.slow
@repeated
def test_killed_while_it_trains(base, undisturbed, moment, tmp_path):
    whole, seconds = undisturbed("train", TRAIN)
    out, rng = tmp_path / "out", random.Random(100 + moment)
    kill_at(start(TRAIN, out, tmp_path), seconds * (rng.uniform(0.5, 1) if moment else 0.8))
    assert not out.exists() or contents(out) == whole
    assert finished(start(TRAIN, out, tmp_path)) == 0
    assert contents(out) == whole
    assert not [name for name in leftovers(tmp_path) if "unfinished" in name]


@pytest.mark.slow
@repeated
def test_killed_while_it_sweeps(base, undisturbed, moment, tmp_path):
    words = ["sweep", "--config", str(base / "plan.yaml"), "--jobs", "1"]
    whole, seconds = undisturbed("sweep", words)
    out, rng = tmp_path / "out", random.Random(200 + moment)
    kill_at(start(words, out, tmp_path), seconds * (rng.uniform(0.3, 1) if moment else 0.7))
    for job in (out / "jobs").glob("*.json"):
        json.loads(job.read_text())
    assert finished(start(words, out, tmp_path)) == 0
    assert contents(out) == whole


# --- full disk -------------------------------------------------------------------------------------------------------


@pytest.mark.slow
@repeated
@pytest.mark.parametrize("command", ["train", "replay"])
def test_no_space_for_the_results(base, undisturbed, command, moment, tmp_path, monkeypatch):
    """No file may grow beyond a limit that some result of the run exceeds."""
    words = TRAIN if command == "train" else [*REPLAY[:3], *REPLAY[7:]]
    whole, _ = undisturbed(f"{command} for space", words)
    sizes = sorted(len(data) for name, data in whole.items())
    limit = random.Random(moment).randint(1, sizes[-1] - 1) if moment else sizes[-1] // 2

    def small_disk():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

    out = tmp_path / "out"
    process = subprocess.Popen(
        [*COMMAND, *words, "--out", str(out)], preexec_fn=small_disk, text=True,
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=os.environ | {"PYTHONDONTWRITEBYTECODE": "1"},
    )  # fmt: skip
    refused(process, "File too large")
    assert not out.exists() and not [path for path in tmp_path.iterdir() if ".partial" in path.name]
    assert finished(start(words, out, tmp_path)) == 0
    assert contents(out) == whole


# --- compiler --------------------------------------------------------------------------------------------------------


@pytest.mark.slow
@needs_compiler
@repeated
def test_a_compiler_that_fails_part_way(base, undisturbed, moment, tmp_path):
    whole, _ = undisturbed("replay", REPLAY)
    counter, script = tmp_path / "counter", tmp_path / "broken-g++"
    script.write_text(
        f'#!/bin/sh\nfor word in "$@"; do [ "$word" = -dM ] && exec g++ "$@"; done\necho x >> {counter}\n'
        f'[ $(wc -l < {counter}) -gt {moment % 3} ] && {{ echo "error: broken on purpose" >&2; exit 1; }}\n'
        'exec g++ "$@"\n'
    )
    script.chmod(0o755)
    out, cache = tmp_path / "out", tmp_path / "cache"
    refused(start(REPLAY, out, cache, CXX=str(script)), "compiling the network failed")
    assert not out.exists() and not list((cache / "builds").glob("*/complete.json"))
    assert finished(start(REPLAY, out, cache)) == 0
    assert contents(out) == whole


@repeated
def test_no_compiler(base, moment, tmp_path):
    missing = ["no-such-compiler", "false", "/", str(tmp_path), " ", "true"][moment % 6]
    refused(start(REPLAY, tmp_path / "out", tmp_path / "cache", CXX=missing), "compile")
    assert not (tmp_path / "out").exists()


# --- two at once, deleted folders, clocks ----------------------------------------------------------------------------


@needs_compiler
@repeated
def test_two_processes_build_the_same_network(base, undisturbed, moment, tmp_path):
    whole, seconds = undisturbed("replay", REPLAY)
    first = start(REPLAY, tmp_path / "first", tmp_path / "cache")
    time.sleep(random.Random(moment).uniform(0, seconds / 2) if moment else 0)
    second = start(REPLAY, tmp_path / "second", tmp_path / "cache")
    assert [finished(first), finished(second)] == [0, 0]
    assert contents(tmp_path / "first") == contents(tmp_path / "second") == whole
    assert len(list((tmp_path / "cache" / "builds").glob("*/complete.json"))) == 1


@repeated
def test_the_output_folder_is_deleted_while_it_runs(base, undisturbed, moment, tmp_path):
    """Also its parents. The run ends with its results whole, or with one line and nothing."""
    whole, seconds = undisturbed("train", TRAIN)
    out = tmp_path / "there" / "out"
    out.mkdir(parents=True)
    process = start(TRAIN, out, tmp_path)
    time.sleep(seconds * (random.Random(moment).uniform(0.4, 1) if moment else 0.7))
    shutil.rmtree(tmp_path / "there", ignore_errors=True)
    if finished(process) == 0:
        assert not out.exists() or contents(out) == whole
    else:
        refused_line = [line for line in process.said.splitlines() if line.startswith("spikedtp: error: ")]
        assert process.returncode == 2 and len(refused_line) == 1 and "Traceback" not in process.said, process.said
        assert not out.exists() or not contents(out)
    shutil.rmtree(tmp_path / "there", ignore_errors=True)
    assert finished(start(TRAIN, out, tmp_path)) == 0
    assert contents(out) == whole


@needs_compiler
@repeated
def test_files_from_the_future_and_the_past(base, undisturbed, moment, tmp_path):
    """A clock that jumped: cache, leftovers and results bear times of another year."""
    whole, _ = undisturbed("replay", REPLAY)
    out, cache, rng = tmp_path / "out", tmp_path / "cache", random.Random(moment)
    kill_at(start(REPLAY, out, cache), rng.uniform(1, 4))
    for round_ in range(2):
        for path in [*tmp_path.rglob("*")]:
            moved = time.time() + rng.choice((-1, 1)) * rng.uniform(1e3, 1e9)
            if not path.is_symlink() and path.exists():
                os.utime(path, (max(moved, 0), max(moved, 0)))
        assert finished(start(REPLAY, out, cache)) == 0, round_
        assert contents(out) == whole
