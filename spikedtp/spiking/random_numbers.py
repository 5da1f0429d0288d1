"""Random numbers that declarations may ask for beside Brian2's ``rand()``: ``exponential()``, many at a time."""

from __future__ import annotations

import numpy as np
from brian2 import Function
from brian2.codegen.generators.numpy_generator import rand_func

__all__ = ["RANDOM_NUMBERS"]


def _python(vectorisation_idx):
    return -np.log(1 - rand_func(vectorisation_idx))


def _exponential() -> Function:
    """Exp(1) draws: ``-log(1 - rand())``, the same numbers on every device as long as nothing else draws in between."""
    function = Function(
        _python, arg_units=[], return_unit=1, arg_types=[], return_type="float", stateless=False, auto_vectorise=True
    )
    function.implementations.add_implementation("numpy", _python)
    code = """
    static inline double _exponential(const int)
    {
        return spikedtp::exponentials().next(brian::_random_generators[0]);
    }
    """
    function.implementations.add_implementation("cpp", code, name="_exponential")
    return function


#: For the namespace of a group.
RANDOM_NUMBERS = {"exponential": _exponential()}
