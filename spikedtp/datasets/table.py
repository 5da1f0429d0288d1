"""``csv:FILE``: a table of numbers with one row per sample. pandas parses it; this says what its columns mean."""

from __future__ import annotations

import codecs
import csv
import logging
import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from spikedtp.datasets.dataset import PARTS, Dataset, assembled, in_two_parts
from spikedtp.datasets.labels import class_numbers, input_rows
from spikedtp.errors import SpikedtpError, shown
from spikedtp.file_kinds import file_kind

__all__ = ["files_of", "load_table"]

logger = logging.getLogger(__name__)

LABELS = ("label", "target", "class", "y")
PART = "part"
MAX_BYTES = 2**29
_SEPARATORS = ",;\t"
_FEW = 3  # columns: a sample of so few may well be 0, 1, 2


def load_table(argument: str, parts: Sequence[str]) -> Dataset:
    """The samples of a table, split by its column ``part``, or as any data set without parts."""
    spec = f"csv:{argument}"
    frame = _table(spec, files_of(argument)[0])
    of_part = frame.pop(PART).astype(str).str.strip().str.lower() if PART in frame else None
    label = _label_column(spec, frame)
    inputs = frame.drop(columns=label)
    y = class_numbers(f"{spec}: column {label!r}", _numbers(spec, frame[[label]]), len(frame))
    x, _ = input_rows(f"{spec}: inputs", _numbers(spec, inputs))
    if of_part is None:
        halves, _ = in_two_parts(spec, x, y)
    else:
        if unknown := set(of_part) - set(PARTS):
            raise SpikedtpError(f"{spec}: its column {PART!r} must say train or test, got {shown(min(unknown))}")
        halves = {part: (x[rows], y[rows]) for part in PARTS for rows in [(of_part == part).to_numpy()]}
    return replace(assembled(spec, None, halves), input_names=tuple(inputs.columns), label_name=label)


def files_of(argument: str) -> list[Path]:
    return [Path(os.path.expanduser(argument))]


def _table(spec: str, path: Path) -> pd.DataFrame:
    """The file as columns with names; rows of unequal lengths are refused, and nothing is decompressed."""
    try:
        if path.stat().st_size > MAX_BYTES:
            raise SpikedtpError(f"{spec}: has more than {MAX_BYTES >> 20} MiB: save it as an .npz file of arrays")
        with open(path, "rb") as raw:
            start = raw.read(300)
        if start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
            raise SpikedtpError(f"{spec}: is text in UTF-16: save it in UTF-8")
        kind = file_kind(start)
        if kind and kind != "a text file":
            raise SpikedtpError(f"{spec}: is no table of text but {kind}")
        with open(path, encoding="utf-8-sig", newline="") as file:
            above, first = next(((n, line) for n, line in enumerate(file) if line.strip()), (0, ""))
        separator = next((mark for mark in _SEPARATORS if mark in first), ",")
        cells = [cell.strip() for cell in next(csv.reader([first], delimiter=separator), [])]
        named = _are_names(spec, cells)
        frame = pd.read_csv(
            path, sep=separator, header=None, skiprows=above + named, compression=None, encoding="utf-8-sig",
            low_memory=False, skipinitialspace=True,
        )  # fmt: skip
    except SpikedtpError:
        raise
    except pd.errors.EmptyDataError:
        raise SpikedtpError(f"{spec}: has no rows of numbers") from None
    except OSError as error:
        raise SpikedtpError(f"{spec}: cannot be read: {error.strerror or error}") from None
    except UnicodeDecodeError:
        raise SpikedtpError(f"{spec}: is no text in UTF-8: save it in UTF-8") from None
    except (ValueError, csv.Error, OverflowError) as error:  # pandas' for ragged rows, quotes, encodings
        why = str(error).removeprefix("Error tokenizing data. C error: ").strip()
        raise SpikedtpError(f"{spec}: is no table with equally many cells in each row: {why}") from None
    if frame.shape[1] != len(cells):
        raise SpikedtpError(f"{spec}: its first line has {len(cells)} cells, the next one {frame.shape[1]}")
    if frame.shape[1] < 2:
        raise SpikedtpError(f"{spec}: has one column only: it needs inputs and labels, separated by commas")
    frame.columns = pd.Index(_names(spec, cells) if named else [f"column {n}" for n in range(1, len(cells) + 1)])
    return frame


def _are_names(spec: str, cells: list[str]) -> bool:
    """Whether the first line names the columns. pandas numbers those without names: 0, 1, 2 and so on."""
    if cells and cells[0].startswith("#"):
        raise SpikedtpError(
            f"{spec}: its first line begins with #, and such lines are not read: remove it, or only the # where the "
            "line names the columns"
        )
    if len(cells) == 1 and len(cells[0].split()) > 1:
        raise SpikedtpError(f"{spec}: its cells are separated by blanks: separate them by commas")
    numbered = len(cells) > 1 and any(cells == [str(first + n) for n in range(len(cells))] for first in (0, 1))
    if numbered and len(cells) <= _FEW:
        raise SpikedtpError(
            f"{spec}: its first line, {','.join(cells)}, may number the columns or be a sample: give the columns names"
        )
    return numbered or any(_number(cell) is None for cell in cells)


def _names(spec: str, cells: list[str]) -> list[str]:
    if "" in cells:
        raise SpikedtpError(
            f"{spec}: column {cells.index('') + 1} has no name; if it numbers the rows, save the table without it "
            "(pandas: to_csv(..., index=False))"
        )
    names = [cell.lower() if cell.lower() in (*LABELS, PART) else cell for cell in cells]
    if twice := [name for name, n in Counter(names).items() if n > 1]:
        raise SpikedtpError(f"{spec}: has two columns of the name {shown(twice[0])}: rename one")
    return names


def _label_column(spec: str, frame: pd.DataFrame) -> str:
    found = [name for name in frame.columns if name in LABELS]
    if not found:
        found = [frame.columns[-1]]
        logger.warning("%s: labels: column %r, the last one, as none is called %s", spec, found[0], ", ".join(LABELS))
    if len(found) > 1:
        raise SpikedtpError(
            f"{spec}: labels may stand in one column, found {' and '.join(found)}: remove or rename one"
        )
    return str(found[0])


def _numbers(spec: str, frame: pd.DataFrame) -> np.ndarray:
    """Columns as an array; a column of text is named with the first cell that is no number."""
    for name in frame:
        column = frame[name]
        if not pd.api.types.is_numeric_dtype(column):
            wrong = pd.to_numeric(column, errors="coerce").isna() & column.notna()
            row = int(np.argmax(wrong.to_numpy()))
            raise SpikedtpError(
                f"{spec}: the column {name!r} holds text, such as {shown(column.iloc[row])} in row {row + 1}: write "
                "numbers (classes from 0), or remove the column"
            )
        if (empty := column.isna().to_numpy()).any():
            raise SpikedtpError(
                f"{spec}: the column {name!r} has no number in row {int(np.argmax(empty)) + 1} "
                f"({int(empty.sum())} of {len(empty)} rows): fill it, or remove such rows"
            )
    return frame.to_numpy(dtype=np.float64)


def _number(cell: str) -> float | None:
    try:
        return float(cell)
    except ValueError:
        return None
