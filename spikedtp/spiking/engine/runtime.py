"""Runs a network on Brian2's runtime device with the numpy target. It needs no compiler and suits small networks."""

from __future__ import annotations

import gc
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import brian2
import numpy as np

from spikedtp.brian2_internals import variables_looked_at_once
from spikedtp.errors import SpikedtpError
from spikedtp.private_brian2 import PrivateBrian2
from spikedtp.spiking.engine.batch import Kept, Progress, RunInputs, RunResults
from spikedtp.spiking.engine.batch_files import read_results, read_so_far
from spikedtp.spiking.engine.built_network import BuiltNetwork
from spikedtp.spiking.engine.compiled.processes import check_processes
from spikedtp.spiking.engine.kept_code import keep_code
from spikedtp.spiking.engine.layout import Layout
from spikedtp.spiking.engine.working_folders import working_folder

__all__ = ["run_runtime"]


def run_runtime(
    build: Callable[[], BuiltNetwork],
    data: RunInputs,
    progress: Progress | None = None,
    n_processes: int = 1,
    kept: Kept | None = None,
) -> RunResults:
    """Build a network and run every presentation of `data`, as `run_on` says."""
    if check_processes(n_processes) > 1:
        raise SpikedtpError("device 'runtime' runs in one process: several processes need device='cpp_standalone'")
    started = time.perf_counter()
    world = PrivateBrian2("runtime")
    with ExitStack() as stack:
        folder = stack.enter_context(working_folder(Path(tempfile.gettempdir()), "spikedtp-run-"))
        with world.inside():
            built = _ready(build)
            layout, files = Layout.of(built), {}
            keep_code(built.net)
        stack.enter_context(_old_objects_left_alone())
        for k in range(len(data)):
            with world.inside():
                left = _present(built, layout, data, k)
            for name, values in left.items():
                if name not in files:
                    files[name] = stack.enter_context((folder / name).open("wb", buffering=0))
                values.tofile(files[name])
            if progress is not None:
                progress(k + 1)
            if kept is not None and data.due(k + 1):
                kept(k + 1, read_so_far(folder, layout, k + 1, data))
        results = read_results(folder, layout, [0], data)
    results.timings = {"run": time.perf_counter() - started}
    return results


@contextmanager
def _old_objects_left_alone() -> Iterator[None]:
    """Brian2 collects garbage before each run. With torch and pandas loaded, that takes most of a short run's time."""
    if gc.get_freeze_count():  # somebody else has seen to it
        yield
        return
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


def _ready(build: Callable[[], BuiltNetwork]) -> BuiltNetwork:
    """The network with the values of its constants, as every presentation finds it."""
    built = build()
    for variable, values in built.constants.values():
        stored = variable.get_value()
        if stored.shape != values.shape:
            raise AssertionError(f"{variable.name} holds {stored.shape} values, not {values.shape}")
        stored[:] = values
    built.net.store()
    return built


def _present(built: BuiltNetwork, layout: Layout, data: RunInputs, k: int) -> dict[str, np.ndarray]:
    """Run presentation k; what it adds to each file of the results."""
    brian2.seed(int(data.seeds[k]))
    _run_once(built, data, k)
    while built.again is not None and built.again.get_value().item():
        _run_once(built, data, k)
    left = _left_behind(built, layout)
    if data.due(k + 1):
        left |= {f"lasting.{name}": np.array(v.get_value()) for name, v in built.lasting.items()}
    return left


def _run_once(built: BuiltNetwork, data: RunInputs, k: int) -> None:
    lasting = [(variable, np.array(variable.get_value())) for variable in built.lasting.values()]
    built.net.restore()
    for variable, values in lasting:
        variable.get_value()[:] = values
    for name, variable in built.changing.items():
        variable.get_value()[:] = data.patterns[name][data.index(name)[k]].ravel()
    for name, stream in built.streams.items():
        stream.rows = data.patterns[name][data.index(name)[k]]
    with variables_looked_at_once():
        built.start()
        built.net.run(built.duration, namespace={})
    if built.clock.variables["timestep"].get_value().item() != built.n_steps:
        raise SpikedtpError(f"presentation {k + 1} of {len(data)} was stopped before its end by brian2.stop()")


def _left_behind(built: BuiltNetwork, layout: Layout) -> dict[str, np.ndarray]:
    """What the last presentation adds to each file of the results, as `run_files` describes them."""
    found: dict[str, np.ndarray] = {
        name: np.asarray(variable.get_value(), built.precision) for name, variable in built.vectors.items()
    }
    for name, monitor in built.spikes.items():
        step = np.round(np.asarray(monitor.t_) / built.clock.dt_).astype(np.int32)
        file = layout.spikes[name]
        found[f"{file}.0"] = np.stack([step, np.asarray(monitor.i_, dtype=np.int32)], axis=1)
        found[f"{file}.counts"] = np.array([len(step)])
    for name, (monitor, variable) in built.traces.items():
        found[layout.traces[name]] = np.asarray(getattr(monitor, variable + "_"), built.precision).T
    return found
