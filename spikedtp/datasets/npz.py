"""``npz:FILE``: inputs and labels in an archive of numpy. Nothing in it is unpickled (`spikedtp.npz`)."""

from __future__ import annotations

import os
import zipfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from spikedtp.datasets.dataset import PARTS, Dataset, assembled, in_two_parts, samples
from spikedtp.errors import SpikedtpError
from spikedtp.npz import read_arrays

__all__ = ["files_of", "load_arrays", "parts_of"]

NAMES = ("train_x", "train_y", "test_x", "test_y")
_OTHERS = {f"{what}_{part}": f"{part}_{what}" for part in PARTS for what in "xy"}  # as Keras writes them
_WANTED = f"an archive holds {', '.join(NAMES)}, or x and y"


def load_arrays(argument: str, parts: Sequence[str]) -> Dataset:
    """The arrays of the file. The number of classes is that of both parts, whichever was asked for."""
    spec, found = f"npz:{argument}", _arrays(argument)
    if "x" in found:
        halves, shape = in_two_parts(spec, found["x"], found["y"])
        return assembled(spec, shape, halves)
    halves, shapes = {}, []
    for part in PARTS:
        if f"{part}_x" in found:
            names = (f"{part}_x", f"{part}_y")
            halves[part], shape = samples(*(f"{spec}: {name}" for name in names), *(found[name] for name in names))
            shapes.append(shape)
        elif part in parts:
            raise SpikedtpError(f"{spec}: has no {part}_x and {part}_y: {_WANTED}")
    if len(set(shapes)) > 1:
        raise SpikedtpError(f"{spec}: train_x and test_x are images of other sizes, {shapes[0]} and {shapes[1]}")
    return assembled(spec, shapes[0], halves)


def parts_of(argument: str) -> tuple[str, ...]:
    try:
        with zipfile.ZipFile(files_of(argument)[0]) as archive:
            found = {_OTHERS.get(name := path.removesuffix(".npy"), name) for path in archive.namelist()}
    except Exception:  # zipfile promises no type for damaged bytes; reading says what is wrong
        return PARTS
    return tuple(part for part in PARTS if f"{part}_x" in found) or PARTS


def files_of(argument: str) -> list[Path]:
    return [Path(os.path.expanduser(argument))]


def _arrays(argument: str) -> dict[str, np.ndarray]:
    """The arrays by our names: complete pairs of x and y, of one kind or the other."""
    spec = f"npz:{argument}"
    given = read_arrays(files_of(argument)[0], spec)
    found = {_OTHERS.get(name, name): array for name, array in given.items()}
    if len(found) < len(given):
        raise SpikedtpError(f"{spec}: holds one array under two names ({', '.join(given)}): {_WANTED}")
    if others := [name for name in found if name not in (*NAMES, "x", "y")]:
        raise SpikedtpError(f"{spec}: holds {', '.join(others)} too, which has no meaning here: {_WANTED}")
    pairs = {name: name[:-1] + ("y" if name.endswith("x") else "x") for name in found}
    if missing := [other for other in pairs.values() if other not in found]:
        raise SpikedtpError(f"{spec}: has no {', '.join(missing)}: {_WANTED}")
    if not found or ("x" in found and len(found) > 2):
        raise SpikedtpError(f"{spec}: holds {', '.join(found) or 'nothing'}: {_WANTED}")
    for name, array in found.items():
        if not array.size:
            raise SpikedtpError(f"{spec}: {name} is empty, {array.shape}")
    return found
