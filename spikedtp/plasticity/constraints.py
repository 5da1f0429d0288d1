"""Constraints on the weights of a projection after each step: bounds, row sums, zero diagonals, copies.

They are plain arithmetic in place on ``(n_post, n_pre)`` numpy arrays. The network decides in which order they act.
Those that leave synapses out are in `masks`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple, TypeGuard

import numpy as np

from spikedtp.errors import SpikedtpError, shown

__all__ = ["Bounds", "NoAutapses", "NormalizeRows", "SignMask", "Tied", "check_number", "is_finite"]

_LARGEST = float(np.finfo(np.float32).max)  # weights are float32


def is_finite(value: object) -> TypeGuard[float]:
    """Whether this is one number, not NaN, that float32 holds. A comparison: a huge integer has no float."""
    return isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) <= _LARGEST


class Bounds(NamedTuple):
    """Lowest and highest weight. Dale's law is (0, None) for excitatory and (None, 0) for inhibitory projections.

    Examples
    --------
    >>> import numpy as np
    >>> from spikedtp.plasticity import Bounds
    >>> w = np.array([[-0.2, 0.5]], dtype=np.float32)
    >>> Bounds(0, None).apply(w)  # excitatory
    >>> w.tolist()
    [[0.0, 0.5]]
    """

    lower: float | None = None
    upper: float | None = None

    @property
    def one_sided(self) -> bool:
        """Whether all weights have one sign."""
        return (self.lower is not None and self.lower >= 0) or (self.upper is not None and self.upper <= 0)

    def apply(self, weight: np.ndarray) -> None:
        """Clip in place."""
        if self.lower is not None:
            np.maximum(weight, np.float32(self.lower), out=weight)
        if self.upper is not None:
            np.minimum(weight, np.float32(self.upper), out=weight)


@dataclass(frozen=True)
class SignMask:
    """Dale's law by presynaptic cell: `signs` holds 1 (excitatory), -1 (inhibitory) or 0 (no sign) for each cell.

    `Bounds` gives one sign to a whole projection. A mask is for a population that mixes both kinds of cells. There are
    two ways to apply it: `apply` clips weights of the wrong sign to 0 after a step, and `reflect` gives the size of w
    times the sign, through which a gradient can pass.

    Examples
    --------
    >>> import numpy as np
    >>> from spikedtp.plasticity import SignMask
    >>> mask = SignMask.by_index(4, inhibitory=0.25)
    >>> mask.signs
    (-1, 1, 1, 1)
    >>> mask.reflect(np.array([[0.5, -0.5, 1.0, 2.0]])).tolist()
    [[-0.5, 0.5, 1.0, 2.0]]
    """

    signs: tuple[int, ...]

    def __post_init__(self) -> None:
        if not self.signs or any(sign not in (-1, 0, 1) for sign in self.signs):
            raise SpikedtpError(
                f"SignMask: signs must be -1, 0 or 1 for each presynaptic cell, got {shown(self.signs)}"
            )

    @classmethod
    def by_index(cls, n: int, inhibitory: float) -> SignMask:
        """A mask in which the first `inhibitory` · n cells are inhibitory."""
        n_inhibitory = _share(n, inhibitory)
        return cls((-1,) * n_inhibitory + (1,) * (n - n_inhibitory))

    @classmethod
    def at_random(cls, n: int, inhibitory: float, rng: np.random.Generator) -> SignMask:
        """A mask with as many inhibitory cells as in `by_index`, at random places."""
        return cls(tuple(int(sign) for sign in rng.permutation(cls.by_index(n, inhibitory).signs)))

    @classmethod
    def free(cls, n: int) -> SignMask:
        """A mask without Dale's law."""
        return cls((0,) * n)

    @property
    def array(self) -> np.ndarray:
        return np.array(self.signs, dtype=np.int8)

    def bounds(self) -> tuple[np.ndarray, np.ndarray]:
        """Lowest and highest weight of each presynaptic cell, ``(n_pre,)`` each."""
        return np.where(self.array > 0, 0.0, -np.inf), np.where(self.array < 0, 0.0, np.inf)

    def apply(self, weight: np.ndarray) -> None:
        """Clip in place."""
        self._check(weight)
        np.clip(weight, *self.bounds(), out=weight)

    def reflect(self, weight: np.ndarray) -> np.ndarray:
        """The size of w times the sign, and w itself where the cell has no sign."""
        self._check(weight)
        return np.where(self.array == 0, weight, np.abs(weight) * self.array).astype(weight.dtype)

    def _check(self, weight: np.ndarray) -> None:
        if weight.shape[-1] != len(self.signs):
            raise SpikedtpError(f"SignMask: {len(self.signs)} signs do not fit weights (n_post, n_pre) {weight.shape}")


def _share(n: int, fraction: float) -> int:
    check_number("SignMask", "inhibitory", fraction, positive=False)
    if not 0 <= fraction <= 1:
        raise SpikedtpError(f"SignMask: inhibitory must be a fraction from 0 to 1, got {shown(fraction)}")
    return int(fraction * n)


def check_number(owner: str, field: str, value: object, positive: bool = True) -> None:
    if not is_finite(value) or (positive and value <= 0):
        kind = "positive" if positive else "finite"
        raise SpikedtpError(f"{owner}: {field} must be a {kind} number, got {shown(value)}")


@dataclass(frozen=True)
class NoAutapses:
    """No cell has a synapse onto itself: the diagonal of a recurrent projection is 0.

    Examples
    --------
    >>> import numpy as np
    >>> from spikedtp.plasticity import NoAutapses
    >>> w = np.ones((2, 2))
    >>> NoAutapses().apply(w, recurrent=True)
    >>> w.tolist()
    [[0.0, 1.0], [1.0, 0.0]]
    """

    def apply(self, weight: np.ndarray, *, recurrent: bool) -> None:
        if recurrent:
            np.fill_diagonal(weight, 0.0)


@dataclass(frozen=True)
class NormalizeRows:
    """The absolute weights onto each cell sum to `scale`. A row of zeros stays as it is.

    With None each row keeps the sum that it had first: that of the initial weights, or of weights from a file.
    Recurrent projections have no autapses unless `autapses` is true.

    Examples
    --------
    >>> import numpy as np
    >>> from spikedtp.plasticity import NormalizeRows
    >>> w = np.array([[1.0, -3.0]], dtype=np.float32)
    >>> NormalizeRows(scale=2.0).apply(w, recurrent=False)
    >>> w.tolist()
    [[0.5, -1.5]]
    """

    scale: float | None
    autapses: bool = False

    def __post_init__(self) -> None:
        if self.scale is not None:
            check_number("NormalizeRows", "scale", self.scale)

    def sums(self, weight: np.ndarray, *, recurrent: bool) -> np.ndarray:
        """The sums of the rows, ``(n_post, 1)``, without autapses that must not be."""
        if recurrent and not self.autapses:
            weight = weight.copy()
            np.fill_diagonal(weight, 0.0)
        return np.abs(weight).sum(axis=1, keepdims=True)

    def apply(self, weight: np.ndarray, *, recurrent: bool, sums: np.ndarray | None = None) -> None:
        """Scale the rows in place: to `scale`, or where this is None to `sums`, ``(n_post, 1)``."""
        if recurrent and not self.autapses:
            np.fill_diagonal(weight, 0.0)
        total = self.sums(weight, recurrent=False)
        wanted = total.copy() if sums is None else sums
        total[total == 0.0] = 1.0
        weight /= total
        weight *= wanted if self.scale is None else np.float32(self.scale)


@dataclass(frozen=True)
class Tied:
    """The weights are a copy: scale · sign · source (· source2, synapse by synapse), transposed if `transpose` is true.

    Examples
    --------
    >>> import numpy as np
    >>> from spikedtp.plasticity import Tied
    >>> copied = Tied("H2E_H1E", scale=0.5, transpose=True)
    >>> copied.value({"H2E_H1E": np.array([[1.0, 2.0]], dtype=np.float32)}).tolist()
    [[0.5], [1.0]]
    """

    source: str
    source2: str | None = None
    sign: int = 1
    scale: float = 1.0
    transpose: bool = False

    def __post_init__(self) -> None:
        check_number("Tied", "scale", self.scale, positive=False)
        if self.sign not in (1, -1):
            raise SpikedtpError(f"Tied: sign must be 1 or -1, got {shown(self.sign)}")
        for name in (self.source, *([] if self.source2 is None else [self.source2])):
            if not isinstance(name, str):
                raise SpikedtpError(f"Tied: a source must be the name of a projection, got {shown(name)}")
        if not isinstance(self.transpose, bool):
            raise SpikedtpError(f"Tied: transpose must be true or false, got {shown(self.transpose)}")

    @property
    def factor(self) -> np.float32:
        return np.float32(self.scale * self.sign)

    def value(self, weights: dict[str, np.ndarray]) -> np.ndarray:
        """The copy, made from the weights by projection name."""
        copy = weights[self.source] * self.factor
        if self.source2 is not None:
            copy = copy * weights[self.source2]
        return np.ascontiguousarray(copy.T) if self.transpose else copy
