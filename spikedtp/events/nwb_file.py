"""Spikes from NWB files: the times in their units table."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from brian2 import second
from brian2.units.fundamentalunits import Quantity

from spikedtp.arrays import as_numbers
from spikedtp.errors import SpikedtpError, known_names
from spikedtp.events.choices import checked_ids, checked_trials, checked_where
from spikedtp.events.numbering import numbered
from spikedtp.events.rounding import exact
from spikedtp.events.trains import SpikeTrains
from spikedtp.extras import optional
from spikedtp.file_kinds import file_kind

__all__ = ["from_nwb"]

MAX_SPIKES = 2**28  # 2 GiB of times


def from_nwb(
    path: str | Path,
    *,
    cells: Sequence[int] | None = None,
    where: Mapping[str, Any] | None = None,
    start: Quantity | None = None,
    stop: Quantity | None = None,
    clip: bool = False,
    trials: bool | Sequence[int] = False,
) -> SpikeTrains:
    """Spike trains from the units table of an NWB file.

    Parameters
    ----------
    path : path
    cells : sequence of int, optional
        Ids of all its units in the order that cells shall have. By default the order of the table.
    where : mapping, optional
        Values in columns of the table that the wanted units have, such as ``{"population": "H1E"}``.
    start, stop : Quantity (second), optional
        The window in which all spikes lie. It begins at 0 by default, and its end is not known. With trials `stop` is
        how long each of them lasts.
    clip : bool
        Whether spikes outside of the window are left out, with a warning that says how many.
    trials : bool or sequence of int
        Whether to cut the recording into the intervals of the file's trials table, or the ids of the wanted trials.
        Spikes between the trials are left out. By default a trial lasts as long as the table says.

    Returns
    -------
    SpikeTrains

    Raises
    ------
    SpikedtpError
        pynwb is not installed; the file is not NWB, damaged, or has no spike times; no unit has these values; trials
        last differently.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> import numpy as np
    >>> from brian2 import ms
    >>> from spikedtp import load_rate_network, simulate
    >>> from spikedtp.events import from_nwb
    >>> from spikedtp.export import to_nwb
    >>> from spikedtp.models import weights_file
    >>> network = load_rate_network("digits_dtp", weights_file("digits_dtp"))
    >>> x, target = np.full(64, 0.2), np.eye(10)[3]
    >>> response = simulate(network, x, target, population="H1E", n_repeats=2, device="runtime", record=("spikes",))
    >>> with TemporaryDirectory() as folder:
    ...     path = to_nwb(response, Path(folder) / "response.nwb")
    ...     trains = from_nwb(path, where={"population": "InputE"}, trials=True)
    >>> np.array_equal(trains.raster(1 * ms), response.spikes["InputE"])
    True
    """
    pynwb = optional("pynwb", "nwb")
    try:
        cells = cells if cells is None else checked_ids("cell", cells)
        where, trials = checked_where(where), checked_trials(trials)
        if trials is not False and (start is not None or clip):
            raise SpikedtpError("trials begin where the file says: leave start and clip out")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of pynwb, about versions and about how others wrote their file
            with _opened(Path(path), pynwb) as io:
                file = io.read()
                ids, lengths, times = _units(file.units, where)
                table = None if trials is False else _trials(file.trials, trials)
    except SpikedtpError as error:
        raise SpikedtpError(f"{path}: {error}") from None
    except Exception as error:  # h5py, hdmf and pynwb promise no type for damaged files
        raise SpikedtpError(f"{path}: this NWB file is damaged ({type(error).__name__}); get it again") from error
    per_spike, named = np.repeat(ids, lengths), ids.tolist() if cells is None else cells
    try:
        if table is None:
            return numbered(times, per_spike, of=Path(path), cells=named, start=start, stop=stop, clip=clip)
        onsets, durations = table
        if stop is None and np.ptp(durations) > 1e-9:
            raise SpikedtpError(
                f"trials last from {durations.min():g} s to {durations.max():g} s: state how long a trial is, stop=..."
            )
        first = min(times.min(initial=0.0), onsets.min())
        whole = numbered(times, per_spike, of=Path(path), cells=named, start=first * second, stop=None)
        return whole.in_trials(onsets * second, durations.max() * second if stop is None else stop)
    except SpikedtpError as error:
        raise SpikedtpError(f"{path}: {error}") from None


def _opened(path: Path, pynwb: Any) -> Any:
    """The file, if it is NWB, ready to be read."""
    if not path.is_file():
        raise SpikedtpError("this is a folder, no file" if path.is_dir() else "there is no such file")
    try:
        with open(path, "rb") as file:
            kind = file_kind(file.read(300))
    except OSError as error:
        raise SpikedtpError(f"cannot be read ({error.strerror or error})") from None
    if kind != "an HDF5 file":
        raise SpikedtpError(f"this is no NWB file but {kind or 'something else'}")
    with optional("h5py", "nwb").File(path, "r") as file:
        if "nwb_version" not in file.attrs:
            raise SpikedtpError("this HDF5 file is no NWB file: it does not say its nwb_version")
    return pynwb.NWBHDF5IO(path, "r")


def _units(units: Any, where: Mapping[str, Any]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Ids of the wanted units, how many spikes each has, and the times of all of them."""
    if units is None or "spike_times" not in units.colnames:
        raise SpikedtpError("this NWB file has no spike times: it has no units table, or one without that column")
    stored, ends = units.spike_times.data, np.asarray(units.spike_times_index.data[:], dtype=np.int64)
    if stored.ndim != 1 or stored.shape[0] > MAX_SPIKES:
        raise SpikedtpError(f"spike_times must be one list of at most {MAX_SPIKES} times, got {stored.shape}")
    times, lengths = as_numbers("spike_times", exact(stored[:])), np.diff(ends, prepend=0)
    ids = np.asarray(units.id.data[:], dtype=np.int64)
    if (lengths < 0).any() or ends.max(initial=0) != len(times) or len(ids) != len(ends):
        raise SpikedtpError("the units table is damaged: its index does not fit its spike times")
    chosen = np.ones(len(ids), dtype=bool)
    for name, value in where.items():
        if name not in units.colnames:
            raise known_names("column of the units table", name, units.colnames)
        column = units[name][:]
        matches = np.array([_plain(entry) == value for entry in column], dtype=bool)
        if not matches.any():
            raise known_names(f"value of the column {name!r}", value, sorted({str(_plain(v)) for v in column})[:20])
        chosen &= matches
    return ids[chosen], lengths[chosen], times[np.repeat(chosen, lengths)]


def _plain(entry: Any) -> Any:
    return entry.decode(errors="replace") if isinstance(entry, bytes) else entry


def _trials(table: Any, wanted: bool | Sequence[int]) -> tuple[np.ndarray, np.ndarray]:
    """Beginnings and durations of the wanted trials."""
    if table is None or not len(table):
        raise SpikedtpError("this NWB file has no trials table: leave trials out")
    start, stop = (as_numbers(name, table[name].data[:]) for name in ("start_time", "stop_time"))
    if not isinstance(wanted, bool):
        place = {number: k for k, number in enumerate(np.asarray(table.id.data[:]).tolist())}
        if unknown := [number for number in wanted if number not in place]:
            raise SpikedtpError(f"there is no trial {unknown[0]} in the trials table")
        chosen = [place[number] for number in wanted]
        start, stop = start[chosen], stop[chosen]
    return start, stop - start
