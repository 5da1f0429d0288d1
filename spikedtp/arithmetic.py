"""Floating-point arithmetic that does not depend on what the caller has told numpy."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar, cast

import numpy as np

__all__ = ["underflow_is_zero"]

Function = TypeVar("Function", bound=Callable)


def underflow_is_zero(function: Function) -> Function:
    """In `function` a product that is too small for its type is 0 and not an error. Small numbers are no mistake."""

    @wraps(function)
    def calm(*args: Any, **kwargs: Any) -> Any:
        with np.errstate(under="ignore"):
            return function(*args, **kwargs)

    return cast(Function, calm)
