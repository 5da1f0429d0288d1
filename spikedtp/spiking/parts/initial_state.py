"""Sets cells to where a presentation begins, by Brian2 assignments that run on either device."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import numpy as np
from brian2 import NeuronGroup
from brian2.equations.equations import DIFFERENTIAL_EQUATION, PARAMETER

from spikedtp.neurons import Declaration

__all__ = ["first_values", "start_cells"]


def first_values(expression: str, parameters: Mapping[str, Any], n: int, rng: np.random.Generator) -> np.ndarray:
    """The initial expression of a declaration as numbers, ``(n,)`` float64 in SI units.

    Parameters
    ----------
    expression : str
        It may use the parameters, ``rand()``, ``randn()``, ``exponential()``, and functions of numpy.
    parameters : mapping
        Numbers and quantities by name.
    """
    names = {name: float(value) for name, value in parameters.items()}
    draws = {"rand": lambda: rng.random(n), "randn": lambda: rng.normal(size=n)}
    draws["exponential"] = lambda: rng.exponential(size=n)
    code = compile(expression, "initial state", "eval")
    functions = {
        name: getattr(np, name) for name in code.co_names if name not in {*names, *draws} and hasattr(np, name)
    }
    return np.broadcast_to(eval(code, {"__builtins__": {}}, functions | names | draws), n).astype(float)


def start_cells(
    group: NeuronGroup,
    declaration: Declaration,
    *,
    more: Mapping[str, str] | None = None,
    lasting: Collection[str] = (),
) -> None:
    """Every state variable to its initial expression, or to 0; those in `lasting` stay as they are.

    Parameters
    ----------
    group : NeuronGroup
    declaration : Declaration
        Of the cells' model: initial expressions, and whether there is a refractory time to forget.
    more : mapping, optional
        Initial expressions of variables that the group has beside its model's.
    lasting : collection of str
    """
    initial = {**(more or {}), **declaration.initial}  # a cell may begin at rest under what arrives all the time
    states = sorted(
        equation.varname
        for equation in group.user_equations.values()
        if equation.type == DIFFERENTIAL_EQUATION or (equation.type == PARAMETER and "constant" not in equation.flags)
    )
    for name in states:
        if name not in initial and name not in lasting:
            group.state(name, use_units=False)[:] = 0
    if declaration.refractory:
        group.state("lastspike", use_units=False)[:] = -1e4
        group.state("not_refractory", use_units=False)[:] = True  # Brian2 finds it anew after the first thresholds
    for name, expression in initial.items():
        if name in lasting:
            continue
        group.state(name).set_item(slice(None), expression, namespace={})  # none of the names of this function
