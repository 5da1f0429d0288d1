"""The plateau that the rate network's cells get at the onset of the nudge phase."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

__all__ = ["instruct", "keep_largest"]


def keep_largest(error: np.ndarray, n_keep: int) -> np.ndarray:
    """The `n_keep` most positive and as many most negative values of each column of `error`; the others 0."""
    order = np.argsort(-error, axis=0, kind="stable")
    top, bottom = order[:n_keep], order[len(order) - n_keep :]
    kept = np.zeros_like(error)
    np.put_along_axis(kept, top, np.maximum(np.take_along_axis(error, top, 0), 0), 0)
    lowest = np.take_along_axis(error, bottom, 0)
    np.put_along_axis(kept, bottom, np.where(lowest < 0, lowest, np.take_along_axis(kept, bottom, 0)), 0)
    return kept


def instruct(error: np.ndarray, settled: np.ndarray, rule: Any, is_output: bool, out: np.ndarray) -> None:
    """Write the plateau: the clipped `error`, gated by the settled activity, the largest ones only.

    A rule that says nothing of a gate or a fraction has none.
    """
    np.multiply(error, settled != 0, out=out) if getattr(rule, "relu_gate", False) else np.copyto(out, error)
    if is_output:
        return
    threshold = getattr(rule, "neg_rate_th", None)
    if threshold is not None:
        out[(out < 0) & (settled <= threshold)] = 0.0
    fraction = getattr(rule, "max_pop_fraction", 1.0)
    if fraction < 1.0:
        out[...] = keep_largest(out, math.ceil(fraction * len(out)))
