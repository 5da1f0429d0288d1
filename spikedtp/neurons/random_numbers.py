"""Random numbers that a declaration may ask for beside Brian2's ``rand()``, on every target.

``exponential()`` draws numbers of mean 1. ``kick(i, seed)`` is a number of mean 0 and variance 1 for cell i: a hash of
i and of a seed that the declaration draws once in each time step. It costs a few operations on integers, which
compilers do for several cells at once. ``randn()`` for each cell and step would cost more than all else of a cell.
"""

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


# C. Wellons' hash "lowbias32". The sum of the four bytes of a hash is nearly normal: bytes are uniform on 0..255.
MEAN, SD = 4 * 255 / 2, (4 * (256**2 - 1) / 12) ** 0.5
_HASH = """
    uint32_t x = (uint32_t)i*0x9e3779b9u ^ (uint32_t)seed;
    x ^= x >> 16; x *= 0x7feb352du; x ^= x >> 15; x *= 0x846ca68bu; x ^= x >> 16;
"""
_CPP = f"""
static inline double kick(const int i, const int seed)
{{{_HASH}
    return ((int)(x & 255u) + (int)(x >> 8 & 255u) + (int)(x >> 16 & 255u) + (int)(x >> 24) - {MEAN!r})*{1 / SD!r};
}}
"""
_CYTHON = f"""
cdef double kick(int i, int seed):
    cdef unsigned int x = (<unsigned int>i)*<unsigned int>0x9e3779b9 ^ <unsigned int>seed
    x ^= x >> 16; x *= <unsigned int>0x7feb352d; x ^= x >> 15; x *= <unsigned int>0x846ca68b; x ^= x >> 16
    return ((x & 255) + (x >> 8 & 255) + (x >> 16 & 255) + (x >> 24) - {MEAN!r})*{1 / SD!r}
"""


def _kick(i: np.ndarray, seed: np.ndarray) -> np.ndarray:
    x = np.asarray(i).astype(np.uint32) * np.uint32(0x9E3779B9) ^ np.asarray(seed).astype(np.uint32)
    for shift, factor in ((16, 0x7FEB352D), (15, 0x846CA68B), (16, 1)):
        x = (x ^ x >> np.uint32(shift)) * np.uint32(factor)
    return (sum((x >> np.uint32(8 * k) & np.uint32(255)).astype(float) for k in range(4)) - MEAN) / SD


def kick() -> Function:
    """``kick(i, seed)``, with the same values on every target."""
    function = Function(
        _kick, arg_units=[1, 1], return_unit=1, arg_types=["integer", "integer"], return_type="float", stateless=True
    )
    for target, code in (("numpy", _kick), ("cython", _CYTHON), ("cpp", _CPP)):
        function.implementations.add_implementation(target, code, name=None if target == "numpy" else "kick")
    return function


#: For the namespace of a group in any network.
RANDOM_NUMBERS = {"exponential": exponential(), "kick": kick()}
