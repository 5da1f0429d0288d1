"""What a group computes in steps in which a variable that all its cells share is 0: then less has to be read."""

from __future__ import annotations

import numpy as np
from brian2 import NeuronGroup
from brian2.equations.equations import SUBEXPRESSION
from brian2.parsing.sympytools import str_to_sympy, sympy_to_str

__all__ = ["pushed_and_calm"]


def pushed_and_calm(group: NeuronGroup, push: str, result: str, expression: str) -> dict[str, str]:
    """Code blocks for a template: `pushed` sets `result`, `calm` does the same where `push` is 0, `step` says `_calm`.

    Parameters
    ----------
    push : str
        A shared variable of the group; with "" no step is calm.
    result : str
        The name of an auxiliary variable, which is declared here.
    expression : str
        Of variables of the group. Units are not checked in calm code: of 0*Hz it makes 0.
    """
    for name, dtype, shared in ((result, np.float64, False), ("_calm", bool, True)):
        if name not in group.variables:
            group.variables.add_auxiliary_variable(name, dtype=dtype, scalar=shared)
    calm = _without(push, group, expression) if push else expression
    return {
        "step": f"_calm = {f'{push} == 0' if push else 'False'}",
        "pushed": f"{result} = {expression}",
        "calm": f"{result} = {calm}",
    }


def _without(push: str, group: NeuronGroup, expression: str) -> str:
    """The expression where `push` is 0, in terms of what the cells store."""
    code = str_to_sympy(expression)
    known = {
        str_to_sympy(equation.varname): str_to_sympy(equation.expr.code)
        for equation in group.user_equations.values()
        if equation.type == SUBEXPRESSION
    }
    known[str_to_sympy(push)] = 0
    while not known.keys().isdisjoint(code.free_symbols):
        code = code.subs(known)
    return sympy_to_str(code)
