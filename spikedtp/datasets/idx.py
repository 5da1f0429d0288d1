"""IDX files of unsigned bytes, gzipped or not: the format of MNIST and of many data sets after it."""

from __future__ import annotations

import gzip
import math
import zlib
from io import BufferedIOBase
from pathlib import Path

import numpy as np

from spikedtp.errors import SpikedtpError
from spikedtp.file_kinds import file_kind

__all__ = ["read_idx"]

_IDX_UBYTE = 0x08
_MAX_IDX_BYTES = 600 * 2**20  # EMNIST by class has 522 MiB of pixels
_MAX_DEFLATE_RATIO = 1032  # no deflate stream expands more than this
_CHUNK = 2**20


def read_idx(path: str | Path, n_dims: int) -> np.ndarray:
    """Read one IDX file of unsigned bytes, gzipped or not.

    The header is held against the real length of the file before memory is taken, and a gzip stream is read no further
    than the header allows, so a damaged or hostile file costs no more than its honest size.

    Parameters
    ----------
    path : str or Path
    n_dims : int
        The number of dimensions that the file must have: 3 for images, 1 for labels.

    Returns
    -------
    ndarray, uint8, of the shape in the header

    Raises
    ------
    SpikedtpError
        Not an IDX file, another type or number of dimensions, too long, too short, too large, unreadable.
    """
    path = Path(path)
    try:
        with open(path, "rb") as raw:
            zipped = raw.read(2) == b"\x1f\x8b"
            size = path.stat().st_size
            raw.seek(0)
            if zipped:
                with gzip.GzipFile(fileobj=raw) as stream:
                    return _parse_idx(stream, path, n_dims, size * _MAX_DEFLATE_RATIO, exact=False)
            return _parse_idx(raw, path, n_dims, size, exact=True)
    except SpikedtpError:
        raise
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise SpikedtpError(f"{path}: damaged gzip file ({error}); get the file again") from None
    except OSError as error:
        raise SpikedtpError(f"{path}: cannot be read ({error.strerror or error}); check the path and rights") from None


def _parse_idx(stream: BufferedIOBase, path: Path, n_dims: int, available: int, *, exact: bool) -> np.ndarray:
    header = stream.read(4 + 4 * n_dims)
    magic = bytes((0, 0, _IDX_UBYTE, n_dims))
    if header[:4] != magic:
        what = {1: "labels", 3: "images"}.get(n_dims, f"{n_dims} dimensions")
        kind = file_kind(header + stream.read(300))
        raise SpikedtpError(
            f"{path}: starts with {header[:4].hex() or 'nothing'}{f' ({kind})' if kind else ''}, an IDX file of {what} "
            f"with {magic.hex()}; check that this is the right file"
        )
    if len(header) < 4 + 4 * n_dims:
        raise SpikedtpError(f"{path}: ends inside its header; get the file again")
    shape = tuple(int.from_bytes(header[k : k + 4], "big") for k in range(4, len(header), 4))
    n_bytes = math.prod(shape)
    dims = " x ".join(map(str, shape))
    if n_bytes == 0:
        raise SpikedtpError(f"{path}: its header says {dims}: there is nothing in it; get the file again")
    if n_bytes > _MAX_IDX_BYTES:
        raise SpikedtpError(
            f"{path}: its header says {dims} bytes, more than the {_MAX_IDX_BYTES >> 20} MiB that are read; "
            "split the file, or get it again"
        )
    rest = available - len(header)
    if rest < n_bytes or (exact and rest > n_bytes):
        at_most = "" if exact else "at most "
        raise SpikedtpError(
            f"{path}: its header says {dims} = {n_bytes} bytes, the file holds {at_most}{rest}; get the file again"
        )
    data = _read_at_most(stream, n_bytes + 1)
    if len(data) != n_bytes:
        held = f"{len(data)}" if len(data) < n_bytes else "more"
        raise SpikedtpError(
            f"{path}: its header says {dims} = {n_bytes} bytes, the file holds {held}; get the file again"
        )
    return np.frombuffer(bytes(data), dtype=np.uint8).reshape(shape)


def _read_at_most(stream: BufferedIOBase, n: int) -> bytearray:
    """Read to the end, but no more than `n` bytes, taking memory only as data arrives."""
    data = bytearray()
    while len(data) < n:
        chunk = stream.read(min(_CHUNK, n - len(data)))
        if not chunk:
            break
        data += chunk
    return data
