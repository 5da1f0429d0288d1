"""A data set as every command takes it: inputs, targets and labels in two parts. Where they come from is elsewhere."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import prod
from typing import Any

import numpy as np

from spikedtp.datasets.labels import class_numbers, input_rows, one_hot
from spikedtp.datasets.scaling import Scaling, fit_scaling
from spikedtp.datasets.split import raw_order, train_and_test
from spikedtp.errors import SpikedtpError, shown
from spikedtp.summaries import Summarised, counted

__all__ = ["PARTS", "Dataset", "assembled", "in_two_parts", "samples"]

PARTS = ("train", "test")
Shape = tuple[int, int] | None


@dataclass(frozen=True, repr=False)
class Dataset(Summarised):
    """Inputs with their labels, in two parts. A part that was not asked for, or that is not there, has zero rows.

    Attributes
    ----------
    name : str
        The `spec` from which it was loaded.
    shape : (int, int) or None
        (rows, columns) of images, which are flattened row by row. None for other inputs. One number n is (n, n).
    train_x, test_x : ndarray, (samples, n_inputs), float32
        Inputs. `load` and `from_arrays` see to it that they lie in [0, 1].
    train_t, test_t : ndarray, (samples, n_classes), float32
        One-hot targets.
    train_y, test_y : ndarray, (samples,), int64
        Labels from 0 to ``n_classes - 1``. Not all of them need occur: EMNIST's letters begin at 1.
    scaling : Scaling or None
        What was done to the inputs; it can be called with further ones.
    input_names : tuple of str
        What the inputs are called where a table names its columns, else nothing.
    label_name : str
        The column of labels, or "".

    Examples
    --------
    A training step, a spiking presentation and the comparison, with arrays of one's own:

    >>> import numpy as np
    >>> from spikedtp import compare_updates, load_rate_network, simulate
    >>> from spikedtp.circuit import read_circuit
    >>> from spikedtp.datasets import Dataset
    >>> from spikedtp.rate.online import train_online
    >>> rng = np.random.default_rng(0)
    >>> y = np.arange(60) % 4
    >>> x = rng.normal(size=(60, 33)) + 3 * np.eye(33)[y]
    >>> data = Dataset.from_arrays(x, y, scale="minmax")
    >>> data.n_inputs, data.n_classes, len(data.train_y), len(data.test_y)
    (33, 4, 40, 20)
    >>> circuit = read_circuit("digits_dtp").with_sizes(data.n_inputs, data.n_classes)
    >>> network = load_rate_network(circuit, seed=0)
    >>> for step in train_online(network, data.train_x, data.train_t, n_samples=40, data_seed=0):
    ...     pass
    >>> x, target = data.test_x[:2], data.test_t[:2]
    >>> spiking = simulate(network, x, target, population="H2E", device="runtime")
    >>> table = compare_updates(network.present(x, target), spiking)
    >>> table["n_synapses"].unique().tolist()
    [40000, 6000]
    """

    name: str
    shape: Shape
    train_x: np.ndarray
    train_t: np.ndarray
    train_y: np.ndarray
    test_x: np.ndarray
    test_t: np.ndarray
    test_y: np.ndarray
    scaling: Scaling | None = None
    input_names: tuple[str, ...] = ()
    label_name: str = ""

    def __post_init__(self) -> None:
        if isinstance(self.shape, int | np.integer):  # the side of square images
            object.__setattr__(self, "shape", (int(self.shape), int(self.shape)))
        told = f"data set {self.name!r}"
        for part in PARTS:
            x, t, y = (np.shape(getattr(self, f"{part}_{what}")) for what in "xty")
            wanted = [(*y, *np.shape(first)[-1:]) for first in (self.train_x, self.train_t)]
            if len(y) != 1 or [x, t] != wanted:
                raise SpikedtpError(
                    f"{told}: {part}_x must be (samples, inputs), {part}_t (samples, classes) and {part}_y (samples,), "
                    f"as many inputs and classes in both parts, got {x}, {t} and {y}"
                )
        if self.input_names and len(self.input_names) != self.n_inputs:
            raise SpikedtpError(f"{told}: {self.n_inputs} inputs have {len(self.input_names)} input_names")
        if self.shape is not None and prod(self.shape) != self.n_inputs:
            raise SpikedtpError(
                f"{told}: its shape must be None or (rows, columns) of its {self.n_inputs} inputs, got "
                f"{shown(self.shape)}"
            )

    def _headline(self) -> str:
        image = "" if self.shape is None else f" ({self.shape[0]} x {self.shape[1]})"
        return f"{self.name}, {counted(self.n_inputs, 'input')}{image}, {self.n_classes} classes"

    def _parts(self) -> dict[str, str]:
        found = {
            part: f"x {x.shape}, t {t.shape}, y {y.shape}" if len(x) else "no samples"
            for part, x, t, y in (
                ("train", self.train_x, self.train_t, self.train_y),
                ("test", self.test_x, self.test_t, self.test_y),
            )
        }
        found |= {} if self.scaling is None else {"scaling": repr(self.scaling).partition(": ")[2]}
        return found | ({"labels": f"column {self.label_name!r}"} if self.label_name else {})

    @property
    def side(self) -> int:
        """The side of images that are square."""
        if self.shape is None or self.shape[0] != self.shape[1]:
            raise SpikedtpError(f"data set {self.name!r} has no square images: its shape is {self.shape}")
        return self.shape[0]

    @property
    def n_inputs(self) -> int:
        return self.train_x.shape[1]

    @property
    def n_classes(self) -> int:
        return self.train_t.shape[1]

    @property
    def n_labels(self) -> int:
        """One more than the highest label that occurs in either part: the classes that output cells are needed for."""
        return 1 + max(int(np.max(y, initial=-1)) for y in (self.train_y, self.test_y))

    def with_classes(self, n_classes: int) -> Dataset:
        """The same samples with targets for `n_classes` output cells.

        Raises
        ------
        SpikedtpError
            A label is beyond them.
        """
        if n_classes == self.n_classes:
            return self
        if self.n_labels > n_classes:
            column = f" (in its column {self.label_name!r})" if self.label_name else ""
            raise SpikedtpError(
                f"data set {self.name!r} has {self.n_labels} classes{column}, the circuit {n_classes} output cells: "
                "fit the circuit to the data with --fit-sizes, or change one"
            )
        return replace(self, train_t=one_hot(self.train_y, n_classes), test_t=one_hot(self.test_y, n_classes))

    def only(self, parts: Sequence[str]) -> Dataset:
        """The same with zero rows in the parts that are not named."""
        left = [part for part in PARTS if part not in parts]
        return replace(
            self, **{f"{part}_{what}": getattr(self, f"{part}_{what}")[:0] for part in left for what in "xty"}
        )

    def validated(self, n: int, seed: int | None = 0) -> Dataset:
        """The training part in two: `n` of its samples stand in the place of the test part, the others are trained.

        Parameters
        ----------
        n : int
        seed : int or None
            Which ones. The same seed holds out the same samples of the same training part. None: the last ones, as
            published for MNIST (50,000 and 10,000).

        Raises
        ------
        SpikedtpError
            The training part has no sample to spare.

        Examples
        --------
        >>> from spikedtp.datasets import load
        >>> digits = load("digits", ["train"])
        >>> held_out = digits.validated(300)
        >>> len(digits.train_y), len(held_out.train_y), len(held_out.test_y)
        (1198, 898, 300)
        """
        total = len(self.train_y)
        if not 0 < n < total:
            raise SpikedtpError(
                f"data set {self.name!r}: validation must be between 1 and {total - 1} of its {total} training "
                f"samples, got {shown(n)}"
            )
        order = np.arange(total)[::-1] if seed is None else raw_order(total, seed)
        rows = {"test": np.sort(order[:n]), "train": np.sort(order[n:])}
        arrays = {f"{part}_{what}": getattr(self, f"train_{what}")[rows[part]] for part in rows for what in "xty"}
        return replace(self, **arrays)

    @classmethod
    def from_arrays(
        cls,
        x: Any,
        y: Any,
        test_x: Any = None,
        test_y: Any = None,
        *,
        scale: str = "none",
        on_off: bool = False,
        name: str = "arrays",
    ) -> Dataset:
        """A data set from arrays, with as many inputs and classes as they have.

        Parameters
        ----------
        x : array, (samples, n_inputs) or (samples, rows, columns)
        y : array, (samples,)
            Whole numbers from 0.
        test_x, test_y : array, optional
            The test part; `x` and `y` are then the training part. Without it a third of each class is held out, always
            the same samples (`spikedtp.datasets.split`).
        scale, on_off
            As in `load`.
        name : str
            What messages call it.

        Raises
        ------
        SpikedtpError
            Labels that are no whole numbers, inputs that are not finite or outside [0, 1], unequal lengths.

        Examples
        --------
        >>> from spikedtp.datasets import Dataset
        >>> Dataset.from_arrays([[0.0, 0.5], [1.0, 0.2], [0.9, 0.1]], [0, 1, 1]).test_y
        array([1])
        """
        if (test_x is None) != (test_y is None):
            raise SpikedtpError(f"{name}: test_x and test_y must both be given, or neither")
        if test_x is None:
            parts, shape = in_two_parts(name, x, y)
        else:
            train, shape = samples(f"{name}: x", f"{name}: y", x, y)
            test, test_shape = samples(f"{name}: test_x", f"{name}: test_y", test_x, test_y)
            if shape != test_shape:
                raise SpikedtpError(f"{name}: x and test_x are images of other sizes, {shape} and {test_shape}")
            parts = {"train": train, "test": test}
        return assembled(name, shape, parts).scaled(scale, on_off=on_off)

    def scaled(self, scale: str, *, on_off: bool = False) -> Dataset:
        """The same samples with inputs in [0, 1], as `load` says; it is computed on the training part.

        Raises
        ------
        SpikedtpError
            As `load`; or they have been scaled already, and this would do it once more.
        """
        told = f"data set {self.name!r}"
        scaling = fit_scaling(scale, on_off, self.train_x, told)
        x, test_x = scaling(self.train_x, f"{told}, training part"), scaling(self.test_x, f"{told}, test part")
        before = self.scaling
        if before is not None and (before.on_off or not before.identity):
            if on_off or not scaling.identity:
                given = f"--scale {scale}{' --on-off-inputs' if on_off else ''}"
                raise SpikedtpError(
                    f"{told}: its inputs are scaled already ({repr(before).partition(': ')[2]}): leave out {given}, or "
                    "make it of unscaled inputs"
                )
            scaling = before  # what brings further inputs to where these are
        names = tuple(f"{name} ({sign})" for sign in ("on", "off") for name in self.input_names)
        changed: dict[str, Any] = {"shape": None, "input_names": names} if on_off else {}
        return replace(self, train_x=x, test_x=test_x, scaling=scaling, **changed)


def samples(x_name: str, y_name: str, x: Any, y: Any) -> tuple[tuple[np.ndarray, np.ndarray], Shape]:
    """One part: inputs as rows, labels as class numbers, and the shape of images."""
    rows, shape = input_rows(x_name, x)
    return (rows, class_numbers(y_name, y, len(rows))), shape


def in_two_parts(name: str, x: Any, y: Any) -> tuple[dict[str, tuple[np.ndarray, np.ndarray]], Shape]:
    """Samples without parts of their own, split as `split.train_and_test` says."""
    (rows, labels), shape = samples(f"{name}: x", f"{name}: y", x, y)
    train, test = train_and_test(labels)
    return {"train": (rows[train], labels[train]), "test": (rows[test], labels[test])}, shape


def assembled(
    name: str, shape: Shape, halves: Mapping[str, tuple[np.ndarray, np.ndarray]], *, at_least: int = 1
) -> Dataset:
    """A data set from inputs and labels of one part or both, with targets for `at_least` so many classes."""
    widths = [x.shape[1] for x, _ in halves.values()]
    if len(set(widths)) > 1:
        raise SpikedtpError(
            f"data set {name!r}: its parts {' and '.join(halves)} have {' and '.join(map(str, widths))} inputs: both "
            "must come from one data set"
        )
    n_classes = max(at_least, *(int(y.max(initial=-1)) + 1 for _, y in halves.values()), 1)
    arrays: dict[str, Any] = {}
    for part in PARTS:
        x, y = halves.get(part, (np.zeros((0, widths[0]), np.float32), np.zeros(0, np.int64)))
        arrays |= {f"{part}_x": x, f"{part}_t": one_hot(y, n_classes), f"{part}_y": y}
    return Dataset(name, shape, **arrays)
