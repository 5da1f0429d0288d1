"""Data sets by name: ``digits``, ``FORMAT:PLACE``, and those that scripts and packages add. Formats live elsewhere."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

from spikedtp.datasets import mnist, named, npz, spirals, table
from spikedtp.datasets.dataset import PARTS, Dataset
from spikedtp.errors import SpikedtpError, in_one_line, known_names, shown
from spikedtp.parameters import check_whole
from spikedtp.registries import Registry

__all__ = ["DATASETS", "data_files", "load", "parts_of", "register_dataset"]

Loader = Callable[..., Dataset]
AnyLoader = TypeVar("AnyLoader", bound=Loader)


def load(
    spec: str,
    parts: Sequence[str] = PARTS,
    *,
    n_classes: int | None = None,
    scale: str = "none",
    on_off: bool = False,
) -> Dataset:
    """Load the data set that `spec` names.

    Parameters
    ----------
    spec : str
        ``digits`` is scikit-learn's 8 x 8 digits, 1,198 to train and 599 to test. They come with scikit-learn.
        ``sklearn:NAME`` is another of its data sets: iris, wine, breast_cancer, or digits again.
        ``spirals`` is four arms of noisy points, signed inputs for rate networks: 5,600 to train and 1,200 to test.
        ``spirals:validation`` has 1,200 others to test, for choices. With "none" they stay as they are, as with "raw".
        ``mnist:DIR`` is the IDX files in DIR, gzipped or not: ``train-*`` to train, ``t10k-*`` to test. It may also be
        a folder of torchvision (``raw``, or the one above), or DIR/emnist-letters for the files of that name in DIR.
        ``npz:FILE`` is an archive of numpy with the arrays ``train_x, train_y, test_x, test_y``, or ``x, y``.
        ``csv:FILE`` is a table of numbers with one row per sample. Labels stand in the column ``label``, ``target``,
        ``class`` or ``y``, else in the last one. A column ``part`` may say ``train`` or ``test``.
        ``NAME`` or ``NAME:ARGUMENT`` is what `register_dataset` or an installed package has given this name.

        Data without parts of their own are split: a third of each class is held out, always the same samples.
    parts : sequence of {"train", "test"}
        The parts to read. Files of the other part need not exist, unless a scaling has to be computed.
    n_classes : int, optional
        The length of the targets, which is the number of output cells of the circuit for which they are. By default it
        is what the labels need, and at least 10 for digits and ``mnist:DIR``.
    scale : {"none", "minmax", "standard", "max", "raw"}
        How inputs are brought to [0, 1]. With "none" they have to lie there. "minmax" is the lowest and the highest
        value of each input in the training part. "standard" is three standard deviations around the mean of each input.
        "max" divides all inputs by one number, the largest one of the training part. Test inputs beyond the range are
        set to its end. "raw" leaves them as they are, even outside [0, 1], where only a rate network or the open loop
        with on and off cells can take them.
    on_off : bool
        Whether inputs are signed and each becomes two: its positive part and the size of its negative part. The ranges
        of `scale` are then [-1, 1].

    Returns
    -------
    Dataset

    Raises
    ------
    SpikedtpError
        The data set is unknown; files are missing, damaged or do not belong together; inputs are outside [0, 1]; a
        label is beyond `n_classes`.

    Examples
    --------
    >>> from spikedtp.datasets import load
    >>> images = load("digits", parts=["test"])
    >>> images.test_x.shape, images.test_t.shape, len(images.train_x)
    ((599, 64), (599, 10), 0)
    >>> flowers = load("sklearn:iris", scale="minmax")
    >>> flowers.n_inputs, flowers.n_classes, len(flowers.train_y), len(flowers.test_y)
    (4, 3, 99, 51)
    """
    if isinstance(parts, str):
        parts = (parts,)
    if n_classes is not None:
        n_classes = check_whole("n_classes", n_classes, least=1)
    if not parts:
        raise SpikedtpError("parts: name 'train', 'test' or both")
    for part in parts:
        if part not in PARTS:
            raise known_names("part of a data set", part, PARTS)
    kind, loader, argument = _named(spec)
    needed = tuple(part for part in PARTS if part in parts or (part == "train" and scale not in ("none", "raw")))
    told = {"n_classes": n_classes} if "n_classes" in inspect.signature(loader).parameters else {}
    try:
        found = loader(argument, needed, **told)
    except SpikedtpError:
        raise
    except Exception as problem:
        if kind in DATASETS.shipped():
            raise
        raise SpikedtpError(f"data set {spec!r}: its loader failed: {in_one_line(problem)}") from problem
    if not isinstance(found, Dataset):
        raise SpikedtpError(
            f"data set {spec!r}: its loader must return a spikedtp.datasets.Dataset, got {shown(found)}"
        )
    if n_classes is not None:
        found = found.with_classes(n_classes)
    if kind in _SIGNED and scale == "none" and not on_off:
        scale = "raw"
    return found.scaled(scale, on_off=on_off).only(parts)


def parts_of(spec: str) -> tuple[str, ...]:
    """The parts that a data set has. Of one that was registered they are not known before it is loaded: both."""
    kind, _, argument = _named(spec)
    looks = {"mnist": mnist.parts_of, "npz": npz.parts_of}
    return looks[kind](argument) if kind in looks else PARTS


def data_files(spec: str) -> list[Path]:
    """The files of a data set that are known by their place: what a result depends on."""
    kind, _, argument = _named(spec)
    looks = {"mnist": mnist.files_of, "npz": npz.files_of, "csv": table.files_of}
    return looks[kind](argument) if kind in looks else []


def _named(spec: str) -> tuple[str, Loader, str]:
    """Name, loader and argument of a data set."""
    spec = str(spec)
    kind, colon, argument = spec.partition(":")
    if kind not in DATASETS or (kind == "digits" and colon):
        raise known_names("data set", spec, (_WRITTEN.get(name, name) for name in DATASETS))
    if kind in _WRITTEN and not argument:
        raise SpikedtpError(f"data set {kind!r} needs {_NEEDS[kind]}: write {_WRITTEN[kind]}")
    return kind, DATASETS[kind], argument


def _check_loader(name: str, loader: Any) -> None:
    if not callable(loader):
        raise SpikedtpError(
            f"the data set {name!r} must be a function (argument, parts) -> Dataset, got {shown(loader)}"
        )


_WRITTEN = {"mnist": "mnist:DIR", "npz": "npz:FILE", "csv": "csv:FILE", "sklearn": "sklearn:NAME"}
_SIGNED = {"spirals"}  # their circuits take them as they are
_NEEDS = {
    "mnist": "the folder of its IDX files", "npz": "a file", "csv": "a file", "sklearn": "a name",
}  # fmt: skip
DATASETS: Registry[Loader] = Registry(
    "data set",
    "spikedtp.datasets",
    {
        "digits": named.load_digits,
        "spirals": spirals.load_spirals,
        "mnist": mnist.load_folder,
        "npz": npz.load_arrays,
        "csv": table.load_table,
        "sklearn": named.load_named,
    },
    check=_check_loader,
)


def register_dataset(name: str, loader: AnyLoader | None = None) -> Any:
    """Give a data set of your own a name, for `load` and ``--data NAME`` or ``--data NAME:ARGUMENT``.

    Parameters
    ----------
    name : str
    loader : callable, optional
        ``loader(argument, parts) -> Dataset``: `argument` is what follows the colon, "" without one; `parts` the halves
        to read, as in `load`. A loader with a third parameter `n_classes` is told the number of output cells (or None).
        Inputs need not lie in [0, 1]: `load` scales them as it is asked to. Without a loader, this is a decorator.

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
    >>> import numpy as np
    >>> from spikedtp.datasets import Dataset, load, register_dataset
    >>> @register_dataset("stripes")
    ... def stripes(argument, parts):
    ...     y = np.arange(20) % 2
    ...     x = np.eye(2, dtype=np.float32)[y].repeat(2, axis=1)
    ...     return Dataset.from_arrays(x[:10], y[:10], x[10:], y[10:], name="stripes")
    >>> load("stripes", n_classes=10).test_t.shape
    (10, 10)
    """
    if loader is None:
        return lambda function: DATASETS.register(name, function)
    return DATASETS.register(name, loader)
