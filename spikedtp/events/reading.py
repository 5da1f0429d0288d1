"""`read_spikes`: spike trains from a file of any kind that is known here."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from brian2.units.fundamentalunits import Quantity

from spikedtp.errors import SpikedtpError
from spikedtp.events.csv_file import read_csv
from spikedtp.events.nwb_file import from_nwb
from spikedtp.events.trains import SpikeTrains

__all__ = ["read_spikes"]


def read_spikes(
    path: str | Path,
    *,
    unit: str | None = None,
    cells: Sequence[int] | None = None,
    where: Mapping[str, Any] | None = None,
    start: Quantity | None = None,
    stop: Quantity | None = None,
    clip: bool = False,
    trials: bool | Sequence[int] = False,
) -> SpikeTrains:
    """Spike trains from a CSV or NWB file. What is stated here has to be true of the file: nothing is left out.

    Parameters
    ----------
    path : path
        A CSV file has a line for each spike, in any order. Its first line names the columns: `cell`, the id of the
        cell, a whole number; and the time, `time_s`, `time_ms` or `time_us`. Other columns are not read. An NWB file
        has spike times in its units table, see `from_nwb`.
    unit : {"s", "ms", "us"}, optional
        The unit of a column that is called just `time`.
    cells : sequence of int, optional
        The ids of all cells, in the order that they shall have: ``cells=range(64)``. Cells without a spike belong
        there too, since a CSV file does not tell of them. By default those with a spike, from the smallest id up.
    where : mapping, optional
        Values in other columns that the wanted spikes (NWB: units) have, such as ``{"area": "CA1"}``.
    start, stop : Quantity (second), optional
        The window in which all spikes lie. It begins at 0 by default. Without a `stop` its end is not known.
    clip : bool
        Whether spikes outside of the window are left out, with a warning that says how many. Otherwise they are an
        error.
    trials : bool or sequence of int
        Whether the recording is in trials. In a CSV file the column `trial` says which, and times count from the
        beginning of a trial; in an NWB file it is the trials table. A sequence names the trials, as `cells` the cells.
        A trial without a spike is not in a CSV file, so that it has to be named; gaps between ids log a warning.

    Returns
    -------
    SpikeTrains
        ``.raster(dt)`` is the array of time steps, ``.select`` and ``.window`` take parts.

    Raises
    ------
    SpikedtpError
        The file is of another kind or damaged, a time has no unit, an entry is no number, or a spike is outside of the
        window or of a cell that `cells` does not name. One line says where.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> from brian2 import ms
    >>> from spikedtp.events import read_spikes
    >>> with TemporaryDirectory() as folder:
    ...     path = Path(folder) / "spikes.csv"
    ...     _ = path.write_text("time_ms,cell\\n0.3,5\\n1.2,5\\n0.5,3\\n")
    ...     trains = read_spikes(path, cells=[3, 4, 5], stop=2 * ms)
    >>> trains.raster(dt=0.1 * ms).sum(axis=0)  # spikes of the cells 3, 4 and 5
    array([1, 0, 2])
    """
    path = Path(os.path.expanduser(path))
    if not path.is_file():
        raise SpikedtpError(f"{path}: {'this is a folder, no file' if path.is_dir() else 'there is no such file'}")
    if _is_nwb(path):
        if unit is not None:
            raise SpikedtpError(f"{path}: times in NWB files are in second: leave the unit out")
        return from_nwb(path, cells=cells, where=where, start=start, stop=stop, clip=clip, trials=trials)
    try:
        return read_csv(path, unit=unit, cells=cells, start=start, stop=stop, clip=clip, trials=trials, where=where)
    except SpikedtpError as error:
        raise SpikedtpError(f"{path}: {error}") from None


def _is_nwb(path: Path) -> bool:
    """By the first bytes, or by the name of a file that is damaged there."""
    try:
        with open(path, "rb") as file:
            return file.read(8) == b"\x89HDF\r\n\x1a\n" or path.suffix.lower() == ".nwb"
    except OSError as error:
        raise SpikedtpError(f"{path}: cannot be read ({error.strerror or error})") from None
