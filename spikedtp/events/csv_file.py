"""Spikes in a CSV file: a line for each spike, with its time and its cell, and its trial if there are trials."""

from __future__ import annotations

import csv
import logging
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from brian2.units.fundamentalunits import Quantity

from spikedtp.errors import SpikedtpError, known_names, shown
from spikedtp.events.choices import checked_ids, checked_trials, checked_where
from spikedtp.events.numbering import numbered
from spikedtp.events.trains import SpikeTrains
from spikedtp.file_kinds import file_kind
from spikedtp.summaries import counted

__all__ = ["PER_SECOND", "read_csv"]

logger = logging.getLogger(__name__)

#: How many of each unit of time make a second.
PER_SECOND = {"s": 1.0, "ms": 1e3, "us": 1e6}
#: A column of times, and the unit that its name states.
TIMES = {"time": None, **{f"time_{unit}": unit for unit in PER_SECOND}}
SEPARATORS = ("\t", ";", ",")
BYTE_ORDER_MARK = b"\xef\xbb\xbf"  # which spreadsheets put in front
MAX_HEADER = 2**16  # characters
MAX_ID = 2**53  # from here on floating-point numbers leave whole numbers out


def read_csv(
    path: Path,
    *,
    unit: str | None,
    cells: Sequence[int] | None,
    start: Quantity | None,
    stop: Quantity | None,
    clip: bool,
    trials: bool | Sequence[int],
    where: Mapping[str, Any] | None,
) -> SpikeTrains:
    """As `read_spikes`, whose messages say which file it is."""
    cells = cells if cells is None else checked_ids("cell", cells)
    where, trials = checked_where(where), checked_trials(trials)
    names, separator = _header(path)
    time, unit = _time_column(names, unit)
    _need(names, ["cell", *(["trial"] if trials is not False else []), *where])
    if trials is False and "trial" in names:
        raise SpikedtpError(
            "there is a column 'trial': say trials=True if times count from the beginning of a trial; for one "
            "sequence, as on the command line, remove this column"
        )
    frame = _table(path, separator, [time, "cell", *(["trial"] if trials is not False else []), *where])
    for name, value in where.items():
        chosen = frame[name] == value
        if not chosen.any():
            raise known_names(f"value of the column {name!r}", value, map(str, frame[name].unique()[:20]))
        frame = frame[chosen]
    times = _numbers(frame, time) / PER_SECOND[unit]
    trial_ids = None if trials is False else _whole(frame, "trial")
    if trials is True:
        _warn_of_gaps(path, trial_ids)
    return numbered(
        times, _whole(frame, "cell"), of=path, cells=cells, start=start, stop=stop, clip=clip, trial_ids=trial_ids,
        trials=None if isinstance(trials, bool) else trials,
    )  # fmt: skip


def _warn_of_gaps(path: Path, trial_ids: np.ndarray | None) -> None:
    """Say which trials are missing between others: a trial without a spike has no line in the file."""
    found = np.unique([] if trial_ids is None else trial_ids)
    if len(found) and (n := int(found[-1] - found[0]) + 1 - len(found)):
        after = int(found[np.flatnonzero(np.diff(found) > 1)[0]])
        logger.warning(
            "%s: no spike in %s between %d and %d, such as %d: name all that took place, as in trials=range(%d, %d)",
            path, counted(n, "trial"), found[0], found[-1], after + 1, found[0], found[-1] + 1,
        )  # fmt: skip


def _header(path: Path) -> tuple[list[str], str]:
    """The names of the columns, and what separates them."""
    try:
        with open(path, "rb") as raw:
            start = raw.read(300).removeprefix(BYTE_ORDER_MARK)
        kind = file_kind(start)
        if start and kind != "a text file":
            raise SpikedtpError(f"this is no CSV file but {kind or 'binary data'}")
        with open(path, encoding="utf-8-sig", newline="") as file:
            line = file.readline(MAX_HEADER)
    except (OSError, UnicodeDecodeError) as error:
        raise SpikedtpError(f"cannot be read ({getattr(error, 'strerror', None) or 'not UTF-8 text'})") from None
    if not line.strip():
        raise SpikedtpError("the file is empty: its first line must name the columns, such as time_ms,cell")
    separator = next((mark for mark in SEPARATORS if mark in line), ",")
    names = [name.strip() for name in next(csv.reader([line], delimiter=separator, strict=False))]
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise SpikedtpError(f"there are two columns {twice!r}: rename one")
    return names, separator


def _time_column(names: list[str], unit: str | None) -> tuple[str, str]:
    if unit is not None and (not isinstance(unit, str) or unit not in PER_SECOND):
        raise known_names("unit of time", unit, PER_SECOND)
    found = [name for name in TIMES if name in names]
    if len(found) != 1:
        raise SpikedtpError(
            f"there must be one column of times, called time_s, time_ms, time_us or time, and a column 'cell'; the "
            f"first line names {', '.join(map(repr, names[:8]))}"
        )
    stated = TIMES[found[0]]
    if stated is None and unit is None:
        raise SpikedtpError(
            "the column 'time' has no unit: call it time_s or time_ms, or state the unit (s, ms or us; --time-unit)"
        )
    if None not in (stated, unit) and stated != unit:
        raise SpikedtpError(f"the column {found[0]!r} is not in {unit}, which was stated as the unit: leave one out")
    return found[0], stated or unit or ""


def _need(names: list[str], needed: list[str]) -> None:
    for name in needed:
        if name not in names:
            raise SpikedtpError(f"there is no column {name!r}; the first line names {', '.join(map(repr, names[:8]))}")


def _table(path: Path, separator: str, columns: list[str]) -> pd.DataFrame:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", pd.errors.ParserWarning)  # of entries that would be left out
            found = pd.read_csv(
                path, sep=separator, index_col=False, compression=None, encoding="utf-8-sig", skipinitialspace=True,
                low_memory=False,
            )  # fmt: skip
    except (pd.errors.ParserError, pd.errors.ParserWarning, UnicodeDecodeError, OverflowError, ValueError) as error:
        told = " ".join(str(error).removeprefix("Error tokenizing data. C error: ").split())
        raise SpikedtpError(f"this is no CSV table: {told}") from None
    except OSError as error:
        raise SpikedtpError(f"cannot be read ({error.strerror or error})") from None
    return found.rename(columns=lambda name: str(name).strip())[columns]


def _numbers(frame: pd.DataFrame, name: str) -> np.ndarray:
    """A column as finite numbers, or an error that shows the first row that holds none."""
    column = frame[name]
    numeric = column.dtype.kind in "iuf"
    values = np.asarray(column if numeric else pd.to_numeric(column.astype(str), errors="coerce"), dtype=np.float64)
    if column.dtype.kind == "b" or not np.isfinite(values).all():
        row = 0 if column.dtype.kind == "b" else int(np.flatnonzero(~np.isfinite(values))[0])
        entry = column.iloc[row]
        what = "nothing (or NaN)" if pd.isna(entry) else shown(str(entry))
        raise SpikedtpError(f"row {int(column.index[row]) + 1}: {name} must be a finite number, and there is {what}")
    return values


def _whole(frame: pd.DataFrame, name: str) -> np.ndarray:
    values = _numbers(frame, name)
    wrong = (values != np.floor(values)) | (values < 0) | (values >= MAX_ID)
    if wrong.any():
        row = int(np.flatnonzero(wrong)[0])
        raise SpikedtpError(
            f"row {int(frame.index[row]) + 1}: {name} must be a whole number from 0 on, and there is {values[row]:g}"
        )
    return values.astype(np.int64)
