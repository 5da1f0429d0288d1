"""Expressions and numbers given to dense synapses: their units, and whether they are the same for all synapses."""

from __future__ import annotations

import numpy as np
from brian2.groups.group import Group
from brian2.parsing.expressions import parse_expression_dimensions
from brian2.units.fundamentalunits import DIMENSIONLESS, Dimension, DimensionMismatchError, Quantity, get_unit
from brian2.utils.stringtools import get_identifiers

from spikedtp.errors import SpikedtpError, shown
from spikedtp.parameters import check_quantity

__all__ = ["check_shared", "check_size", "dimensions_of", "expression", "unit_of"]


def unit_of(dimensions: Dimension) -> str:
    """As an expression: ``volt``, or 1 where there is none."""
    return "1" if dimensions is DIMENSIONLESS else repr(get_unit(dimensions))


def expression(owner: str, what: str, given) -> str:
    """A number or Quantity as an expression; an expression as it is."""
    if isinstance(given, str):
        return given
    if not isinstance(given, (int, float, np.number, Quantity)) or np.ndim(given) or not np.isfinite(given):
        raise SpikedtpError(f"{owner}: {what} must be an expression or one finite number, got {shown(given)}")
    number = repr(float(given))
    dimensions = given.dim if isinstance(given, Quantity) else DIMENSIONLESS
    return number if dimensions is DIMENSIONLESS else f"{number}*{unit_of(dimensions)}"


def check_shared(group: Group, what: str, code: str) -> None:
    """Raise unless `code` has one value for all synapses."""
    for name in sorted(get_identifiers(code)):
        if not getattr(group.variables.get(name), "scalar", True):
            raise SpikedtpError(
                f"{group.name}: {what} must be the same for all synapses, but {name!r} in {code!r} differs from cell "
                "to cell: make it (shared) or a parameter"
            )


def check_size(group: Group, what: str, value, dimensions: Dimension) -> None:
    """Raise unless `value` is one finite number of the given dimensions."""
    check_quantity(group.name, what, value, Quantity(1.0, dim=dimensions))


def dimensions_of(group: Group, code: str, run_namespace) -> Dimension | None:
    """Of an expression; None where a name in it is not known yet.

    Raises
    ------
    SpikedtpError
        It is no expression, or its units contradict each other.
    """
    try:
        variables = group.resolve_all(get_identifiers(code), run_namespace=run_namespace)
        return parse_expression_dimensions(code, variables)
    except KeyError:
        return None
    except (SyntaxError, TypeError, ValueError, DimensionMismatchError) as error:
        raise SpikedtpError(f"{group.name}: {code!r} cannot be evaluated: {error}") from None
