"""Responses as NWB files (Neurodata Without Borders), one presentation after the other on one axis of time."""

from __future__ import annotations

import os
import secrets
import uuid
import warnings
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from spikedtp._version import __version__
from spikedtp.errors import SpikedtpError, in_one_line
from spikedtp.export.recorded import about, in_volt, recorded
from spikedtp.extras import optional

if TYPE_CHECKING:
    from spikedtp.spiking import ClosedResponse, SpikingResponse

__all__ = ["to_nwb"]

KINDS = {
    "v_soma": "voltage of the soma",
    "v_dend": "voltage of the dendrite",
    "eligibility": "eligibility trace of the presynaptic cell",
}


def to_nwb(
    response: SpikingResponse | ClosedResponse, path: str | Path, *, weight_updates: bool = True, **metadata: Any
) -> Path:
    """Write everything that was recorded into an NWB file. `spikedtp.events.from_nwb` reads its spikes back, exactly.

    Parameters
    ----------
    response : SpikingResponse or ClosedResponse
        From `simulate`, or from a `SpikingNetwork`.
    path : path
        The file, usually called ``NAME.nwb``. It is complete or absent; one that exists is replaced.
    weight_updates : bool
        Whether to add the weights and ΔW of every projection. They are written one presentation after the other.
    metadata
        What ``pynwb.NWBFile`` takes, such as ``experimenter``, ``keywords`` or ``session_start_time``, which otherwise
        is the present moment.

    Returns
    -------
    Path
        The file, in which presentations follow one another in the order (sample, repeat):

        - ``trials``: the time of each presentation, with its `sample` and `repeat`.
        - ``units``: the spike times of each cell, with its `population` and `cell`, the place in that population. There
          are no electrodes.
        - ``processing/simulation``: a `TimeSeries` (time, cells) for each trace and population, such as
          ``v_soma_H2E``, in volt, or without a unit (``n.a.``) in linear cells.
        - ``processing/plasticity``: a table ``weight_updates_H2E_H1E`` for each projection, with a row for each
          presentation and ΔW (n_post, n_pre) in it; and ``weights_H2E_H1E``, with a row for each postsynaptic cell.

    Raises
    ------
    SpikedtpError
        pynwb is not installed, it does not know the metadata, or the file cannot be written.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> import numpy as np
    >>> import pynwb
    >>> from spikedtp import load_rate_network, simulate
    >>> from spikedtp.export import to_nwb
    >>> from spikedtp.models import weights_file
    >>> network = load_rate_network("digits_dtp", weights_file("digits_dtp"))
    >>> x, target = np.full(64, 0.2), np.eye(10)[3]
    >>> response = simulate(network, x, target, population="H2E", n_repeats=2, device="runtime", record=("spikes",))
    >>> with TemporaryDirectory() as folder:
    ...     path = to_nwb(response, Path(folder) / "response.nwb", keywords=["simulation"])
    ...     with pynwb.NWBHDF5IO(path, "r") as file:
    ...         nwb = file.read()
    ...         nwb.trials.colnames, nwb.processing["plasticity"]["weight_updates_H2E_H1E"]["weight_update"].shape
    (('start_time', 'stop_time', 'sample', 'repeat'), (2, 200, 200))
    """
    pynwb, path = optional("pynwb", "nwb"), Path(path).expanduser()
    if (folder := os.path.isdir(path)) or not os.path.isdir(path.parent):
        what = "is a folder: name a file" if folder else f"cannot be written: there is no folder {path.parent}"
        raise SpikedtpError(f"{path} {what}")
    told = ", ".join(f"{name} {value}" for name, value in about(response).items() if value is not None)
    given = {
        "session_description": f"simulation of a spiking network ({response.loop} loop, {told})",
        "identifier": str(uuid.uuid4()),
        "session_start_time": datetime.now(UTC),
        "keywords": ["simulation", "spiking neural network", "synaptic plasticity"],
        "was_generated_by": [("spikedtp", __version__)],
    }
    try:
        file = pynwb.NWBFile(**(given | metadata))
    except (TypeError, ValueError) as error:
        raise SpikedtpError(f"to_nwb: pynwb.NWBFile does not take this: {in_one_line(error)}") from None
    presentations = [(k, *divmod(k, response.n_repeats)) for k in range(response.n_samples * response.n_repeats)]
    n_steps, dt = len(response.times), float(response.times[1] - response.times[0])
    file.add_trial_column("sample", "which input was presented")
    file.add_trial_column("repeat", "which presentation of this input it is")
    for k, sample, repeat in presentations:
        file.add_trial(start_time=k * n_steps * dt, stop_time=(k + 1) * n_steps * dt, sample=sample, repeat=repeat)
    traces, rasters = [], {}
    for kind, population, values in recorded(response):
        rows = values.reshape(-1, values.shape[-1])  # presentations one after the other
        if kind == "spikes":
            rasters[population] = rows
        else:
            traces.append(_trace(pynwb, response, kind, population, rows, dt))
    if rasters:
        file.units = _units(pynwb, rasters, dt)
    if traces:
        file.create_processing_module("simulation", "variables of the simulated cells").add(traces)
    if weight_updates and getattr(response.spec, "nudged", True):
        tables = [table for name in response.projections for table in _tables(response, name, presentations)]
        file.create_processing_module("plasticity", "weights and what the learning rules add to them").add(tables)
    return _written(file, path, pynwb)


def _units(pynwb: Any, rasters: dict[str, np.ndarray], dt: float) -> Any:
    """A unit for every cell, from rasters (time, cells)."""
    core = optional("hdmf.common", "nwb")
    columns = [
        core.VectorData(name="population", description="the population of the cell", data=[
            population for population, raster in rasters.items() for _ in range(raster.shape[1])
        ]),
        core.VectorData(name="cell", description="its place in the population, from 0", data=np.concatenate(
            [np.arange(raster.shape[1]) for raster in rasters.values()]
        )),
    ]  # fmt: skip
    steps = [np.nonzero(raster.T) for raster in rasters.values()]  # cell by cell, in the order of time
    pairs = zip(steps, rasters.values(), strict=True)
    counts = [np.bincount(cells, minlength=raster.shape[1]) for (cells, _), raster in pairs]
    seconds = np.concatenate([k for _, k in steps]) * dt
    times = core.VectorData(name="spike_times", description="when the cell fired, in second", data=seconds)
    columns += [times, core.VectorIndex(name="spike_times_index", target=times, data=np.cumsum(np.concatenate(counts)))]
    return pynwb.misc.Units(
        name="units", description="simulated cells; there are no electrodes", resolution=dt, columns=columns,
        id=list(range(sum(raster.shape[1] for raster in rasters.values()))),
    )  # fmt: skip


def _trace(pynwb: Any, response: Any, kind: str, population: str, rows: np.ndarray, dt: float) -> Any:
    return pynwb.TimeSeries(
        name=f"{kind}_{population}",
        data=pynwb.H5DataIO(rows, compression="gzip"),
        unit="V" if in_volt(response, kind) else "n.a.",
        starting_time=0.0,
        rate=1 / dt,
        description=f"{KINDS[kind]}, (time, cells of {population}), presentations one after the other",
    )


def _tables(response: Any, name: str, presentations: list[tuple[int, int, int]]) -> Iterator[Any]:
    """Weights and ΔW of one projection."""
    core, weight = optional("hdmf.common", "nwb"), response.projections[name].weight
    pieces = optional("hdmf.data_utils", "nwb").DataChunkIterator
    post, _, pre = name.partition("_")
    shape = f"(cells of {post}, cells of {pre})"

    def changes() -> Iterator[np.ndarray]:
        for _, sample, repeat in presentations:
            yield response.weight_updates.of(name, sample, repeat)

    change = pieces(changes(), buffer_size=1, maxshape=(len(presentations), *weight.shape), dtype=np.dtype(np.float32))
    columns = {
        "sample": ("which input was presented", [sample for _, sample, _ in presentations]),
        "repeat": ("which presentation of this input it is", [repeat for _, _, repeat in presentations]),
        "weight_update": (f"what the rule adds to the weights, without bounds or constraints, {shape}", change),
    }
    for table, about_it, held in (
        (f"weight_updates_{name}", f"weight changes of the synapses from {pre} onto {post}", columns),
        (
            f"weights_{name}",
            f"weights of the synapses from {pre} onto {post}, a row for each cell of {post}",
            {"weight": (f"weights from the cells of {pre}", np.asarray(weight))},
        ),
    ):
        made = [core.VectorData(name=column, description=text, data=data) for column, (text, data) in held.items()]
        n = len(presentations) if "weight_update" in held else len(weight)
        yield core.DynamicTable(name=table, description=about_it, columns=made, id=list(range(n)))


def _written(file: Any, path: Path, pynwb: Any) -> Path:
    """Beside its place first, so that nobody sees a file that is half done."""
    partial = path.with_name(f".{path.name}-{secrets.token_hex(4)}.partial")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of pynwb: the name of the partial file
            with pynwb.NWBHDF5IO(partial, "w") as io:
                io.write(file)
        partial.replace(path)
    except OSError as error:
        why = os.strerror(error.errno) if error.errno else in_one_line(error).replace(str(partial), str(path))
        raise SpikedtpError(f"{path} cannot be written ({why})") from None
    finally:
        with suppress(OSError):
            partial.unlink(missing_ok=True)
    return path
