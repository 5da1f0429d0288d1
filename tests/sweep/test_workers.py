"""Workers that do not fit are named before anything runs; those that fit share nothing with the client."""

from __future__ import annotations

import os
import shutil
from contextlib import ExitStack
from types import SimpleNamespace

import pytest
import yaml
from sweep.clusters import cluster, wait_for_workers, worker
from sweep.sweeps import fresh_weights, spikedtp, table_bytes

from spikedtp import SpikedtpError, __version__
from spikedtp.cli import main
from spikedtp.sweep import workers
from spikedtp.sweep.job import run_job
from spikedtp.sweep.workers import check_workers

COMPILED = {"key": "k", "command": "compare", "settings": {"device": "cpp_standalone"}}


class Machines:
    """In place of a Dask client: a scheduler and one worker, which are this process but for what is set here."""

    def __init__(self, version=__version__, scheduler=__version__):
        self.answers = {workers.VERSION: version}
        self.scheduler = scheduler

    def scheduler_info(self, n_workers):
        return {"workers": {"tcp://10.0.0.7:1": {}}}

    def run_on_scheduler(self, function, *arguments):
        if isinstance(self.scheduler, Exception):
            raise self.scheduler
        return self.scheduler

    def run(self, function, *arguments, on_error):
        return {"tcp://10.0.0.7:1": self.answers.get(arguments[0]) if function is eval else function(*arguments)}


@pytest.mark.parametrize(
    ("machines", "message"),
    [
        ({"version": "0.1.0"}, f"worker tcp://10.0.0.7:1 has spikedtp 0.1.0, this machine {__version__}: install"),
        ({"version": ModuleNotFoundError("x")}, "worker tcp://10.0.0.7:1 has no spikedtp: install version"),
        ({"version": OSError("a\nb")}, "worker tcp://10.0.0.7:1: spikedtp cannot be imported there: OSError: a b"),
        ({"scheduler": "9.9.9"}, "the scheduler has spikedtp 9.9.9, this machine"),
        ({"scheduler": ModuleNotFoundError("x")}, "the scheduler has no spikedtp: install version"),
    ],
)
def test_another_version_is_named(machines, message):
    with pytest.raises(SpikedtpError) as error:
        check_workers(Machines(**machines), [COMPILED])
    assert str(error.value).startswith(message) and "\n" not in str(error.value)


def test_a_missing_compiler_is_named_where_one_is_needed(monkeypatch):
    check_workers(Machines(), [COMPILED])
    monkeypatch.setattr(workers, "compiler_available", lambda: False)
    with pytest.raises(SpikedtpError, match=r"worker tcp://10.0.0.7:1 \(.+\) has no C\+\+ compiler"):
        check_workers(Machines(), [COMPILED])
    for command, settings in {
        "compare": {"device": "runtime"},
        "train": {"device": "cpp_standalone", "mode": "rate"},
        "replay": {"device": "cpp_standalone", "form": "rate"},
    }.items():
        check_workers(Machines(), [{"key": "k", "command": command, "settings": settings}])


def test_plugins_and_what_they_import(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "lacks_something.py").write_text("import no_such_package\n")
    job = {**COMPILED, "settings": {"device": "runtime", "plugins": ["lacks_something"]}}
    with pytest.raises(SpikedtpError, match=r"worker .* --plugin lacks_something: .*'no_such_package'"):
        check_workers(Machines(), [job])
    (tmp_path / "edited_since.py").write_text("x = 1\n")
    job["settings"]["plugins"] = ["edited_since"]
    check_workers(Machines(), [job])
    there = workers._about_this_worker
    other = {"plugins": {"edited_since.py": "0"}}
    monkeypatch.setattr(workers, "_about_this_worker", lambda names: there(names) | other)
    with pytest.raises(SpikedtpError, match=r"its plugin edited_since\.py is not the one of this machine"):
        check_workers(Machines(), [job])


def test_other_packages_are_told(monkeypatch, caplog):
    monkeypatch.setattr(workers, "package_versions", lambda: {"numpy": "1.0"})
    there = workers._about_this_worker
    monkeypatch.setattr(workers, "_about_this_worker", lambda names: there(names) | {"packages": {"numpy": "2.0"}})
    check_workers(Machines(), [COMPILED])
    assert "has numpy 2.0, this machine 1.0: numbers may differ in their last digits" in caplog.text


@pytest.fixture(scope="module")
def scheduler(tmp_path_factory):
    pytest.importorskip("distributed")
    with cluster(tmp_path_factory.mktemp("cluster")) as found, found.get_client() as client:
        yield SimpleNamespace(address=found.scheduler_address, client=client)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("unfit", "message"),
    [
        ("old", "has spikedtp 0.0.1, this machine"),
        ("without", "has no spikedtp: install version"),
        ("no compiler", "has no C++ compiler: install g++ and make there"),
    ],
)
def test_a_real_worker_that_does_not_fit(unfit, message, scheduler, tmp_path, capsys):
    """One of two: it is named, nothing runs and nothing is written."""
    (tmp_path / "old" / "spikedtp").mkdir(parents=True)
    (tmp_path / "old" / "spikedtp" / "__init__.py").write_text('__version__ = "0.0.1"\n')
    (tmp_path / "hide.py").write_text("import sys\nsys.modules['spikedtp'] = None\n")
    more, options = {
        "old": ((), {"python_path": tmp_path / "old"}),
        "without": (("--preload", str(tmp_path / "hide.py")), {}),
        "no compiler": ((), {"CXX": "no-such-compiler"}),
    }[unfit]
    words = ["sweep", "--set", "grid.seed=[0,1]", "--set", "base.device=cpp_standalone"]
    with worker(scheduler.address, tmp_path / "a"), worker(scheduler.address, tmp_path / "b", *more, **options):
        wait_for_workers(scheduler.client, 2)
        assert main([*words, "--scheduler", scheduler.address, "--out", str(tmp_path / "out")]) == 2
    line = capsys.readouterr().err.splitlines()[-1]
    assert line.startswith("spikedtp: error: worker tcp://127.0.0.1:") and message in line
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
def test_workers_that_share_no_folder(scheduler, small_circuit, tmp_path):
    """The client's files lie in /proc/self/cwd, which is another folder in every process. The workers come late."""
    if not os.path.isdir("/proc/self/cwd"):
        pytest.skip("needs /proc")
    mine = tmp_path / "mine"
    mine.mkdir()
    shutil.copy(small_circuit, mine / "own.yaml")
    fresh_weights(small_circuit, mine / "own.pt")
    here = "/proc/self/cwd"
    settings = {
        "command": "evaluate",
        "base": {"circuit": f"{here}/own.yaml", "weights": f"{here}/own.pt", "samples": 3, "device": "runtime"},
        "grid": {"mode": ["rate", "spiking"], "seed": [0, 1]},
    }
    (mine / "sweep.yaml").write_text(yaml.safe_dump(settings))
    words = ["sweep", "--config", "sweep.yaml", "--out"]
    with ExitStack() as stack:
        there = spikedtp(*words, "there", "--scheduler", scheduler.address, cwd=mine, env=environment())
        assert "the cluster has no worker yet: waiting for the first one" in there.stderr.readline()
        for name in "ab":
            stack.enter_context(worker(scheduler.address, tmp_path / name))
        out, err = there.communicate(timeout=300)
    assert there.returncode == 0 and "4 of 4 jobs done" in out, err
    alone = spikedtp(*words, "here", "--jobs", 1, cwd=mine, env=environment())
    out, err = alone.communicate(timeout=300)
    assert alone.returncode == 0, err
    assert table_bytes(mine / "there") == table_bytes(mine / "here")
    for path in sorted((mine / "here" / "jobs").glob("*/*")):
        same = (mine / "there" / path.relative_to(mine / "here")).read_bytes() == path.read_bytes()
        assert same or path.name == "manifest.json"


def environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, [os.getcwd(), os.environ.get("PYTHONPATH")]))}


def test_what_goes_wrong_on_a_worker_is_a_line_of_the_job(monkeypatch):
    job = {"key": "k", "command": "train", "settings": {}}
    found = workers._run_there("0.0.1", job, [], {}, run_job)
    assert found["status"] == "failed" and found["key"] == "k"
    assert found["error"] == f"a worker has spikedtp {__version__}, the sweep 0.0.1: install the same version"

    def no_space(*given):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(workers, "unpacked", no_space)
    found = workers._run_there(__version__, job, [], {}, run_job)
    assert found["status"] == "failed" and "No space left on device" in found["error"] and found["files"] == {}
