"""Activities as the measures take them: ``(patterns, units)``, checked, in a range where squares are safe."""

from __future__ import annotations

from typing import Any

import numpy as np

from spikedtp.arrays import as_numbers
from spikedtp.errors import SpikedtpError

__all__ = ["activities", "class_labels", "row_scaled"]


def activities(A: Any, *, least: int = 1) -> np.ndarray:
    """A as ``(patterns, units)``: float32 stays float32, everything else, such as spike counts, becomes float64.

    Raises
    ------
    SpikedtpError
        It is no such array of finite numbers, it is empty, or it has fewer than `least` patterns.
    """
    found = as_numbers("A", A, None)
    if found.ndim != 2:
        hint = ": choose one repeat, A[:, 0], or average them, A.mean(axis=1)" if found.ndim == 3 else ""
        raise SpikedtpError(f"A must be (patterns, units), got {found.shape}{hint}")
    if len(found) < least or not found.size:
        raise SpikedtpError(f"A must have at least {least} pattern{'s' * (least > 1)} and 1 unit, got {found.shape}")
    return found if found.dtype == np.float32 else found.astype(np.float64)


def row_scaled(A: np.ndarray) -> np.ndarray:
    """Rows divided by a power of two, so that their largest entries lie in [.5, 1). This rounds nothing."""
    _, exponent = np.frexp(np.abs(A).max(axis=-1, keepdims=True))
    return np.ldexp(A, -exponent)


def class_labels(name: str, labels: Any, n: int, *, least: int = 0) -> np.ndarray:
    """Labels as ``(n,)`` int64, none below `least`."""
    found = as_numbers(name, labels, None, kinds="iuf")
    if found.shape != (n,):
        raise SpikedtpError(f"{name} must be ({n},), one for each, got {found.shape}")
    if np.any(found != np.floor(found)) or found.min(initial=least) < least:
        raise SpikedtpError(f"{name} must be whole numbers of at least {least}")
    return found.astype(np.int64)
