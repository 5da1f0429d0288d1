"""The plateau that a cell gets at the onset of the nudge phase: a declaration, its array form and its Brian2 form.

A rule declares which plateaus it learns from (`LearningRule.plateau_form`). How long they last, and what they do to the
soma, belongs to the networks.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

__all__ = ["Plateau"]


@dataclass(frozen=True)
class Plateau:
    """How a dendritic state, or the error of an output cell, becomes the plateau from which synapses learn.

    Attributes
    ----------
    relu_gate : bool
        Whether cells that were silent at the end of the settle phase have no plateau.
    max_pop_fraction : float
        At most this fraction of the cells of a hidden population keep a positive plateau, those with the most positive
        ones. At most as many keep a negative plateau.
    neg_rate_th : float or None
        A hidden cell whose settled activity does not exceed this has no negative plateau.
    limit : float
        Plateaus lie between -limit and limit.

    Examples
    --------
    >>> import numpy as np
    >>> plateau = np.empty(3)
    >>> Plateau(relu_gate=True).write(np.array([0.5, -0.5, 0.2]), np.array([1.0, 0.0, 2.0]), plateau, is_output=False)
    >>> plateau.tolist()
    [0.5, -0.0, 0.2]
    """

    relu_gate: bool = False
    max_pop_fraction: float = 1.0
    neg_rate_th: float | None = None

    limit: ClassVar[float] = 1.0

    # --- array form ---------------------------------------------------------------------------------------------------

    @classmethod
    def clip(cls, state: np.ndarray, out: np.ndarray | None = None) -> np.ndarray:
        """The dendritic state, or the error, within the limits."""
        if out is None:  # a tensor, too
            return state.clip(-cls.limit, cls.limit)
        limit = state.dtype.type(cls.limit)
        return np.clip(state, -limit, limit, out=out)

    def write(self, state: np.ndarray, settled: np.ndarray, out: np.ndarray, *, is_output: bool) -> None:
        """Write the plateau into `out`.

        Parameters
        ----------
        state : (n, ...)
            The dendritic state or the error, as `clip` returns it.
        settled : (n, ...)
            Activity at the end of the settle phase. Other axes are broadcast.
        out : (n, ...)
        is_output : bool
            Whether this is the output population. Its error is only gated: `neg_rate_th` and `max_pop_fraction` are for
            dendrites.
        """
        np.multiply(state, settled != 0, out=out) if self.relu_gate else np.copyto(out, state)
        if is_output:
            return
        if self.neg_rate_th is not None:
            out[(out < 0) & (settled <= self.neg_rate_th)] = 0.0
        if self.max_pop_fraction < 1.0:
            out[...] = _keep_largest(out, math.ceil(self.max_pop_fraction * len(out)))

    # --- Brian2 form: expressions of what a cell knows; none knows its rank in the population -------------------------

    @classmethod
    def clip_code(cls, state: str, lowest: str | None = None) -> str:
        """`clip` of an expression, with the lowest value that `lowest` names."""
        return f"clip({state}, {lowest or f'-{cls.limit:g}'}, {cls.limit:g})"

    def gate_code(self, settled: str, *, signed: bool = False, silent: float = 0.0) -> str:
        """1 where there may be a plateau, else 0. `settled` names the settled activity.

        A cell is silent up to `silent`, and a `signed` one, whose activity may be negative, between both signs of it.
        """
        return f"int({f'abs({settled})' if signed else settled} > {silent!r})" if self.relu_gate else "1"

    @property
    def has_lowest(self) -> bool:
        """Whether some cells whose gate is 1 have no negative plateau."""
        return self.neg_rate_th is not None and not (self.relu_gate and self.neg_rate_th <= 0)

    def lowest_code(self, settled: str) -> str:
        """The lowest plateau of a cell. `settled` names its settled activity, which is not negative."""
        lowest = f"-{self.limit:g}"
        return f"{lowest}*int({settled} > {self.neg_rate_th!r})" if self.has_lowest else lowest


def _keep_largest(state: np.ndarray, n_keep: int) -> np.ndarray:
    """The `n_keep` most positive and as many most negative values along the first axis; the others 0."""
    order = np.argsort(-state, axis=0, kind="stable")
    top, bottom = order[:n_keep], order[len(order) - n_keep :]
    kept = np.zeros_like(state)
    np.put_along_axis(kept, top, np.maximum(np.take_along_axis(state, top, 0), 0), 0)
    lowest = np.take_along_axis(state, bottom, 0)
    np.put_along_axis(kept, bottom, np.where(lowest < 0, lowest, np.take_along_axis(kept, bottom, 0)), 0)
    return kept
