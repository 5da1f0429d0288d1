"""Runs a network as compiled C++: one binary, a whole batch of presentations, in one or several processes.

The generated main() is Brian2's, with a loop around the run: for each presentation it loads the pattern, seeds the
generator, sets the initial state (ordinary Brian2 assignments) and streams the results to files. Weights, parameters,
patterns and seeds are files, so none of them needs a rebuild.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path

from spikedtp.brian2_internals import count_as_run, fall_back, familiar
from spikedtp.errors import SpikedtpError, in_one_line
from spikedtp.private_brian2 import PrivateBrian2
from spikedtp.spiking.engine.batch import Kept, Progress, RunInputs, RunResults
from spikedtp.spiking.engine.batch_files import read_results, read_so_far, write_inputs
from spikedtp.spiking.engine.built_network import BuiltNetwork
from spikedtp.spiking.engine.compiled.build_cache import cache_folder, compiled_project, known_project
from spikedtp.spiking.engine.compiled.codegen_memory import remembered_codegen
from spikedtp.spiking.engine.compiled.processes import check_processes, run_processes
from spikedtp.spiking.engine.compiled.source_key import blueprint_of
from spikedtp.spiking.engine.compiled.write_source import write_source
from spikedtp.spiking.engine.layout import Layout
from spikedtp.spiking.engine.runtime import run_runtime
from spikedtp.spiking.engine.working_folders import working_folder

__all__ = ["compiled", "run_standalone"]


def run_standalone(
    build: Callable[[], BuiltNetwork],
    data: RunInputs,
    progress: Progress | None = None,
    n_processes: int = 1,
    kept: Kept | None = None,
) -> RunResults:
    """Build a network and run every presentation of `data`; see `run_on`.

    With a version of Brian2 that is not known and whose C++ cannot be had, it runs on the runtime device.
    """
    check_processes(n_processes)
    started = time.perf_counter()
    with ExitStack() as stack:
        try:
            project, layout, data = stack.enter_context(compiled(build, data))
        except Exception as error:  # Brian2's own, or the compiler's: with an unknown version it may be anything
            if familiar():
                raise
            fall_back(f"its C++ cannot be used: {in_one_line(error)}")
            return run_runtime(build, data, progress, kept=kept)
        if layout.lasting and n_processes > 1:
            raise SpikedtpError(
                "what this network learns lasts from one presentation to the next, so presentations run in order: "
                "n_processes must be 1"
            )
        ready = time.perf_counter()
        folder = stack.enter_context(working_folder(Path(tempfile.gettempdir()), "spikedtp-run-"))
        write_inputs(folder / "inputs", layout, data)
        (folder / "results").mkdir()

        def report(done: int) -> None:
            if progress is not None:
                progress(done)
            if kept is not None and data.due(done):
                kept(done, read_so_far(folder / "results", layout, done, data))

        reports = report if progress is not None or kept is not None else None
        finished = run_processes(project, folder, len(data), n_processes, reports, data.keep_every)
        results = read_results(folder / "results", layout, [process.first for process in finished], data)
    results.timings = {
        "build": ready - started,
        "run": time.perf_counter() - ready,
        "simulate": max(process.seconds for process in finished),
        "write": max(process.writing for process in finished),
    }
    results.peak_memory = [process.peak_memory for process in finished]
    return results


@contextmanager
def compiled(build: Callable[[], BuiltNetwork], data: RunInputs) -> Iterator[tuple[Path, Layout, RunInputs]]:
    """The compiled project, what is to know of it, and the inputs with the values of its constants."""
    with PrivateBrian2("cpp_standalone").inside():
        blueprint = blueprint_of(build)
        built = _built(build)
        layout = Layout.of(built)
        data = replace(data, constants={name: values for name, (_, values) in built.constants.items()})
    key = blueprint.key(layout) if blueprint else None
    with ExitStack() as stack:
        project = stack.enter_context(known_project(key)) if key else None
        if project is None:
            source = partial(_write_source, blueprint.build if blueprint else build)
            project = stack.enter_context(compiled_project(source, key))
        yield project, layout, data


def _write_source(build: Callable[[], BuiltNetwork], folder: Path) -> None:
    with PrivateBrian2("cpp_standalone").inside() as device, remembered_codegen(cache_folder()):
        write_source(device, _built(build), folder)


def _built(build: Callable[[], BuiltNetwork]) -> BuiltNetwork:
    built = build()
    count_as_run(built.net)  # it may never run here
    return built
