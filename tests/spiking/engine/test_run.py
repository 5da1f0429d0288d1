"""The runner on a small noisy network: the slim loop, several processes, results on disk, runs that end badly."""

import mmap
import re
import signal
import subprocess
import sys
import tempfile
import time
from functools import partial
from pathlib import Path

import brian2
import numpy as np
import pytest
from brian2.devices.device import reset_device

from spikedtp.errors import SpikedtpError
from spikedtp.spiking.engine import working_folders as folders
from spikedtp.spiking.engine.batch import RunInputs
from spikedtp.spiking.engine.built_network import BuiltNetwork
from spikedtp.spiking.engine.compiled import slim_loop
from spikedtp.spiking.engine.compiled import write_source as generated_source
from spikedtp.spiking.engine.compiled.build_cache import cached_projects
from spikedtp.spiking.engine.devices import compiler_available
from spikedtp.spiking.engine.run import run_on

pytestmark = pytest.mark.skipif(not compiler_available(), reason="needs a C++ compiler and make")
N, STEPS = 500, 100


def build(lasts=False, precision=np.float32, records=True) -> BuiltNetwork:
    """Cells with noise and a changing drive; `total` is read at the end, and may be what lasts."""
    clock = brian2.Clock(1 * brian2.ms, name="noisy_clock")
    cells = brian2.NeuronGroup(
        N,
        "dv/dt = (gain*drive - v)/(10*ms) : 1\ndrive : 1\ntotal : 1\ngain : 1 (shared, constant)",
        threshold="v + 0.5*rand() > 0.9",
        reset="v = 0\ntotal += 1",
        method="euler",
        clock=clock,
        name="noisy_cells",
        namespace={},
    )
    spikes = brian2.SpikeMonitor(cells, name="noisy_spikes")
    trace = brian2.StateMonitor(cells, ["v", "drive"], record=True, when="end", clock=clock, name="noisy_trace")
    some = brian2.StateMonitor(cells, "v", record=[3, 400], when="end", clock=clock, name="noisy_some")
    net = brian2.Network(cells, *((spikes, trace, some) if records else ()), name="noisy_network")

    def start():
        cells.v = 0
        if not lasts:
            cells.total = 0

    return BuiltNetwork(
        net, clock, STEPS, start,
        constants={
            "gain": (cells.variables["gain"], np.array([1.1])),
            "total": (cells.variables["total"], np.zeros(N)),
        },
        changing={"drive": cells.variables["drive"]},
        lasting={"total": cells.variables["total"]} if lasts else {},
        vectors={"total": cells.variables["total"]},
        spikes={"cells": spikes} if records else {},
        traces={"v": (trace, "v"), "drive": (trace, "drive"), "some": (some, "v")} if records else {},
        precision=precision,
    )  # fmt: skip


def inputs(n: int) -> RunInputs:
    drive = np.random.default_rng(0).uniform(0.5, 1.5, (3, N))
    return RunInputs({"drive": drive}, np.arange(n) % 3, 100 + np.arange(n))


def same(a, b) -> None:
    for one, other in zip((a.vectors, a.traces), (b.vectors, b.traces), strict=True):
        assert one.keys() == other.keys()
        for name, values in one.items():
            assert values.dtype == other[name].dtype and values.shape == other[name].shape
            assert values.tobytes() == other[name].tobytes(), name
    for x, y in zip(a.spikes["cells"], b.spikes["cells"], strict=True):
        np.testing.assert_array_equal(x, y)


@pytest.fixture
def temporary(tmp_path, monkeypatch) -> Path:
    """The folder for temporary files, empty."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def silent() -> BuiltNetwork:
    return build(records=False)


def run(n=6, build=build, **options):
    return run_on("cpp_standalone", build, inputs(n), **options)


def test_the_slim_loop_gives_the_bytes_of_the_stock_loop(monkeypatch):
    before = {project.name for project in cached_projects()}
    slim = run()
    assert slim.spikes["cells"][1].min() > 50  # the noise was drawn
    monkeypatch.setattr(generated_source, "slim_run_loop", lambda project: None)
    monkeypatch.setattr(generated_source, "merge_sources", lambda project: None)
    same(slim, run())
    assert {project.name for project in cached_projects()} >= before


def test_an_unfamiliar_run_loop_stays_with_a_warning(tmp_path):
    templates = Path(brian2.__file__).parent / "devices" / "cpp_standalone" / "templates" / "network.cpp"
    stock = re.sub(r"{%.*?%}", "", templates.read_text())
    (tmp_path / "network.cpp").write_text(stock.replace("clock = next_clocks();", "clock = due();"))
    with pytest.warns(UserWarning, match="run loop that spikedtp does not know"):
        slim_loop.slim_run_loop(tmp_path)
    assert slim_loop.SLIM not in (tmp_path / "network.cpp").read_text()


def test_records_are_what_brian2_monitors_see():
    """Noise is the same where Brian2's generator is seeded alike, so one standalone run without us is the reference."""
    ours = run_on("cpp_standalone", partial(build, precision=np.float64), inputs(2))
    data = inputs(2)
    with tempfile.TemporaryDirectory() as folder:
        brian2.set_device("cpp_standalone", build_on_run=False, directory=folder)
        try:
            built = build()
            for name, value in (("gain", 1.1), ("drive", data.patterns["drive"][1])):
                setattr(next(o for o in built.net.objects if o.name == "noisy_cells"), name, value)
            built.start()
            brian2.seed(int(data.seeds[1]))
            built.net.run(built.duration, namespace={})
            brian2.get_device().build(directory=folder, with_output=False)
            monitor, _ = built.traces["v"]
            spikes = built.spikes["cells"]
            np.testing.assert_array_equal(ours.traces["v"][1], monitor.v_[:].T)
            np.testing.assert_array_equal(ours.traces["some"][1], monitor.v_[:].T[:, [3, 400]])
            events, counts = ours.spikes["cells"]
            np.testing.assert_array_equal(events[counts[0] :, 1], spikes.i_[:])
            np.testing.assert_array_equal(events[counts[0] :, 0], np.round(spikes.t_[:] / 1e-3))
        finally:
            brian2.get_device().reinit()
            reset_device()


@pytest.mark.parametrize("n_processes", [2, 3, 20])
def test_processes_give_the_same_bytes(n_processes, temporary):
    done = []
    whole, split = run(7), run(7, n_processes=n_processes, progress=done.append)
    same(whole, split)
    assert done == list(range(1, 8))
    assert len(whole.peak_memory) == 1 and len(split.peak_memory) == min(n_processes, 7)
    assert not list(temporary.iterdir())


def test_what_lasts_runs_in_order():
    last = run_on("cpp_standalone", partial(build, lasts=True), inputs(4)).vectors["total"]
    _, counts = run(4).spikes["cells"]
    np.testing.assert_array_equal(last.sum(axis=1), np.cumsum(counts))
    with pytest.raises(SpikedtpError, match=r"lasts from one presentation to the next.*n_processes must be 1"):
        run_on("cpp_standalone", partial(build, lasts=True), inputs(4), n_processes=2)


@pytest.mark.parametrize("n_processes", [0, 1.5])
def test_processes_are_a_whole_number(n_processes, device="cpp_standalone"):
    with pytest.raises(SpikedtpError, match="n_processes must be a whole number of at least 1"):
        run(n_processes=n_processes)


def test_runtime_runs_in_one_process():
    with pytest.raises(SpikedtpError, match="device 'runtime' runs in one process"):
        run_on("runtime", build, inputs(1), n_processes=2)


def test_memory_is_flat_and_results_are_maps_of_deleted_files(temporary):
    few, many = run(2), run(120)
    assert 1e6 < few.peak_memory[0] < 50e6
    assert many.peak_memory[0] - few.peak_memory[0] < 2e6 < many.traces["v"].nbytes / 10
    base = many.traces["v"]
    while isinstance(base, np.ndarray):
        base = base.base
    assert isinstance(getattr(base, "obj", base), mmap.mmap)
    assert not list(temporary.iterdir())
    np.testing.assert_array_equal(many.traces["v"][1], few.traces["v"][1])
    many.traces["v"][1] = 0  # a map is private, and may be written to
    assert not many.traces["v"][1].any()
    assert {"build", "run", "simulate", "write"} == many.timings.keys()
    assert 0 < many.timings["write"] < many.timings["simulate"] < many.timings["run"]


def test_a_failing_binary_says_why_and_leaves_nothing(temporary):
    data = inputs(3)
    data.patterns["drive"] = data.patterns["drive"][:2]  # the third presentation shows a pattern that is not there
    with pytest.raises(RuntimeError, match=r"stopped with status 3: cannot read slice 2 of drive"):
        run_on("cpp_standalone", build, data, n_processes=2)
    assert not list(temporary.iterdir())


def test_a_full_disk_is_named(temporary, monkeypatch):
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    run(1)  # compiled
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, hard))
    try:
        with pytest.raises(SpikedtpError, match=r"no space for the results of the run: .*noisy_trace.*set TMPDIR"):
            run(100)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, handler)
    assert not list(temporary.iterdir())


LONG = """
import sys, tempfile
from pathlib import Path
sys.path.insert(0, sys.argv[1])
import test_run
tempfile.tempdir = sys.argv[2]
def progress(k):
    Path(sys.argv[2] + ".begun").touch()
test_run.run(300000, build=test_run.silent, n_processes=2, progress=progress)
"""


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGKILL])
def test_an_interrupted_run_leaves_no_process_and_no_files(temporary, ending, monkeypatch):
    run(1, build=silent)  # compiled
    where = temporary / "run"
    where.mkdir()
    command = [sys.executable, "-c", LONG, str(Path(__file__).parent), str(where)]
    process = subprocess.Popen(command)
    begun, deadline = Path(f"{where}.begun"), time.monotonic() + 60
    while not begun.exists():
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.05)
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    assert len(children) == 2
    process.send_signal(ending)
    assert process.wait(30) == -ending
    deadline = time.monotonic() + 10
    while any(_alive(child) for child in children):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    if ending == signal.SIGKILL:  # nobody was left to clean up: the next one does
        assert list(where.iterdir())
        monkeypatch.setattr(folders, "YOUNG", 0)
        monkeypatch.setattr(tempfile, "tempdir", str(where))
        run(1)
    assert not list(where.iterdir())


def _alive(pid: str) -> bool:
    try:
        return "State:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return False


def test_sources_do_not_depend_on_the_callers_objects():
    before = run(1)
    names = {project.name for project in cached_projects()}
    mine = [brian2.NeuronGroup(1, "v : 1", name="noisy_cells") for _ in range(2)]
    others = [build() for _ in range(2)]
    same(before, run(1))
    assert {project.name for project in cached_projects()} == names
    names = {brian2.NeuronGroup(1, "v : 1", name="given*").name, mine[0].name, others[0].net.name}
    assert names == {"given", "noisy_cells", "noisy_network"}
    kept = brian2.NeuronGroup(1, "v : 1", name="noisy_cells*")  # the caller's names are known again
    assert kept.name == "noisy_cells_1"
