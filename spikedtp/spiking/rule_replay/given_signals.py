"""The arrays that `replay` is given, checked, and read in parts: a copy of them all would be many times their size."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeAlias

import numpy as np
from numpy.typing import ArrayLike

from spikedtp.arrays import as_numbers
from spikedtp.errors import SpikedtpError
from spikedtp.plasticity import PresentationRows, Row, TimedRule
from spikedtp.spiking.parts.streams import Rows

__all__ = ["GivenSignals", "RowRule"]

#: A rule that takes one row after the other.
RowRule: TypeAlias = TimedRule | PresentationRows

#: Of the numbers of one part, as float64.
PART = 1 << 20  # bytes


class GivenSignals:
    """The given arrays, checked: (steps, [batch,] n), in the caller's own types.

    Attributes
    ----------
    pre, post, modulator : ndarray
        Without a copy, where the caller gave arrays of numbers.
    w0 : (n_post, n_pre) float64
    """

    def __init__(
        self,
        rule: RowRule,
        pre: ArrayLike,
        post: ArrayLike,
        w0: ArrayLike,
        modulator: ArrayLike | None,
        form: str,
    ):
        self.rule = rule
        self.pre, self.post = self._signal("pre", pre), self._signal("post", post)
        if self.pre.shape[:-1] != self.post.shape[:-1]:
            raise SpikedtpError(
                f"replay: pre {self.pre.shape} and post {self.post.shape} must have the same number of steps"
                + (" and the same batch" if self.pre.ndim == 3 else "")
            )
        if form == "spiking" and self.pre.ndim == 3:
            raise SpikedtpError(
                f"replay: the spiking form takes (steps, n), got pre {self.pre.shape}: give one sequence, no batch"
            )
        if form == "spiking" and rule.needs_spikes:
            for name in ("pre", "post"):
                array = getattr(self, name)
                if array.dtype != bool and not all(((p == 0) | (p == 1)).all() for p in _parts(array)):
                    raise SpikedtpError(f"replay: {name} must hold spikes, 0 or 1, for the spiking form of {rule.name}")
        self.w0 = self._weights(w0)
        self.modulator = self._modulator(modulator)

    # -- reading -------------------------------------------------------------------------------------------------------

    def __len__(self) -> int:
        return len(self.pre)

    def __iter__(self) -> Iterator[Row]:
        """Row by row, in float64."""
        for part in self._parts(0, len(self)):
            yield from map(Row, *part)

    def _parts(self, start: int, stop: int) -> Iterator[list[np.ndarray]]:
        """Pre, post and modulator of rows from `start` on."""
        arrays = (self.pre, self.post, self.modulator)
        for first, last in _bounds(start, stop, sum(array[0].size for array in arrays)):
            yield [np.asarray(array[first:last], dtype=np.float64) for array in arrays]

    def group_names(self) -> dict[str, tuple[str, ...]]:
        """What the two groups of the spiking form are given, by name."""
        (first,) = self._parts(0, 1)
        return {side: tuple(values) for side, values in self.rule.group_signals(*first).items()}

    def group_rows(self, side: str, name: str) -> Rows:
        """One of them, (steps, n)."""

        def make(start: int, stop: int) -> np.ndarray:
            parts = self._parts(start, min(stop, len(self)))
            return np.concatenate([self.rule.group_signals(*part)[side][name] for part in parts])

        return Rows(make)

    def shared_modulator(self) -> np.ndarray:
        """(steps,) what all synapses hear; 0 where each cell has a modulator of its own."""
        return self.modulator if self.modulator.ndim == 1 else np.broadcast_to(0.0, len(self))

    @property
    def batch(self) -> tuple[int, ...]:
        return self.pre.shape[1:-1]

    # -- checking ------------------------------------------------------------------------------------------------------

    @staticmethod
    def _signal(name: str, values: ArrayLike) -> np.ndarray:
        array = as_numbers(f"replay: {name}", values, None)
        if array.ndim not in (2, 3) or 0 in array.shape:
            raise SpikedtpError(f"replay: {name} must be (steps, n) or (steps, batch, n), got {array.shape}")
        return array

    def _weights(self, w0: ArrayLike) -> np.ndarray:
        wanted = (self.post.shape[-1], self.pre.shape[-1])
        w0 = as_numbers("replay: w0", w0)
        if w0.shape not in ((), wanted):
            raise SpikedtpError(f"replay: w0 must be (n_post, n_pre) = {wanted}, got {w0.shape}")
        low, high = self.rule.bounds
        if (low is not None and w0.min() < low) or (high is not None and w0.max() > high):
            raise SpikedtpError(
                f"replay: w0 must lie within the bounds of {self.rule.name}, {low} to {high}, got {w0.min():g} to "
                f"{w0.max():g}"
            )
        return np.broadcast_to(w0, wanted).copy()

    def _modulator(self, modulator: ArrayLike | None) -> np.ndarray:
        steps = len(self.pre)
        if modulator is None:
            if self.rule.needs_modulator:
                raise SpikedtpError(
                    f"replay: {self.rule.name} needs a modulator: a number for each of the {steps} steps"
                )
            return np.broadcast_to(0.0, steps)
        modulator = as_numbers("replay: modulator", modulator, None)
        n = self.rule.modulator_size(self.post.shape[-1], self.pre.shape[-1])
        fits = {(steps,), (steps, *self.batch)} | ({(steps, *self.batch, n)} if n else set())
        if modulator.shape not in fits:
            listed = " or ".join(str(shape) for shape in sorted(fits, key=lambda shape: (len(shape), shape)))
            raise SpikedtpError(f"replay: modulator must be finite numbers {listed}, got {modulator.shape}")
        return modulator


def _bounds(start: int, stop: int, width: int) -> Iterator[tuple[int, int]]:
    """Where parts of rows of `width` numbers begin and end."""
    rows = max(1, PART // (8 * width))
    for first in range(start, stop, rows):
        yield first, min(first + rows, stop)


def _parts(array: np.ndarray) -> Iterator[np.ndarray]:
    return (array[first:last] for first, last in _bounds(0, len(array), array[0].size))
