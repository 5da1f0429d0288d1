"""A rule under test: calls to its code whose mistakes become one line, and what all rules are asked alike."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from spikedtp.errors import SpikedtpError, in_one_line, shown
from spikedtp.registries import check_declared

__all__ = ["N_POST", "N_PRE", "UnderTest", "copies", "largest"]

#: Sizes that a mixed-up axis does not survive.
N_POST, N_PRE = 4, 3


class UnderTest:
    """A rule, its name for messages, and its parameters as they were."""

    def __init__(self, rule: Any, base: type) -> None:
        self.rule, self.name = rule, type(rule).__name__
        check_declared(type(rule), base)
        self._fields = dict(vars(rule))

    def fail(self, what: str, remedy: str) -> SpikedtpError:
        return SpikedtpError(f"{self.name}.{what}: {remedy}")

    def call(self, method: str, *arguments: Any, rule: Any = None) -> Any:
        """A method's result; whatever else it raises than a user's mistake becomes one."""
        return self.run(method, lambda: getattr(self.rule if rule is None else rule, method)(*arguments))

    def run(self, what: str, function: Callable[[], Any]) -> Any:
        try:
            with np.errstate(all="ignore"):  # what is not finite is found, and named
                return function()
        except SpikedtpError:
            raise
        except Exception as problem:  # the user's own code, and it may do anything
            raise self.fail(
                f"{what} fails with {in_one_line(problem)}", "it is called as its base class says"
            ) from problem

    def check_array(self, what: str, array: Any, shape: tuple[int, ...], dtype: Any) -> None:
        """Refuse what has another shape or type, or is not finite."""
        found = np.shape(array)
        if found != shape:
            raise self.fail(
                f"{what} has the shape {found} for {N_POST} postsynaptic and {N_PRE} presynaptic cells",
                f"it must be {shape}; weights are (n_post, n_pre), and other axes come first",
            )
        if np.asarray(array).dtype != dtype:
            raise self.fail(
                f"{what} is {np.asarray(array).dtype} where signals are {np.dtype(dtype)}",
                "keep their type, with operators, Python's numbers and initial_state's dtype",
            )
        if not np.isfinite(array).all():
            raise self.fail(f"{what} is not finite", "guard divisions, logarithms and exponentials")

    def check_state(self, what: str, state: Any, like: Mapping[str, Any] | None = None) -> None:
        """Refuse what is no mapping of arrays by name, or names others than `like`."""
        if not isinstance(state, Mapping) or not all(isinstance(value, np.ndarray) for value in state.values()):
            raise self.fail(f"{what} is {shown(state)}", "it must be a mapping from names to arrays")
        if like is not None and set(state) != set(like):
            raise self.fail(f"{what} has {sorted(state)}", f"it must have what initial_state has, {sorted(like)}")

    def check_fresh_state(self, make: Callable[[], dict[str, np.ndarray]]) -> None:
        """Refuse an initial state that remembers what was done to an earlier one."""
        first = make()
        kept = copies(first)
        for value in first.values():
            value[...] = 99.0
        again = make()
        if any(not np.array_equal(kept[name], again[name]) for name in kept):
            raise self.fail("initial_state gives the same arrays again", "make new ones in every call")

    def check_untouched(self, what: str, now: Mapping[str, Any], before: Mapping[str, Any]) -> None:
        """Refuse a call that has changed what it was given, or the rule itself."""
        for name, value in before.items():
            if not np.array_equal(now[name], value, equal_nan=True):
                raise self.fail(
                    f"{what} writes into {name} in place", "compute a new array, as in x = x + 1 for x += 1"
                )
        if vars(self.rule) != self._fields:
            raise self.fail(
                f"{what} changes the rule itself", "what must last goes through next_state or the stepper's state"
            )


def copies(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: np.array(value) for name, value in values.items() if value is not None}


def largest(array: Any) -> float:
    return float(np.max(np.abs(array), initial=0.0))
