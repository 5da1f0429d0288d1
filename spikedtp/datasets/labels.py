"""Inputs and labels from files and users as plain arrays: numbers, class numbers, one-hot targets."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np

from spikedtp.arrays import as_numbers
from spikedtp.errors import SpikedtpError, shown

__all__ = ["class_numbers", "input_rows", "one_hot"]

MAX_CLASSES = 10_000  # a number above is not that of a class, and a one-hot row for it would take all memory
_TO_NUMBERS = "number the classes from 0, as numpy.unique(y, return_inverse=True) does"


def input_rows(name: str, values: Any) -> tuple[np.ndarray, tuple[int, int] | None]:
    """Samples as rows ``(samples, n_inputs)``, and (rows, columns) where each of them was an image of one channel.

    Parameters
    ----------
    name : str
        What messages call them.
    values : array, (samples, n_inputs) or (samples, rows, columns) or (samples, channels, rows, columns)
        A dimension of one channel may also stand last. Images are flattened row by row.

    Raises
    ------
    SpikedtpError
        No numbers, NaN or infinite ones, one dimension, nothing in it.
    """
    found = as_numbers(name, values, None)
    if found.ndim < 2 or 0 in found.shape[1:]:
        raise SpikedtpError(f"{name} must be (samples, inputs) or (samples, rows, columns), got {found.shape}")
    sides = found.shape[1:]
    if len(sides) == 3:
        sides = sides[1:] if sides[0] == 1 else sides[:2] if sides[2] == 1 else sides
    return found.reshape(len(found), prod(sides)), (sides[0], sides[1]) if len(sides) == 2 else None


def class_numbers(name: str, values: Any, n_samples: int) -> np.ndarray:
    """Labels as ``(n_samples,)`` int64. A column ``(n_samples, 1)`` and whole floating-point numbers are fine.

    Raises
    ------
    SpikedtpError
        Text, fractions, negative numbers, NaN, far too large numbers, one-hot rows, or another number of labels.
    """
    first = next(iter(np.asarray(values).flat), None) if not hasattr(values, "detach") else None
    if isinstance(first, str | bytes):
        raise SpikedtpError(
            f"{name}: labels must be whole numbers from 0, got text such as {shown(first)}: {_TO_NUMBERS}"
        )
    found = as_numbers(name, values, None)
    if found.ndim == 2 and found.shape[1] == 1:
        found = found[:, 0]
    if found.ndim != 1:
        hint = ": one-hot rows become labels with .argmax(axis=1)" if found.ndim == 2 else ""
        raise SpikedtpError(f"{name} must be (samples,), one label for each sample, got {found.shape}{hint}")
    if len(found) != n_samples:
        raise SpikedtpError(f"{name}: there must be one label for each of {n_samples} samples, got {len(found)}")
    wrong = np.flatnonzero((found != np.floor(found)) | (found < 0))
    if len(wrong):
        raise SpikedtpError(
            f"{name}: labels must be whole numbers from 0, got {found[wrong[0]]:g} for sample {wrong[0]}: {_TO_NUMBERS}"
        )
    if len(found) and found.max() >= MAX_CLASSES:
        raise SpikedtpError(
            f"{name}: label {found.max():g} of sample {found.argmax()} is too large for the number of a class (at most "
            f"{MAX_CLASSES - 1}): {_TO_NUMBERS}"
        )
    return found.astype(np.int64)


def one_hot(labels: np.ndarray, n_classes: int) -> np.ndarray:
    """Targets ``(samples, n_classes)``, float32."""
    targets = np.zeros((len(labels), n_classes), np.float32)
    targets[np.arange(len(labels)), labels] = 1
    return targets
