"""The code of a network on the runtime device, kept from one run to the next."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from brian2 import Network
from brian2.codegen.codeobject import CodeObject
from brian2.core.variables import ArrayVariable
from brian2.groups.group import CodeRunner

__all__ = ["keep_code"]


def keep_code(network: Network) -> None:
    """Let each run of a network use the code of the run before. Brian2 would generate all of it again.

    Between runs, values may change, but not the objects, their equations or the time step. Code is made again where an
    array has moved, or a constant that all cells share has another value: the code holds these.
    """
    for item in network.sorted_objects:
        if isinstance(item, CodeRunner):
            item.create_code_objects = partial(_create, item, item.create_code_objects)


def _create(item: CodeRunner, create: Callable[[Any], None], run_namespace: Any) -> None:
    if not item.code_objects or not all(map(_holds, item.code_objects)):
        create(run_namespace)


def _holds(code: CodeObject) -> bool:
    """Whether everything that the code holds is still there."""
    for name, variable in code.variables.items():
        if isinstance(variable, ArrayVariable):
            now = variable.get_value()
            held = code.namespace[code.generator_class.get_array_name(variable)]
            if _place(held) != _place(now):
                return False
            if variable.scalar and variable.constant and code.namespace[name] != now[0]:
                return False
    return True


def _place(array: np.ndarray) -> tuple[int, tuple[int, ...]]:
    return array.__array_interface__["data"][0], array.shape
