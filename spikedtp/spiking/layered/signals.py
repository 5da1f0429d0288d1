"""What passes between layers: a linear function of spikes, each with a weight and a delay, and a constant."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from scipy import sparse

from spikedtp.errors import SpikedtpError
from spikedtp.spiking.layered.network import Connection

__all__ = ["Signal"]

#: Delays of one signal that differ: each is a matrix of its own.
MOST_DELAYS = 64


@dataclass(frozen=True)
class Signal:
    """n numbers in each step: the sum over `terms` of matrix @ spikes of the source so many steps ago, plus `bias`.

    Attributes
    ----------
    terms : dict
        (source, delay in steps) -> (n, n of the source), an array or a sparse one.
    bias : (n,)
    """

    terms: Mapping[tuple[str, int], Any]
    bias: np.ndarray = field(repr=False)

    @classmethod
    def of(cls, source: str, n: int) -> Signal:
        """The spikes of a layer themselves."""
        return cls({(source, 0): sparse.eye_array(n, format="csr")}, np.zeros(n))

    @property
    def n(self) -> int:
        return len(self.bias)

    def times(self, weights: Any, bias: np.ndarray | None = None) -> Signal:
        """``weights @ signal + bias``."""
        terms = {key: weights @ matrix for key, matrix in self.terms.items()}
        return Signal(terms, weights @ self.bias + (0 if bias is None else bias))

    def scaled(self, factors: np.ndarray) -> Signal:
        return self.times(sparse.diags_array(np.broadcast_to(factors, (self.n,))).tocsr())

    def delayed(self, steps: np.ndarray, where: str) -> Signal:
        """Each of the n numbers so many steps later; `where` begins messages."""
        steps = np.broadcast_to(steps, (self.n,))
        if self.bias[steps > 0].any():
            raise SpikedtpError(
                f"{where} delays a constant, the bias of an Affine, which would come late: move it behind the delay"
            )
        different = np.unique(steps)
        if len(different) > MOST_DELAYS:
            raise SpikedtpError(
                f"{where} has {len(different)} different delays in time steps, and {MOST_DELAYS} are the most: "
                "round them, or use a longer dt"
            )
        found = Signal({}, self.bias)
        for delay in different:
            kept = sparse.diags_array((steps == delay).astype(float)).tocsr()
            terms = {(source, late + int(delay)): kept @ matrix for (source, late), matrix in self.terms.items()}
            found = found + Signal(terms, np.zeros(self.n))
        return found

    def __add__(self, other: Signal) -> Signal:
        terms = dict(self.terms)
        for key, matrix in other.terms.items():
            terms[key] = terms[key] + matrix if key in terms else matrix
        return Signal(terms, self.bias + other.bias)

    def connections(self, late: Collection[str] = ()) -> tuple[Connection, ...]:
        """As connections; spikes of the sources in `late` arrive in the next step at the earliest."""
        merged: dict[tuple[str, int], Any] = {}
        for (source, delay), matrix in self.terms.items():
            key = source, max(delay, source in late)
            merged[key] = merged[key] + matrix if key in merged else matrix
        return tuple(
            Connection(source, matrix.toarray() if sparse.issparse(matrix) else np.asarray(matrix), int(delay))
            for (source, delay), matrix in merged.items()
        )
