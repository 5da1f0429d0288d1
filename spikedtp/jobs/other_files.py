"""Files and folders that hold neither a circuit nor weights: what they are, and which command takes them."""

from __future__ import annotations

import re
import zipfile
from pathlib import Path

from spikedtp.configuration import CONFIG_FILE
from spikedtp.file_kinds import file_kind

__all__ = ["use_of"]

WEIGHTS_FILE = "weights.pt"
SUMMARY_FILE = "summary.json"
#: Arrays of the archives that ``--data npz:FILE`` and ``--signals FILE`` read.
_DATA = ({"x", "y"}, {"train_x", "train_y"}, {"test_x", "test_y"}, {"x_train", "y_train"}, {"x_test", "y_test"})
_SIGNALS = {"pre", "post"}


def use_of(path: Path) -> str | None:
    """What a file or folder is and how it is used, or None where it may be a circuit or weights.

    Examples
    --------
    >>> from pathlib import Path
    >>> use_of(Path("circuit.yaml")) is None
    True
    """
    try:
        if path.is_dir():
            return _folder(path)
        if not path.is_file():
            return None
        with open(path, "rb") as file:
            start = file.read(300)
    except OSError:  # its reader says what is wrong
        return None
    if start[:2] == b"PK":
        return _archive(path)
    kind, ending = file_kind(start), path.suffix.lower()
    if kind == "an HDF5 file" and ending == ".nwb":
        return f"this is a recording (NWB): use its spikes with spikedtp replay --pre-spikes {path}"
    if kind == "an HDF5 file" and ending == ".nir":
        return "this is a NIR graph: take it in Python, with spikedtp.spiking.from_nir(FILE, dt=1*ms)"
    if kind == "a text file" and ending in (".csv", ".tsv"):
        names = {name.strip(' "') for name in re.split(r"[,;\t\r\n]", start.decode("utf-8-sig", errors="replace"))}
        if "cell" in names and names & {"time", "time_s", "time_ms", "time_us"}:  # of columns
            return f"these are spikes: use spikedtp replay --pre-spikes {path}"
        return f"this is a table: if it is a data set, use --data csv:{path}"
    return None


def _folder(path: Path) -> str | None:
    if (path / WEIGHTS_FILE).is_file():
        return f"this is a folder of results: name its weights, {path / WEIGHTS_FILE}"
    if (path / CONFIG_FILE).is_file() and (path / SUMMARY_FILE).is_file():
        return f"this is a folder of results without weights: use spikedtp report {path}"
    return None


def _archive(path: Path) -> str | None:
    try:
        with zipfile.ZipFile(path) as archive:
            names = {name.removesuffix(".npy") for name in archive.namelist() if name.endswith(".npy")}
    except Exception:  # zipfile promises no type for damaged bytes; the reader says what is wrong
        return None
    if any(pair <= names for pair in _DATA):
        return f"this is a data set: use --data npz:{path}"
    if _SIGNALS <= names:
        return f"these are signals for a learning rule: use spikedtp replay --signals {path}"
    return None
