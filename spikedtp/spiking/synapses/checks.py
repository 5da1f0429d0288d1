"""Checks of the expressions and code given to dense synapses: units, the variables they change, clocks."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import numpy as np
from brian2 import get_device
from brian2.devices.cpp_standalone.device import CPPStandaloneDevice
from brian2.groups.group import Group
from brian2.parsing.expressions import is_boolean_expression, parse_expression_dimensions
from brian2.parsing.statements import parse_statement
from brian2.units.fundamentalunits import DIMENSIONLESS, Dimension, DimensionMismatchError, Quantity, get_unit
from brian2.utils.stringtools import get_identifiers

from spikedtp.errors import SpikedtpError, shown
from spikedtp.parameters import check_quantity

__all__ = [
    "check_clock",
    "check_device",
    "check_first_weights",
    "check_shared",
    "check_size",
    "check_true_or_false",
    "check_writes",
    "dimensions_of",
    "expression",
    "unit_of",
    "with_constants",
]

#: Time steps of two clocks that Brian2 takes to be one.
_SAME = 1e-12


def unit_of(dimensions: Dimension) -> str:
    """A unit as an expression: ``volt``, or 1 if there is no unit."""
    return "1" if dimensions is DIMENSIONLESS else repr(get_unit(dimensions))


def with_constants(owner: str, given: Mapping[str, Any] | None, constants: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters that a script gives to synapses of a rule, and the constants of the rule, as one mapping."""
    more = given or {}
    if taken := sorted(more.keys() & constants.keys()):
        raise SpikedtpError(f"{owner}: {taken[0]!r} is a constant of the rule: give the parameter another name")
    return {**more, **constants}


def expression(owner: str, what: str, given: str | float | Quantity) -> str:
    """A number or Quantity as an expression. An expression is returned as it is."""
    if isinstance(given, str):
        return given
    if not isinstance(given, (int, float, np.number, Quantity)) or np.ndim(given) or not np.isfinite(given):
        raise SpikedtpError(f"{owner}: {what} must be an expression or one finite number, got {shown(given)}")
    number = repr(float(given))
    dimensions = given.dim if isinstance(given, Quantity) else DIMENSIONLESS
    return number if dimensions is DIMENSIONLESS else f"{number}*{unit_of(dimensions)}"


def check_shared(group: Group, what: str, code: str) -> None:
    """Raise unless `code` is text that has one value for all synapses."""
    if not isinstance(code, str):
        raise SpikedtpError(f"{group.name}: {what} must be an expression, given as text, got {shown(code)}")
    for name in sorted(get_identifiers(code)):
        if not getattr(group.variables.get(name), "scalar", True):
            raise SpikedtpError(
                f"{group.name}: {what} must be the same for all synapses, but {name!r} in {code!r} differs from cell "
                "to cell: make it (shared) or a parameter"
            )


def check_true_or_false(group: Group, what: str, code: str) -> None:
    """Raise unless `code` is a condition that has one value for all synapses. A number would be true almost always."""
    check_shared(group, what, code)
    try:
        is_condition = is_boolean_expression(code, group.resolve_all(get_identifiers(code), run_namespace={}))
    except KeyError:  # a name that is known when a run begins
        return
    except (SyntaxError, TypeError, ValueError) as error:
        raise SpikedtpError(f"{group.name}: {what} = {code!r} cannot be evaluated: {error}") from None
    if not is_condition:
        raise SpikedtpError(
            f"{group.name}: {what} must be true or false, as 't_in_timesteps % 100 == 0' is, but {code!r} is a number"
        )


def check_size(group: Group, what: str, value: float | Quantity, dimensions: Dimension) -> None:
    """Raise unless `value` is one finite number of the given dimensions."""
    check_quantity(group.name, what, value, Quantity(1.0, dim=dimensions))


def dimensions_of(group: Group, code: str, run_namespace: dict[str, Any]) -> Dimension | None:
    """The dimensions of an expression, or None if a name in it is not known yet.

    Raises
    ------
    SpikedtpError
        The text is not an expression, or its units contradict each other.
    """
    try:
        variables = group.resolve_all(get_identifiers(code), run_namespace=run_namespace)
        return parse_expression_dimensions(code, variables)
    except KeyError:
        return None
    except (SyntaxError, TypeError, ValueError, DimensionMismatchError) as error:
        raise SpikedtpError(f"{group.name}: {code!r} cannot be evaluated: {error}") from None


def check_writes(group: Group, where: str, code: str, side: str = "") -> None:
    """Refuse code whose result would depend on the order of the synapses."""
    allowed = ("_idx", f"_{side}_idx", f"_{side}_cell")
    for line in filter(None, map(str.strip, re.split(r"[;\n]", code))):
        name = parse_statement(line)[0]
        if name in group.variables and group.variables.indices[name] not in allowed:
            may = f"w and variables of the {side}synaptic cells" if side else "w"
            raise SpikedtpError(f"{group.name}: code of {where} may change {may}, not {name!r} (in {line!r})")


def check_device(owner: str) -> None:
    """Raise an error if the active device was built and run, so that what is made now would never run."""
    if isinstance(device := get_device(), CPPStandaloneDevice) and device.has_been_run:
        raise SpikedtpError(
            f"{owner}: the device cpp_standalone was built and run already: call device.reinit() and device.activate() "
            "before you make a new network"
        )


def check_clock(group: Group, role: str, cells: Group) -> None:
    """Raise an error unless `cells`, whose spikes are read, have the same time steps as `group`."""
    own, other = group.clock, cells.clock
    if abs(other.dt_ - own.dt_) > _SAME * own.dt_:
        raise SpikedtpError(
            f"{group.name} runs every {own.dt} (clock {own.name!r}), but its {role} {cells.name!r} every {other.dt} "
            f"({other.name!r}): give both one clock, or one dt"
        )


def check_first_weights(group: Group, weights: np.ndarray, bounds: tuple[float, float]) -> None:
    """Refuse weights that begin outside their bounds: they would stay there until a spike, or jump."""
    low, high = (weights.dtype.type(bound) for bound in bounds)
    slack = np.finfo(weights.dtype).eps * max([abs(bound) for bound in (low, high) if np.isfinite(bound)], default=0)
    if weights.size and not (low - slack <= weights.min() and weights.max() <= high + slack):
        raise SpikedtpError(
            f"{group.name}: weights must begin within their bounds, {low:g} to {high:g}, "
            f"got {weights.min():g} to {weights.max():g}"
        )
