"""Runs a network as compiled C++: one binary, one process, a whole batch of presentations.

The generated main() is Brian2's, with a loop around the run: for each presentation it loads the pattern, seeds the
generator, sets the initial state (ordinary Brian2 assignments) and streams the results to files. Weights, parameters,
patterns and seeds are files, so none of them needs a rebuild.
"""

from __future__ import annotations

import gc
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable
from contextlib import contextmanager
from pathlib import Path

import brian2
import numpy as np
from brian2.core.variables import DynamicArrayVariable
from brian2.devices.device import reset_device

from spikedtp.spiking.build_cache import compiled_project
from spikedtp.spiking.built import BuiltNetwork
from spikedtp.spiking.merged_source import merge_sources
from spikedtp.spiking.run_data import RunInputs, RunResults

__all__ = ["run_standalone"]

HEADER = Path(__file__).parent / "cpp" / "presentations.h"
PRECISIONS = {"float32": "float", "float64": "double"}


@contextmanager
def _standalone_device():
    """A fresh C++ standalone device, and the caller's device again afterwards."""
    gc.collect()  # objects of an earlier run that still live would lend ours other names, hence another source
    brian2.set_device("cpp_standalone", build_on_run=False)
    device = brian2.get_device()
    device.reinit()
    device.activate(build_on_run=False)
    try:
        yield device
    finally:
        device.reinit()
        reset_device()


def run_standalone(build: Callable[[], BuiltNetwork], data: RunInputs, progress=None) -> RunResults:
    """Build a network and run every presentation of `data` in one process; see `RunInputs` and `RunResults`."""
    started = time.perf_counter()
    with _standalone_device() as device:
        built = build()
        project = compiled_project(lambda folder: _write_source(device, built, folder))
        ready = time.perf_counter()
        folder = Path(tempfile.mkdtemp(prefix="spikedtp-run-"))
        try:
            _write_inputs(folder, built, data)
            _run_binary(project, folder, progress)
            results = _read_results(folder / "results", built, len(data))
        finally:
            shutil.rmtree(folder, ignore_errors=True)
    results.timings = {"build": ready - started, "run": time.perf_counter() - ready}
    return results


# --- source -----------------------------------------------------------------------------------------------------------


def _write_source(device, built: BuiltNetwork, folder: Path) -> None:
    """Let Brian2 write the project, with the loop over presentations in its main()."""
    device.headers = ['"presentations.h"']
    shutil.copy(HEADER, folder)
    clock, net = built.clock.variables, built.net.name

    def add(*lines: str) -> None:
        device.insert_code("main", "\n".join(lines))

    device.apply_run_args()  # our inputs come from files, so this only keeps Brian2 from parsing them in the loop
    add("spikedtp::Presentations presentations(brian::results_dir);")
    add(*(f'presentations.constant("{n}", {_target(device, v)});' for n, (v, _) in built.constants.items()))
    add(*(f'presentations.per_presentation("{n}", {_target(device, v)});' for n, v in built.changing.items()))
    add(
        "for (int64_t k = 0; k < presentations.count(); k++) {",
        "presentations.load(k);",
        # a private name of Brian2's: tests/spiking/test_standalone.py would notice its loss
        "brian::_random_generators[0].seed(presentations.seed(k));",
        f"{net}.t = 0;",
        f"{device.get_array_name(clock['t'])}[0] = 0;",
        f"{device.get_array_name(clock['timestep'])}[0] = 0;",
    )
    built.start()
    built.net.run(built.duration, namespace={})
    add('if (Network::_globally_stopped) spikedtp::fail("interrupted");', *_collect(device, built))
    add("presentations.done(k);", "}", "presentations.finish();")
    # Brian2 would now write every array, weights and indices too
    device.insert_code("before_end", "return 0;")
    device.build(directory=str(folder), compile=False, run=False, with_output=False)
    shutil.rmtree(folder / "results", ignore_errors=True)
    merge_sources(folder)


def _array(device, variable) -> tuple[str, str, str]:
    """C++ of a Brian2 array variable: its name, a pointer to its values, how many there are."""
    if isinstance(variable, DynamicArrayVariable):
        vector = device.get_array_name(variable, access_data=False)
        return vector, f"{vector}.data()", f"{vector}.size()"
    array = device.get_array_name(variable)
    return array, array, str(variable.size)


def _target(device, variable) -> str:
    """C++ arguments `pointer, bytes` of a Brian2 array variable."""
    array, pointer, size = _array(device, variable)
    return f"{pointer}, {size}*sizeof({array}[0])"


def _collect(device, built: BuiltNetwork) -> list[str]:
    """C++ that appends one presentation's results and empties the monitors."""
    append = f"presentations.append<{PRECISIONS[np.dtype(built.precision).name]}>"
    arrays = {name: _array(device, variable) for name, variable in built.vectors.items()}
    lines = [f'{append}("{name}", {pointer}, {size});' for name, (_, pointer, size) in arrays.items()]

    def name_of(monitor, variable):
        return device.get_array_name(monitor.variables[variable], access_data=False)

    for name, monitor in built.spikes.items():
        t, i = name_of(monitor, "t"), name_of(monitor, "i")
        lines += [
            f'presentations.append_spikes("{name}_spikes", {t}.data(), {i}.data(), {i}.size(), {built.clock.dt_!r});',
            f"{t}.clear(); {i}.clear(); {name_of(monitor, 'N')}[0] = 0;",
        ]
    for name, (monitor, variable) in built.traces.items():
        rows = name_of(monitor, variable)
        lines += [
            f'for (int r = 0; r < {rows}.n; r++) {append}("{name}", {rows}(r).data(), {rows}.m);',
            f"{rows}.resize(0, {rows}.m); {name_of(monitor, 't')}.clear(); {name_of(monitor, 'N')}[0] = 0;",
        ]
    return lines


# --- running ----------------------------------------------------------------------------------------------------------


def _write_inputs(folder: Path, built: BuiltNetwork, data: RunInputs) -> None:
    inputs = folder / "inputs"
    inputs.mkdir()
    (folder / "results").mkdir()
    for name, (variable, values) in built.constants.items():
        np.asarray(values, dtype=variable.dtype).tofile(inputs / name)
    np.asarray(data.seeds, dtype=np.int64).tofile(inputs / "seeds")
    for name, variable in built.changing.items():
        np.asarray(data.patterns[name], dtype=variable.dtype).tofile(inputs / name)
        np.asarray(data.pattern, dtype=np.int64).tofile(inputs / f"{name}.index")


def _run_binary(project: Path, folder: Path, progress) -> None:
    environment = os.environ | {"SPIKEDTP_INPUTS": str(folder / "inputs")}
    command = ["./main", "--results_dir", f"{folder / 'results'}/"]
    with subprocess.Popen(
        command, cwd=project, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            for line in process.stdout:
                if progress is not None and line.startswith("presentation "):
                    progress(int(line.split()[1]))
            message = process.stderr.read().strip()
        except BaseException:
            process.kill()
            raise
    if process.returncode:
        raise RuntimeError(f"the compiled network stopped with status {process.returncode}: {message or 'no message'}")


def _read_results(folder: Path, built: BuiltNetwork, n: int) -> RunResults:
    def floats(name: str, *shape: int) -> np.ndarray:
        return np.fromfile(folder / name, dtype=built.precision).reshape(n, *shape)

    return RunResults(
        vectors={name: floats(name, -1) for name in built.vectors},
        spikes={
            name: (
                np.fromfile(folder / f"{name}_spikes", dtype=np.int32).reshape(-1, 2),
                np.fromfile(folder / f"{name}_spikes.counts", dtype=np.int64),
            )
            for name in built.spikes
        },
        traces={name: floats(name, built.n_steps, -1) for name in built.traces},
    )
