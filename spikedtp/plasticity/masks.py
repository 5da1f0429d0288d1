"""Constraints that leave synapses out: sparse connections, and squares of an image. Weights outside stay 0.

Masks are 1 where there is a synapse and 0 where there is none, ``(n_post, n_pre)``. A `Mask` is a part of the circuit;
receptive fields are drawn with the initial weights, as in EIANN.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from math import isqrt
from typing import Any, NamedTuple

import numpy as np

from spikedtp.arrays import as_numbers
from spikedtp.errors import SpikedtpError, shown
from spikedtp.plasticity.constraints import NormalizeRows, check_number

__all__ = ["Drawn", "Mask", "Masked", "ReceptiveFields", "normalised_rows"]


class Masked:
    """What the constraints of this module have in common: a mask, and row sums if there is a `scale`."""

    scale: float | None

    def apply(self, weight: np.ndarray, mask: np.ndarray, *, recurrent: bool) -> None:
        """Set the weights outside the mask to 0, in place, and scale the rows where `scale` asks for it."""
        weight *= mask
        if (rows := normalised_rows(self)) is not None:
            rows.apply(weight, recurrent=recurrent)


def normalised_rows(constraint: object) -> NormalizeRows | None:
    """How a constraint scales the rows of its weights, if it does: by itself, or as a mask with a `scale`."""
    if isinstance(constraint, Masked):
        return None if constraint.scale is None else NormalizeRows(constraint.scale)
    return constraint if isinstance(constraint, NormalizeRows) else None


class Drawn(NamedTuple):
    """How `Mask.random` made a mask."""

    probability: float
    seed: int
    autapses: bool


@dataclass(frozen=True, eq=False, repr=False)
class Mask(Masked):
    """Sparse connections: only some cells are connected, and the weights of all other pairs stay 0.

    Two masks are equal if they connect the same cells.

    Attributes
    ----------
    connected : (n_post, n_pre) bool
        Where there is a synapse.
    scale : float or None
        What the absolute weights onto each cell sum to. With None they are not normalised.
    drawn : Drawn or None
        How `random` made it, so that files need not list every synapse.

    Examples
    --------
    >>> import numpy as np
    >>> from spikedtp.plasticity import Mask
    >>> mask = Mask(np.eye(2, 3))
    >>> mask.connected.tolist()
    [[True, False, False], [False, True, False]]
    >>> Mask.random(100, 200, 0.1, seed=1)
    Mask(2041 of 20000 synapses)
    """

    connected: np.ndarray
    scale: float | None = None
    drawn: Drawn | None = field(default=None, kw_only=True)

    def __post_init__(self) -> None:
        connected = as_numbers("Mask: connected", self.connected, None, kinds="biuf")
        if connected.ndim != 2 or not np.isin(connected, (0, 1)).all():
            raise SpikedtpError(f"Mask: connected must hold 0 or 1 in (n_post, n_pre), got {shown(self.connected)}")
        if self.scale is not None:
            check_number("Mask", "scale", self.scale)
        connected = connected.astype(bool)
        connected.flags.writeable = False
        object.__setattr__(self, "connected", connected)

    @classmethod
    def random(
        cls,
        n_post: int,
        n_pre: int,
        probability: float,
        *,
        seed: int = 0,
        autapses: bool = True,
        scale: float | None = None,
    ) -> Mask:
        """Each pair of cells is connected with the same probability.

        Parameters
        ----------
        n_post, n_pre : int
        probability : float
        seed : int
            Of a generator of its own: the same arguments always give the same mask.
        autapses : bool
            Whether the diagonal, in a recurrent projection the synapses of cells onto themselves, may be connected.
        scale : float, optional
        """
        for name, value in (("n_post", n_post), ("n_pre", n_pre), ("seed", seed)):
            if not _is_count(value) and not (name == "seed" and value == 0):
                raise SpikedtpError(f"Mask: {name} must be a whole number, got {shown(value)}")
        check_number("Mask", "probability", probability, positive=False)
        if not 0 <= probability <= 1:
            raise SpikedtpError(f"Mask: probability must lie between 0 and 1, got {shown(probability)}")
        if not isinstance(autapses, bool):
            raise SpikedtpError(f"Mask: autapses must be true or false, got {shown(autapses)}")
        connected = np.random.default_rng(seed).random((n_post, n_pre)) < probability
        if not autapses:
            np.fill_diagonal(connected, False)
        return cls(connected, scale, drawn=Drawn(probability, seed, autapses))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Mask):
            return NotImplemented
        return self.scale == other.scale and np.array_equal(self.connected, other.connected)

    def __hash__(self) -> int:
        return hash((self.scale, self.connected.shape, np.packbits(self.connected).tobytes()))

    def __repr__(self) -> str:
        scale = "" if self.scale is None else f", scale={self.scale}"
        return f"Mask({self.connected.sum()} of {self.connected.size} synapses{scale})"


@dataclass(frozen=True)
class ReceptiveFields(Masked):
    """Each cell sees one square of the image, and its weights outside this square are 0.

    If `scale` is given, the rows are then normalised. The places of the squares are drawn once, with the initial
    weights.

    Examples
    --------
    >>> import numpy as np
    >>> from spikedtp.plasticity import ReceptiveFields
    >>> ReceptiveFields(size=2).mask(corners=np.array([[0, 1]]), n_pre=9).reshape(3, 3).tolist()
    [[0.0, 1.0, 1.0], [0.0, 1.0, 1.0], [0.0, 0.0, 0.0]]
    """

    size: int
    image_dims: tuple[int, ...] | None = None
    scale: float | None = None

    def __post_init__(self) -> None:
        if not _is_count(self.size):
            raise SpikedtpError(
                f"ReceptiveFields: size must be a positive whole number of pixels, got {shown(self.size)}"
            )
        if self.image_dims and not (len(self.image_dims) in (2, 3) and all(map(_is_count, self.image_dims))):
            raise SpikedtpError(
                "ReceptiveFields: image_dims must be (height, width) or (channels, height, width), got "
                f"{shown(self.image_dims)}"
            )
        if self.scale is not None:
            check_number("ReceptiveFields", "scale", self.scale)

    def dims(self, n_pre: int) -> tuple[int, int, int]:
        """(channels, height, width) of the image of `n_pre` inputs: `image_dims`, or else a square image."""
        given = self.image_dims or (1, isqrt(n_pre), isqrt(n_pre))
        channels, height, width = (1, *given) if len(given) == 2 else given
        if channels * height * width != n_pre or self.size > min(height, width):
            raise SpikedtpError(
                f"ReceptiveFields: squares of {self.size} pixels do not fit {n_pre} inputs as an image of "
                f"{channels} x {height} x {width}: set image_dims and receptive_field_size"
            )
        return channels, height, width

    def mask(self, corners: np.ndarray, n_pre: int) -> np.ndarray:
        """0/1 mask ``(n_post, n_pre)`` from the squares' upper left corners ``(n_post, 2)`` (row, column)."""
        channels, height, width = self.dims(n_pre)
        mask = np.zeros((len(corners), channels, height, width), dtype=np.float32)
        for cell, (row, column) in enumerate(corners):
            mask[cell, :, row : row + self.size, column : column + self.size] = 1.0
        return mask.reshape(len(corners), n_pre)


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value > 0
