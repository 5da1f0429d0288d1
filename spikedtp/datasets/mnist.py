"""``mnist:DIR``: folders of IDX files as MNIST, Fashion-MNIST, EMNIST and torchvision have them, of any shape."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from spikedtp.datasets.dataset import PARTS, Dataset, assembled
from spikedtp.datasets.idx import read_idx
from spikedtp.errors import SpikedtpError

__all__ = ["files_of", "load_folder", "parts_of"]

N_CLASSES = 10  # at least: a small part of MNIST may lack some of them
_PREFIXES = {"train": ("train",), "test": ("t10k", "test")}  # the second as EMNIST has it


class _Place(NamedTuple):
    """A folder, and the beginning of the names of one data set's files in it: "" or, say, ``emnist-letters-``."""

    folder: Path
    name: str

    def file(self, part: str, what: str, n_dims: int) -> Path | None:
        """The images or the labels of a part: plain before gzipped, with a dash before idx or a dot."""
        names = [
            f"{self.name}{prefix}-{what}{dot}idx{n_dims}-ubyte{suffix}"
            for prefix in _PREFIXES[part]
            for dot in "-."
            for suffix in ("", ".gz")
        ]
        return next((path for name in names if os.path.isfile(path := self.folder / name)), None)

    def needed(self, part: str, what: str, n_dims: int) -> Path:
        found = self.file(part, what, n_dims)
        if found is None:
            name = f"{self.name}{_PREFIXES[part][0]}-{what}-idx{n_dims}-ubyte"
            raise SpikedtpError(
                f"{str(self.folder)!r} has no file {name} or {name}.gz; put one there, or name another folder"
            )
        return found


def load_folder(argument: str, parts: Sequence[str], n_classes: int | None) -> Dataset:
    """The IDX files of a folder, pixels / 255. Images stay as they are in the files: EMNIST's lie on their side."""
    spec, place = f"mnist:{argument}", _place(argument)
    halves, shapes = {}, {}
    for part in PARTS:
        if part in parts:
            x, y, shapes[part] = _half(place, part, n_classes)
            halves[part] = x, y
    if len(set(shapes.values())) > 1:
        train, test = (f"{rows} x {columns}" for rows, columns in shapes.values())
        raise SpikedtpError(
            f"data set {spec!r}: train images are {train} pixels, test images {test}; both halves must come from one "
            "data set"
        )
    return assembled(spec, next(iter(shapes.values()), None), halves, at_least=n_classes or N_CLASSES)


def parts_of(argument: str) -> tuple[str, ...]:
    """The parts with a file of images or labels: half a pair is an error of its own, when it is read."""
    place = _place(argument)
    return tuple(part for part in PARTS if place.file(part, "images", 3) or place.file(part, "labels", 1))


def files_of(argument: str) -> list[Path]:
    place = _place(argument)
    found = (place.file(part, *kind) for part in PARTS for kind in (("images", 3), ("labels", 1)))
    return [path for path in found if path is not None]


def _half(place: _Place, part: str, n_classes: int | None) -> tuple[np.ndarray, np.ndarray, tuple[int, int]]:
    image_file, label_file = place.needed(part, "images", 3), place.needed(part, "labels", 1)
    images, labels = read_idx(image_file, 3), read_idx(label_file, 1)
    n, rows, columns = images.shape
    if n != len(labels):
        raise SpikedtpError(
            f"{image_file} holds {n} images but {label_file} {len(labels)} labels; both must come from one data set"
        )
    highest = int(labels.max())
    if n_classes is not None and highest >= n_classes:
        raise SpikedtpError(
            f"{label_file}: label {highest} of sample {labels.argmax()} needs a circuit with at least {highest + 1} "
            f"output cells, this one has {n_classes}: fit it to the data with --fit-sizes"
        )
    x = images.reshape(n, rows * columns).astype(np.float32)
    x /= np.float32(255)
    return x, labels.astype(np.int64), (rows, columns)


# --- where the files are ----------------------------------------------------------------------------------------------


def _place(argument: str) -> _Place:
    """The folder itself, its `raw` or that of one folder in it (torchvision's), or files that begin with a name."""
    spec, folder = f"mnist:{argument}", Path(os.path.expanduser(argument))
    if not os.path.isdir(folder):
        name = f"{folder.name}-"
        if name in _names(folder.parent):
            return _Place(folder.parent, name)
        raise SpikedtpError(
            f"data set {spec!r}: {str(folder)!r} is {'a file, no folder' if os.path.exists(folder) else 'no folder'}; "
            "name one that holds train-images-idx3-ubyte[.gz] and its companions"
        )
    found = {place: _names(place) for place in (folder, folder / "raw")}
    if not any(found.values()):
        found = {place: _names(place) for place in sorted(folder.glob("*/raw"))}
    choices = [_Place(place, name) for place, names in found.items() for name in names]
    plain = [choice for choice in choices if not choice.name]
    if len(plain or choices) > 1:
        named = ", ".join(f"mnist:{place / name.rstrip('-')}" for place, name in (plain or choices))
        raise SpikedtpError(f"data set {spec!r}: there are files of several data sets: choose one of {named}")
    return (plain or choices or [_Place(folder, "")])[0]


def _names(folder: Path) -> list[str]:
    """How the names of images or labels in a folder begin, before ``train``, ``t10k`` or ``test``."""
    try:
        files = [path.name for path in folder.iterdir()]
    except OSError:
        return []
    ends = [
        f"{prefix}-{what}" for prefixes in _PREFIXES.values() for prefix in prefixes for what in ("images", "labels")
    ]
    starts = {
        file.partition(end)[0] for file in files for end in ends if end in file and "idx" in file and "-ubyte" in file
    }
    return sorted(start for start in starts if not start or start.endswith("-"))
