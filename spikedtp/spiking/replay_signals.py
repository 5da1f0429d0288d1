"""The arrays that `replay` is given, checked."""

from __future__ import annotations

import numpy as np

from spikedtp.arrays import as_numbers
from spikedtp.errors import SpikedtpError

__all__ = ["GivenSignals"]


class GivenSignals:
    """The given arrays, checked: float64, (steps, [batch,] n)."""

    def __init__(self, rule, pre, post, w0, modulator, form):
        self.rule = rule
        self.pre, self.post = self._array("pre", pre), self._array("post", post)
        if self.pre.shape[:-1] != self.post.shape[:-1]:
            raise SpikedtpError(
                f"replay: pre {self.pre.shape} and post {self.post.shape} must have the same number of steps"
                + (" and the same batch" if self.pre.ndim == 3 else "")
            )
        if form == "spiking" and self.pre.ndim == 3:
            raise SpikedtpError(f"replay: the spiking form takes (steps, n), got pre {self.pre.shape}: give one train")
        if form == "spiking" and rule.needs_spikes:
            for name in ("pre", "post"):
                if not np.isin(getattr(self, name), (0, 1)).all():
                    raise SpikedtpError(f"replay: {name} must hold spikes, 0 or 1, for the spiking form of {rule.name}")
        self.w0 = self._weights(w0)
        self.modulator = self._modulator(modulator)

    @staticmethod
    def _array(name: str, values) -> np.ndarray:
        array = as_numbers(f"replay: {name}", values)
        if array.ndim not in (2, 3) or 0 in array.shape:
            raise SpikedtpError(f"replay: {name} must be (steps, n) or (steps, batch, n), got {array.shape}")
        return array

    def _weights(self, w0) -> np.ndarray:
        wanted = (self.post.shape[-1], self.pre.shape[-1])
        w0 = as_numbers("replay: w0", w0)
        if w0.shape not in ((), wanted):
            raise SpikedtpError(f"replay: w0 must be (n_post, n_pre) = {wanted}, got {w0.shape}")
        low, high = getattr(self.rule, "bounds", (None, None))
        if (low is not None and w0.min() < low) or (high is not None and w0.max() > high):
            raise SpikedtpError(
                f"replay: w0 must lie within the bounds of {self.rule.name}, {low} to {high}, got {w0.min():g} to "
                f"{w0.max():g}"
            )
        return np.broadcast_to(w0, wanted).copy()

    def _modulator(self, modulator) -> np.ndarray:
        steps, batch = len(self.pre), self.pre.shape[1:-1]
        if modulator is None:
            if self.rule.needs_modulator:
                raise SpikedtpError(
                    f"replay: {self.rule.name} needs a modulator: a number for each of the {steps} steps"
                )
            return np.zeros(steps)
        modulator = as_numbers("replay: modulator", modulator)
        n = self.rule.modulator_size(self.post.shape[-1], self.pre.shape[-1])
        fits = {(steps,), (steps, *batch)} | ({(steps, *batch, n)} if n else set())
        if modulator.shape not in fits:
            listed = " or ".join(str(shape) for shape in sorted(fits, key=lambda shape: (len(shape), shape)))
            raise SpikedtpError(f"replay: modulator must be finite numbers {listed}, got {modulator.shape}")
        return modulator

    @property
    def batch(self) -> tuple[int, ...]:
        return self.pre.shape[1:-1]

    def __len__(self) -> int:
        return len(self.pre)
