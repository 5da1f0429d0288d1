"""Images and labels: scikit-learn's digits and IDX files, such as MNIST's. No network access, no computing on images.

A data set is named by a *spec*: ``digits``, ``mnist:DIR``, or ``NAME`` or ``NAME:ARGUMENT`` of one that was registered.
"""

from __future__ import annotations

import gzip
import inspect
import math
import os
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from io import BufferedIOBase
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from spikedtp.errors import SpikedtpError, known_names, shown
from spikedtp.file_kinds import file_kind
from spikedtp.parameters import check_whole
from spikedtp.registries import Registry
from spikedtp.summaries import Summarised, counted

__all__ = ["DATASETS", "Dataset", "load", "read_idx", "register_dataset"]

N_CLASSES = 10  # of digits, and at least: a small part of MNIST may lack some of them
PARTS = ("train", "test")

# The held-out third of the digits. Of the seeds 0 to 199 this one leaves the classes most even (57 to 63 of each in the
# test set); nothing was trained to choose it. The order is a stable sort of raw PCG64 words: numpy promises that this
# stream never changes, while the algorithms behind `shuffle` and `permutation` may.
DIGITS_SPLIT_SEED = 8
DIGITS_N_TEST = 599

_IDX_UBYTE = 0x08
_MAX_IDX_BYTES = 256 * 2**20  # about six times the full MNIST training set
_MAX_DEFLATE_RATIO = 1032  # no deflate stream expands more than this
_CHUNK = 2**20
_MNIST_PREFIX = {"train": "train", "test": "t10k"}


@dataclass(frozen=True, repr=False)
class Dataset(Summarised):
    """Images with their labels, in two parts. A part that was not asked for has zero rows.

    Attributes
    ----------
    name : str
        The `spec` from which it was loaded.
    side : int
        Images are ``side`` x ``side`` pixels, flattened row by row.
    train_x, test_x : ndarray, (samples, side * side), float32
        Pixels in [0, 1].
    train_t, test_t : ndarray, (samples, n_classes), float32
        One-hot targets.
    train_y, test_y : ndarray, (samples,), int64
        Labels from 0 to ``n_classes - 1``. Not all of them need occur: EMNIST's letters begin at 1.
    """

    name: str
    side: int
    train_x: np.ndarray
    train_t: np.ndarray
    train_y: np.ndarray
    test_x: np.ndarray
    test_t: np.ndarray
    test_y: np.ndarray

    def _headline(self) -> str:
        return f"{self.name}, {counted(self.n_inputs, 'input')}, {self.n_classes} classes"

    def _parts(self) -> dict[str, str]:
        return {
            part: f"x {x.shape}, t {t.shape}, y {y.shape}" if len(x) else "not read"
            for part, x, t, y in (
                ("train", self.train_x, self.train_t, self.train_y),
                ("test", self.test_x, self.test_t, self.test_y),
            )
        }

    @property
    def n_inputs(self) -> int:
        return self.side * self.side

    @property
    def n_classes(self) -> int:
        return self.train_t.shape[1]


def load(spec: str, parts: Sequence[str] = PARTS, *, n_classes: int | None = None) -> Dataset:
    """Load the data set that `spec` names.

    Parameters
    ----------
    spec : str
        ``digits`` is scikit-learn's 8 x 8 digits, 1,198 to train and 599 to test. They come with scikit-learn.
        ``mnist:DIR`` is the IDX files in DIR, gzipped or not: ``train-*`` to train, ``t10k-*`` to test.
        ``NAME`` or ``NAME:ARGUMENT`` is what `register_dataset` or an installed package has given this name.
    parts : sequence of {"train", "test"}
        The parts to read. Files of the other part need not exist.
    n_classes : int, optional
        The length of the targets, which is the number of output cells of the circuit for which they are. The default is
        10, or more if a label of these parts needs it.

    Returns
    -------
    Dataset

    Raises
    ------
    SpikedtpError
        The data set is unknown; files are missing, damaged or do not belong together; or a label is beyond `n_classes`.

    Examples
    --------
    >>> from spikedtp.datasets import load
    >>> images = load("digits", parts=["test"])
    >>> images.test_x.shape, images.test_t.shape, len(images.train_x)
    ((599, 64), (599, 10), 0)
    """
    if isinstance(parts, str):
        parts = (parts,)
    if n_classes is not None:
        n_classes = check_whole("n_classes", n_classes, least=1)
    for part in parts:
        if part not in PARTS:
            raise known_names("part of a data set", part, PARTS)
    spec = str(spec)
    kind, colon, argument = spec.partition(":")
    if kind not in DATASETS or (kind == "digits" and colon):
        raise known_names("data set", spec, ("mnist:DIR" if name == "mnist" else name for name in DATASETS))
    loader = DATASETS[kind]
    told = {"n_classes": n_classes} if "n_classes" in inspect.signature(loader).parameters else {}
    return _fitting(loader(argument, parts, **told), spec, n_classes)


def _assemble(
    name: str,
    side: int,
    halves: dict[str, tuple[np.ndarray, np.ndarray]],
    parts: Sequence[str],
    n_classes: int | None,
) -> Dataset:
    needed = max((int(halves[part][1].max()) + 1 for part in PARTS if part in parts), default=0)
    n_classes = max(N_CLASSES, needed) if n_classes is None else n_classes
    if needed > n_classes:
        raise SpikedtpError(f"data set {name!r} has {needed} classes, the circuit {n_classes} output cells: change one")
    arrays = {}
    for part in PARTS:
        if part in parts:
            x, y = halves[part]
        else:
            x, y = np.zeros((0, side * side), np.float32), np.zeros(0, np.int64)
        arrays[f"{part}_x"] = x
        arrays[f"{part}_t"] = np.eye(n_classes, dtype=np.float32)[y]
        arrays[f"{part}_y"] = y
    return Dataset(name=name, side=side, **arrays)


# --- digits ----------------------------------------------------------------------------------------------------------


def _digits_order(n: int) -> np.ndarray:
    words = np.random.PCG64(DIGITS_SPLIT_SEED).random_raw(n)
    return np.argsort(words, kind="stable")


def _digits(argument: str, parts: Sequence[str], n_classes: int | None) -> Dataset:
    # slow to import, and MNIST users do not need it
    from sklearn.datasets import load_digits

    bunch = load_digits()
    x = np.asarray(bunch.data, dtype=np.float32) / np.float32(16)
    y = np.asarray(bunch.target, dtype=np.int64)
    order = _digits_order(len(y))
    train, test = order[DIGITS_N_TEST:], order[:DIGITS_N_TEST]
    return _assemble("digits", 8, {"train": (x[train], y[train]), "test": (x[test], y[test])}, parts, n_classes)


# --- MNIST -----------------------------------------------------------------------------------------------------------


def _mnist(argument: str, parts: Sequence[str], n_classes: int | None) -> Dataset:
    if not argument:
        raise SpikedtpError(
            "data set 'mnist' needs the folder of its IDX files: write mnist:DIR, e.g. mnist:data/mnist"
        )
    spec, folder = f"mnist:{argument}", Path(os.path.expanduser(argument))
    if not os.path.isdir(folder):
        raise SpikedtpError(
            f"data set {spec!r}: {str(folder)!r} is {'a file, no folder' if os.path.exists(folder) else 'no folder'}; "
            "name one that holds train-images-idx3-ubyte[.gz] and its companions"
        )
    halves, sides = {}, {}
    for part in PARTS:
        if part in parts:
            x, y, sides[part] = _mnist_half(folder, _MNIST_PREFIX[part], n_classes)
            halves[part] = x, y
    if len(set(sides.values())) > 1:
        raise SpikedtpError(
            f"data set {spec!r}: train images are {sides['train']} pixels wide, t10k images {sides['test']}; "
            "both halves must come from one data set"
        )
    side = next(iter(sides.values()), 28)
    return _assemble(spec, side, halves, parts, n_classes)


def _mnist_half(folder: Path, prefix: str, n_classes: int | None) -> tuple[np.ndarray, np.ndarray, int]:
    image_file = _find(folder, f"{prefix}-images", "idx3")
    label_file = _find(folder, f"{prefix}-labels", "idx1")
    images, labels = read_idx(image_file, 3), read_idx(label_file, 1)
    n, rows, columns = images.shape
    if rows != columns:
        raise SpikedtpError(f"{image_file}: images are {rows} x {columns} pixels; only square images can be used")
    if n != len(labels):
        raise SpikedtpError(
            f"{image_file} holds {n} images but {label_file} {len(labels)} labels; both must come from one data set"
        )
    highest = int(labels.max())
    if n_classes is not None and highest >= n_classes:
        raise SpikedtpError(
            f"{label_file}: label {highest} of sample {labels.argmax()} needs a circuit with at least {highest + 1} "
            f"output cells, this one has {n_classes}"
        )
    x = images.reshape(n, rows * columns).astype(np.float32)
    x /= np.float32(255)
    return x, labels.astype(np.int64), rows


def _find(folder: Path, stem: str, kind: str) -> Path:
    names = [f"{stem}{dot}{kind}-ubyte{suffix}" for dot in "-." for suffix in ("", ".gz")]
    for name in names:
        if os.path.isfile(folder / name):
            return folder / name
    raise SpikedtpError(f"{str(folder)!r} has no file {names[0]} or {names[1]}; put one there, or name another folder")


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


# --- by name ---------------------------------------------------------------------------------------------------------

Loader = Callable[..., Dataset]
AnyLoader = TypeVar("AnyLoader", bound=Loader)


def _check_loader(name: str, loader: Any) -> None:
    if not callable(loader):
        raise SpikedtpError(
            f"the data set {name!r} must be a function (argument, parts) -> Dataset, got {shown(loader)}"
        )


DATASETS: Registry[Loader] = Registry(
    "data set", "spikedtp.datasets", {"digits": _digits, "mnist": _mnist}, check=_check_loader
)


def register_dataset(name: str, loader: AnyLoader | None = None) -> Any:
    """Give a data set of your own a name, for `load` and ``--data NAME`` or ``--data NAME:ARGUMENT``.

    Parameters
    ----------
    name : str
    loader : callable, optional
        ``loader(argument, parts) -> Dataset``: `argument` is what follows the colon, "" without one; `parts` the halves
        to read, as in `load`. A loader with a third parameter `n_classes` is told the number of output cells (or None).
        Without a loader, this is a decorator.

    Returns
    -------
    callable
        The loader.

    Raises
    ------
    SpikedtpError
        A name that is taken, or what is no function.

    Examples
    --------
    >>> @register_dataset("stripes")
    ... def stripes(argument, parts):
    ...     y = np.arange(20) % 2
    ...     x = np.eye(2, dtype=np.float32)[y].repeat(2, axis=1)
    ...     t = np.eye(2, dtype=np.float32)[y]
    ...     return Dataset("stripes", 2, x[:10], t[:10], y[:10], x[10:], t[10:], y[10:])
    >>> load("stripes", n_classes=10).test_t.shape
    (10, 10)
    """
    if loader is None:
        return lambda function: DATASETS.register(name, function)
    return DATASETS.register(name, loader)


def _fitting(found: Any, spec: str, n_classes: int | None) -> Dataset:
    """What a loader gave, if it is a data set, with targets of `n_classes`."""
    if not isinstance(found, Dataset):
        raise SpikedtpError(
            f"data set {spec!r}: its loader must return a spikedtp.datasets.Dataset, got {shown(found)}"
        )
    changed = {}
    for part in PARTS:
        x, t, y = (getattr(found, f"{part}_{what}") for what in "xty")
        wanted = (len(y), found.n_inputs)
        if np.shape(x) != wanted or np.shape(t) != (len(y), found.n_classes):
            raise SpikedtpError(
                f"data set {spec!r}: {part}_x must be (samples, side * side) = {wanted} and {part}_t (samples, "
                f"n_classes) = {(len(y), found.n_classes)}, got {np.shape(x)} and {np.shape(t)}"
            )
        if n_classes is not None and found.n_classes != n_classes:
            highest = int(np.max(y, initial=-1))
            if highest >= n_classes:
                raise SpikedtpError(
                    f"data set {spec!r} has {highest + 1} classes, the circuit {n_classes} output cells: change one"
                )
            changed[f"{part}_t"] = np.eye(n_classes, dtype=np.float32)[y]
    return replace(found, **changed) if changed else found
