"""Arrays of numpy in a pickle: the bytes that the file holds, seen as what the file says that they are."""

from __future__ import annotations

import math
import re
from typing import Any

import numpy as np

from spikedtp.rate.checkpoints.failures import Damaged, Unfit
from spikedtp.rate.checkpoints.pickled_names import Obj, bytes_of
from spikedtp.rate.checkpoints.tensors import MAX_DIMENSIONS, is_count

__all__ = ["array_of", "is_array"]

_MULTIARRAY = ("numpy._core.multiarray._reconstruct", "numpy.core.multiarray._reconstruct")
_BUFFER = ("numpy._core.numeric._frombuffer", "numpy.core.numeric._frombuffer")
_NUMBERS = re.compile(r"[?biufc]\d{0,2}")


def is_array(value: Any) -> bool:
    """Whether a value from a pickle is an array of numpy."""
    return isinstance(value, Obj) and value.maker in (*_MULTIARRAY, *_BUFFER)


def array_of(value: Obj, name: str) -> np.ndarray:
    """The array that a pickle describes; it shares the bytes of the pickle.

    Parameters
    ----------
    value : Obj
        One that `is_array` knows.
    name : str
        Its name in messages.

    Raises
    ------
    Damaged
        Bytes, shape and type do not fit together.
    Unfit
        It holds something else than numbers.
    """
    state = value.state
    if value.maker in _BUFFER:  # protocol 5: (bytes, type, shape, order)
        content, kind, shape, order = value.args if len(value.args) == 4 else (None,) * 4
        fortran = order == "F"
    elif type(state) is tuple and len(state) == 5:  # (version, shape, type, Fortran's order, bytes)
        shape, kind, fortran, content = state[1], state[2], state[3] is True, state[4]
    else:
        raise Damaged(f"the array {name} is not described as numpy does")
    if type(shape) is not tuple or len(shape) > MAX_DIMENSIONS or not all(map(is_count, shape)):
        raise Damaged(f"the shape of the array {name} holds something else than counts")
    dtype, data = _dtype(kind, name), bytes_of(content)
    if data is None or math.prod(shape) * dtype.itemsize != len(data):
        raise Damaged(f"the array {name} has not the bytes that its shape asks for")
    return np.frombuffer(data, dtype=dtype).reshape(shape, order="F" if fortran else "C")


def _dtype(kind: Any, name: str) -> np.dtype:
    if not isinstance(kind, Obj) or kind.maker != "numpy.dtype":
        raise Damaged(f"the type of the array {name} is not described as numpy does")
    code = kind.args[0] if kind.args else None
    if type(code) is not str or not _NUMBERS.fullmatch(code):
        raise Unfit(f"the array {name} holds something else than numbers; convert it with numpy.asarray(..., float)")
    big = type(kind.state) is tuple and kind.state[1:2] == (">",)
    try:
        return np.dtype(code).newbyteorder(">" if big else "<")
    except TypeError:
        raise Damaged(f"the type of the array {name} is none of numpy's") from None
