"""How floating point arithmetic is to behave, whatever the caller has told numpy. No numbers here."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar, cast

import numpy as np

__all__ = ["underflow_is_zero"]

Function = TypeVar("Function", bound=Callable)


def underflow_is_zero(function: Function) -> Function:
    """A product too small for its type is 0 in `function`, no error: faint inputs and small weights are no fault."""

    @wraps(function)
    def calm(*args: Any, **kwargs: Any) -> Any:
        with np.errstate(under="ignore"):
            return function(*args, **kwargs)

    return cast(Function, calm)
