"""What a torch program computes between two rectifiers: an affine function of the activities of populations.

No list of layers is needed for this. An operation is applied to a basis of each population's activities instead, one
row for each cell, and to 0. The difference is its matrix.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch

from spikedtp.errors import SpikedtpError

__all__ = ["MAX_WEIGHTS", "Affine", "Batch", "apply", "values_in"]

#: Weights between two populations: a dense matrix of more does not fit.
MAX_WEIGHTS = 2**27
#: Cells of a population: as many rows, and as many columns, has the basis of its activities.
MAX_CELLS = math.isqrt(MAX_WEIGHTS)


class Batch:
    """The number of samples, where a program asks for it."""

    def __repr__(self) -> str:
        return "the number of samples"


@dataclass(frozen=True)
class Affine:
    """``offset + sum over populations of activity @ matrix``, for tensors of any shape.

    Attributes
    ----------
    offset : tensor, (1, ...)
        The value where all activities are 0.
    matrix : dict of tensor, (n, ...)
        What each cell of a population adds at an activity of 1.
    sparse : bool
        Whether entries are 0 because an operation reaches only some of the cells, as a convolution does.
    """

    offset: torch.Tensor
    matrix: dict[str, torch.Tensor] = field(default_factory=dict)
    sparse: bool = False

    @classmethod
    def of(cls, population: str, shape: tuple[int, ...]) -> Affine:
        """The activity of a population itself, whose cells lie in `shape`."""
        if not _size(shape):
            raise SpikedtpError(f"{population} would have no cells: its shape is {' x '.join(map(str, shape))}")
        if _size(shape) ** 2 > MAX_WEIGHTS:
            raise SpikedtpError(
                f"{population} would have {_size(shape)} cells in {' x '.join(map(str, shape))}, and {MAX_CELLS} are "
                "the most whose connections can be found: take a smaller image or fewer channels"
            )
        cells = torch.eye(_size(shape), dtype=torch.float64).reshape(-1, *shape)
        return cls(torch.zeros(1, *shape, dtype=torch.float64), {population: cells})

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of one sample."""
        return tuple(self.offset.shape[1:])

    def weights(self, population: str) -> torch.Tensor:
        """(n_post, n_pre), as `torch.nn.Linear` has them."""
        return self.matrix[population].flatten(1).T

    def is_activity_of(self, population: str) -> bool:
        """Whether this is nothing but the activity of a population."""
        if set(self.matrix) != {population} or bool(self.offset.any()):
            return False
        weights = self.weights(population)
        return weights.shape[0] == weights.shape[1] and torch.equal(weights, torch.eye(len(weights)).to(weights))


def apply(
    operation: Callable[..., Any], arguments: Any, keywords: Mapping[str, Any], name: str, *, sparse: bool = False
) -> Affine:
    """The result of an operation that is affine in all arguments that are `Affine` together.

    Raises
    ------
    SpikedtpError
        It fails, mixes samples, or would need a matrix that is too large.
    """
    given = values_in([arguments, keywords])
    offset = _run(operation, arguments, keywords, name, lambda value: value.offset, 1)
    matrix = {}
    for population in dict.fromkeys(source for value in given for source in value.matrix):
        n = next(len(value.matrix[population]) for value in given if population in value.matrix)
        if n * offset.numel() > MAX_WEIGHTS:
            raise SpikedtpError(
                f"{name}: {n} x {offset.numel()} weights do not fit as a dense matrix (at most {MAX_WEIGHTS} can be "
                "held): take a smaller image or fewer channels"
            )

        def basis(value: Affine, population: str = population, n: int = n) -> torch.Tensor:
            found = value.matrix.get(population)
            return torch.zeros(n, *value.shape, dtype=torch.float64) if found is None else found

        at_zero = _run(operation, arguments, keywords, name, lambda value: torch.zeros_like(value.offset), 1)
        matrix[population] = _run(operation, arguments, keywords, name, basis, n) - at_zero
    return Affine(offset, matrix, sparse or any(value.sparse for value in given))


def _run(
    operation: Callable[..., Any],
    arguments: Any,
    keywords: Mapping[str, Any],
    name: str,
    tensor_of: Callable[[Affine], torch.Tensor],
    n: int,
) -> torch.Tensor:
    def plain(value: Any) -> Any:
        if isinstance(value, Affine):
            return tensor_of(value)
        return n if isinstance(value, Batch) else value

    try:
        result = operation(*_mapped(arguments, plain), **_mapped(dict(keywords), plain))
    except (RuntimeError, TypeError, ValueError, IndexError) as error:
        raise SpikedtpError(f"{name} cannot be applied: {' '.join(str(error).split())[:300]}") from None
    if not isinstance(result, torch.Tensor) or result.ndim < 1 or result.shape[0] != n:
        raise SpikedtpError(f"{name} mixes samples or does not give one value for each: write it for (samples, ...)")
    return result


def _mapped(value: Any, change: Callable[[Any], Any]) -> Any:
    if isinstance(value, (tuple, list)):
        return type(value)(_mapped(item, change) for item in value)
    if isinstance(value, dict):
        return {key: _mapped(item, change) for key, item in value.items()}
    if isinstance(value, slice):
        return slice(*(_mapped(part, change) for part in (value.start, value.stop, value.step)))
    return change(value)


def values_in(value: Any) -> list[Affine]:
    """All that depend on activities, at any depth of lists, dicts and slices."""
    found: list[Affine] = []

    def note(item: Any) -> Any:
        if isinstance(item, Affine):
            found.append(item)
        return item

    _mapped(value, note)
    return found


def _size(shape: tuple[int, ...]) -> int:
    return int(torch.Size(shape).numel())
