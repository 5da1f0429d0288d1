"""Inputs brought to [0, 1], where they become firing rates, by what the training part alone says."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from spikedtp.datasets.labels import input_rows
from spikedtp.errors import SpikedtpError, known_names
from spikedtp.summaries import counted

__all__ = ["SCALES", "Scaling", "fit_scaling"]

SCALES = ("none", "minmax", "standard", "max", "raw")
N_SD = 3  # so many standard deviations from the mean an input of `standard` is at the end of its range
_ROWS = 4096  # at a time: they pass through 64-bit numbers


@dataclass(frozen=True, repr=False)
class Scaling:
    """How inputs become what the network sees: from [low, high] to [0, 1], or to [-1, 1] and then to two parts.

    Attributes
    ----------
    scale : {"none", "minmax", "standard", "max", "raw"}
        See `spikedtp.datasets.load`.
    on_off : bool
        Whether each input becomes two: its positive part, and the size of its negative part behind all positive ones.
    low, high : ndarray, (n_inputs,) or (1,)
        The ends of the range of each input, or of all of them. What lies beyond is set to the end.
    n_inputs : int
        Inputs before the scaling.

    Examples
    --------
    >>> from spikedtp.datasets import Dataset
    >>> data = Dataset.from_arrays([[1.0], [3.0], [2.0]], [0, 0, 0], [[5.0]], [0], scale="minmax")
    >>> data.scaling([[1.5], [9.0]]).tolist()
    [[0.25], [1.0]]
    """

    scale: str
    on_off: bool
    low: np.ndarray
    high: np.ndarray
    n_inputs: int

    def __call__(self, x: Any, name: str = "inputs") -> np.ndarray:
        """Inputs as ``(samples, n_inputs)`` or ``(samples, 2 n_inputs)``, float32.

        Parameters
        ----------
        x : array, (samples, n_inputs) or (samples, rows, columns)
        name : str
            What messages call them.

        Raises
        ------
        SpikedtpError
            Another number of inputs; values that are not finite, or too large for 32-bit numbers, or outside [0, 1]
            (or [-1, 1]) with "none".
        """
        x, _ = input_rows(name, x)
        if x.shape[1] != self.n_inputs:
            raise SpikedtpError(f"{name}: the scaling is for {self.n_inputs} inputs, got {x.shape[1]}")
        if self.scale == "none":
            _check_range(name, x, self.on_off)
        with np.errstate(over="ignore"):
            found = x.astype(np.float32, copy=False) if self.identity else self._in_range(x)
        if not np.isfinite(found).all():
            raise SpikedtpError(f"{name}: its inputs go beyond the range of 32-bit numbers: choose another --scale")
        return np.concatenate([found.clip(0, None), (-found).clip(0, None)], axis=1) if self.on_off else found

    @property
    def identity(self) -> bool:
        """Whether inputs keep their values, but for the two parts of signed ones."""
        return self.scale in ("none", "raw")

    def _in_range(self, x: np.ndarray) -> np.ndarray:
        found = np.empty(x.shape, np.float32)
        for start in range(0, len(x), _ROWS):
            part = (x[start : start + _ROWS] - self.low) / (self.high - self.low)
            found[start : start + _ROWS] = (2 * part - 1 if self.on_off else part).clip(-1 if self.on_off else 0, 1)
        return found

    def __repr__(self) -> str:
        ends = "" if self.identity else f" of {counted(len(self.low), 'range')}"
        return f"Scaling: {self.scale}{ends}{', on and off inputs' if self.on_off else ''}"

    def described(self) -> dict[str, Any]:
        """For a manifest: plain numbers."""
        ends = {} if self.identity else {"low": self.low.tolist(), "high": self.high.tolist()}
        return {"scale": self.scale, "on_off_inputs": self.on_off, **ends}


def fit_scaling(scale: str, on_off: bool, train_x: np.ndarray, name: str) -> Scaling:
    """The scaling that the training part `train_x` gives.

    Raises
    ------
    SpikedtpError
        An unknown scale, no training part, or ``max`` for negative inputs without on and off inputs.
    """
    if scale not in SCALES:
        raise known_names("scale", scale, SCALES)
    if scale in ("none", "raw"):
        return Scaling(scale, on_off, np.zeros(1), np.ones(1), train_x.shape[1])
    if not len(train_x):
        raise SpikedtpError(f"{name}: --scale {scale} is computed on the training part, and there is none")
    wide = train_x.astype(np.float64)
    if scale == "max":
        low, high = np.zeros(1), np.abs(wide).max(keepdims=True).reshape(1)
        if on_off:
            low = -high
        elif wide.min() < 0:
            raise SpikedtpError(
                f"{name}: its inputs go down to {wide.min():.4g}, and --scale max leaves their signs: add "
                "--on-off-inputs, or use --scale minmax or standard"
            )
    elif scale == "minmax":
        low, high = wide.min(axis=0), wide.max(axis=0)
    else:
        with np.errstate(over="ignore", invalid="ignore"):
            mean, half = wide.mean(axis=0), N_SD * wide.std(axis=0)
            low, high = mean - half, mean + half
    # equal, or so close that their variance is 0 in 64-bit numbers
    constant = (low == high) | ((wide.min(axis=0) == wide.max(axis=0)) if scale == "standard" else False)
    step = np.maximum(1, np.spacing(np.abs(low)))  # a range of its own, also where 1 is nothing beside the values
    # in the middle of its range where that is the mean or 0, else at its lower end
    centred = on_off or scale == "standard"
    with np.errstate(over="ignore", invalid="ignore"):
        low, high = np.where(constant & centred, low - step, low), np.where(constant, low + step, high)
        if not np.isfinite(high - low).all():
            raise SpikedtpError(f"{name}: its inputs lie too far apart for --scale {scale}")
    return Scaling(scale, on_off, low, high, train_x.shape[1])


def _check_range(name: str, x: np.ndarray, on_off: bool) -> None:
    """Refuse inputs that cannot be firing rates, where no scaling was asked for."""
    low = -1 if on_off else 0
    if x.size and not (x.min() >= low and x.max() <= 1):
        signed = "" if on_off or x.min() >= 0 else ", or --on-off-inputs for signed inputs in [-1, 1]"
        raise SpikedtpError(
            f"{name}: its inputs go from {x.min():.4g} to {x.max():.4g} and must lie in [{low}, 1] to become firing "
            f"rates: choose --scale minmax (each input), standard (each input) or max (all inputs alike){signed}"
        )
