"""``.npz`` files from outside: plain numbers alone, and no more memory than the file says that it needs."""

from __future__ import annotations

import math
import os
import zipfile
from pathlib import Path

import numpy as np

from spikedtp.errors import SpikedtpError
from spikedtp.file_kinds import file_kind

__all__ = ["read_arrays"]

MAX_BYTES = 2**29  # of all arrays together
MAX_ARRAYS = 10_000
_NPZ = "a numpy archive (.npz)"


def read_arrays(path: str | Path, what: str) -> dict[str, np.ndarray]:
    """The arrays of an ``.npz`` file: booleans, integers, floating-point numbers or text.

    Sizes are held against the file's table of contents before memory is taken, and nothing is unpickled.

    Parameters
    ----------
    path : path
    what : str
        How messages call the file, e.g. ``"--signals spikes.npz"``.

    Raises
    ------
    SpikedtpError
        Not readable, of another kind (named), damaged, too large, or an array of something else than numbers.
    """
    if not os.path.isfile(path):
        raise SpikedtpError(f"{what} cannot be read: No such file")
    members: list[zipfile.ZipInfo] = []
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
            if len(members) > MAX_ARRAYS or sum(member.file_size for member in members) > MAX_BYTES:
                raise SpikedtpError(f"{what} holds more than {MAX_BYTES >> 20} MiB: split it")
            found = {member.filename.removesuffix(".npy"): _array(archive, member, what) for member in members}
    except SpikedtpError:
        raise
    except OSError as error:
        raise SpikedtpError(f"{what} cannot be read: {error.strerror or error}") from None
    except Exception:  # zipfile, its decompressors and numpy promise no type for damaged bytes
        with open(path, "rb") as file:
            kind = file_kind(file.read(300), tuple(member.filename for member in members))
        if kind not in ("", _NPZ) and (members or kind != "a zip archive"):
            raise SpikedtpError(f"{what} is not an .npz file of arrays but {kind}: save it with numpy.savez") from None
        raise SpikedtpError(f"{what} is not an .npz file of arrays, or damaged: save it with numpy.savez") from None
    for name, array in found.items():
        if array.dtype.kind not in "biufU":
            hint = ": numpy keeps no bfloat16 or float8, save float32" if array.dtype.kind == "V" else ""
            raise SpikedtpError(f"{what}: the array {name!r} holds {array.dtype}, which are no real numbers{hint}")
    return found


def _array(archive: zipfile.ZipFile, member: zipfile.ZipInfo, what: str) -> np.ndarray:
    """One array, whose header has to fit the size of its member; numpy would allocate before it looks."""
    with archive.open(member) as file:
        version = np.lib.format.read_magic(file)
        read_header = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
        shape, fortran, dtype = read_header[version](file)
        data = file.read(MAX_BYTES + 1)
    if dtype.hasobject:  # a pickle
        raise SpikedtpError(
            f"{what}: the array {member.filename.removesuffix('.npy')!r} holds Python objects: convert it to numbers"
        )
    if any(n < 0 for n in shape) or math.prod(shape) * dtype.itemsize != len(data):
        raise ValueError
    array = np.frombuffer(bytearray(data), dtype=dtype)
    return array.reshape(shape, order="F" if fortran else "C")
