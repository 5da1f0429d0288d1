"""Tells from the code of a learning event which presynaptic cells' weights it leaves as they are."""

from __future__ import annotations

import re
from collections.abc import Collection

import sympy
from brian2.parsing.statements import parse_statement
from brian2.parsing.sympytools import str_to_sympy
from brian2.utils.stringtools import get_identifiers

__all__ = ["needed_to_learn"]

CLIP = sympy.Function("clip")


def needed_to_learn(code: str, numbers: Collection[str] = ()) -> tuple[str, ...]:
    """The presynaptic variables of which one must differ from 0 for the code to change ``w``.

    It is empty where this cannot be told, for example for a rule with decay. Names come without their ``_pre``.
    `numbers` are names in the code that are no cell's.

    Examples
    --------
    >>> needed_to_learn("w += learning_rate*plateau_post*clip(pre_settled_pre, 0, 1)")
    ('pre_settled',)
    >>> needed_to_learn("w += learning_rate*(post_settled_post*pre_settled_pre - w)")
    ()
    """
    try:
        return _needed(code, numbers)
    except (TypeError, ValueError, ArithmeticError):  # where sympy compares what has no order at 0, as in log(0) > -3
        return ()


def _needed(code: str, numbers: Collection[str]) -> tuple[str, ...]:
    names = sorted(
        name for name in get_identifiers(re.sub("#.*", "", code)) if name.endswith("_pre") and name not in numbers
    )
    now = dict.fromkeys(names, sympy.Integer(0)) | {"w": str_to_sympy("w")}
    for line in filter(None, (re.sub("#.*", "", line).strip() for line in code.splitlines())):
        name, operation, text, _ = parse_statement(line)
        value = str_to_sympy(text)
        known = {symbol: now[symbol.name] for symbol in value.free_symbols if symbol.name in now}
        value = value.subs(known, simultaneous=True)
        value = value.replace(CLIP, lambda x, low, high: sympy.Min(sympy.Max(x, low), high))
        if operation == "=":
            now[name] = value
        elif operation in ("+=", "-=") and name in now:
            now[name] = now[name] + (value if operation == "+=" else -value)
        else:
            return ()
    return tuple(name.removesuffix("_pre") for name in names) if now["w"] == str_to_sympy("w") else ()
