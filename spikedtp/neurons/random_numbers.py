"""``exponential()``: draws of mean 1 that a declaration may ask for beside Brian2's ``rand()``, on every target."""

from __future__ import annotations

import numpy as np
from brian2 import DEFAULT_FUNCTIONS, Function
from brian2.codegen.generators.numpy_generator import rand_func

__all__ = ["RANDOM_NUMBERS", "exponential"]


def _python(vectorisation_idx: np.ndarray) -> np.ndarray:
    return -np.log(1 - rand_func(vectorisation_idx))


def exponential(cpp: str = "") -> Function:
    """Exp(1) draws: ``-log(1 - rand())``, each from one number of Brian2's generator.

    Parameters
    ----------
    cpp : str
        Another way to draw them in C++, for networks whose project brings one.
    """
    function = Function(
        _python, arg_units=[], return_unit=1, arg_types=[], return_type="float", stateless=False, auto_vectorise=True
    )
    function.implementations.add_implementation("numpy", _python)
    uniform = {"_rand": DEFAULT_FUNCTIONS["rand"]}
    for target, code, needed in (
        ("cython", "cdef double _exponential(int _idx):\n    return -log(1 - _rand(_idx))", uniform),
        ("cpp", cpp or "inline double _exponential(const int k) { return -log(1 - _rand(k)); }", not cpp and uniform),
    ):
        function.implementations.add_implementation(target, code, name="_exponential", dependencies=needed or None)
    return function


#: For the namespace of a group in any network.
RANDOM_NUMBERS = {"exponential": exponential()}
