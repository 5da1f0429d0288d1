"""The files with the inputs and the results of a run. Both runners use the same files.

`inputs/`: an array per constant, one per changing variable or stream (all patterns) and its ``.index``, ``seeds``.
`results/`: an array per vector and per trace with a place for each presentation; ``lasting.NAME`` with a place for each
time it was kept; ``GROUP.counts`` and ``GROUP.FIRST``, the spikes of the process that began with presentation FIRST.
"""

from __future__ import annotations

import mmap
import shutil
import sys
from pathlib import Path

import numpy as np

from spikedtp.spiking.engine.batch import RunInputs, RunResults
from spikedtp.spiking.engine.layout import Layout

__all__ = ["read_array", "read_results", "read_so_far", "write_inputs"]

#: Smaller files are read: a map costs more, and a process may hold only some tens of thousands.
MAPPED = 1 << 20  # bytes
#: Linux: no memory or swap is reserved for pages of a private map that were not written to.
NORESERVE = 0x4000 if sys.platform == "linux" else 0


def write_inputs(folder: Path, layout: Layout, data: RunInputs) -> None:
    folder.mkdir()
    np.asarray(data.seeds, dtype=np.int64).tofile(folder / "seeds")
    for name, dtype in layout.constants.items():
        np.asarray(data.constants[name], dtype=dtype).tofile(folder / name)
    for name, dtype in layout.changing.items():
        np.asarray(data.patterns[name], dtype=dtype).tofile(folder / name)
    for name, (dtype, held) in layout.streams.items():
        with (folder / name).open("wb", buffering=0) as file:
            for table in data.patterns[name]:
                for start in range(0, layout.n_steps, held):
                    np.asarray(table[start : start + held], dtype=dtype).tofile(file)
    for name in (*layout.changing, *layout.streams):
        np.asarray(data.index(name), dtype=np.int64).tofile(folder / f"{name}.index")


def read_results(folder: Path, layout: Layout, firsts: list[int], data: RunInputs) -> RunResults:
    """The results of a run by processes that began with the presentations in `firsts`."""
    n = len(data)
    n_times = -(-n // data.keep_every) if data.keep_every else 1
    precision = np.dtype(layout.precision)
    return RunResults(
        vectors={name: read_array(folder / name, precision).reshape(n, -1) for name in layout.vectors},
        spikes={
            name: (
                _joined([folder / f"{file}.{first}" for first in firsts]).reshape(-1, 2),
                read_array(folder / f"{file}.counts", np.dtype(np.int64)),
            )
            for name, file in layout.spikes.items()
        },
        traces={
            name: read_array(folder / file, precision).reshape(n, layout.n_steps, -1)
            for name, file in layout.traces.items()
        },
        lasting={
            name: read_array(folder / f"lasting.{name}", np.dtype(dtype)).reshape(n_times, -1)
            for name, (dtype, _) in layout.lasting.items()
        },
    )


def read_so_far(folder: Path, layout: Layout, done: int, data: RunInputs) -> RunResults:
    """Vectors of the presentations that are done, and the last kept values of lasting variables, during a run."""
    time = (done - 1) // data.keep_every if data.keep_every else 0

    def rows(name: str, dtype: str, size: int, start: int, stop: int) -> np.ndarray:
        offset = start * size * np.dtype(dtype).itemsize
        return np.fromfile(folder / name, dtype, (stop - start) * size, offset=offset).reshape(-1, size)

    return RunResults(
        vectors={name: rows(name, layout.precision, size, 0, done) for name, size in layout.vectors.items()},
        lasting={name: rows(f"lasting.{name}", *kind, time, time + 1) for name, kind in layout.lasting.items()},
    )


def read_array(path: Path, dtype: np.dtype) -> np.ndarray:
    """The numbers of a file. A large file becomes a private map, which stays when the file is deleted."""
    size = path.stat().st_size
    if size < MAPPED:
        return np.fromfile(path, dtype=dtype)
    with path.open("rb") as file:
        mapped = mmap.mmap(
            file.fileno(), size, flags=mmap.MAP_PRIVATE | NORESERVE, prot=mmap.PROT_READ | mmap.PROT_WRITE
        )
    return np.frombuffer(mapped, dtype=dtype)


def _joined(parts: list[Path]) -> np.ndarray:
    if len(parts) > 1:
        with parts[0].open("ab") as whole:
            for part in parts[1:]:
                with part.open("rb") as file:
                    shutil.copyfileobj(file, whole, 1 << 22)
    return read_array(parts[0], np.dtype(np.int32))
