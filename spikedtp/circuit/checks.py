"""What the values of a circuit must be, however it was made. Who reads a file adds where in it a mistake is."""

from __future__ import annotations

from collections.abc import Iterable
from numbers import Integral
from typing import Any, NoReturn

from spikedtp.errors import SpikedtpError, shown
from spikedtp.plasticity.constraints import Bounds, is_finite

__all__ = ["MAX_CELLS", "MAX_STEPS", "MAX_WEIGHTS", "TENSOR_METHODS", "Checks", "checked_tasks", "listed"]

# Far above what anyone trains online; they keep a damaged or hostile file from taking all memory.
MAX_CELLS = 1_000_000  # of a population
MAX_STEPS = 10_000
MAX_WEIGHTS = 2**26  # of all projections together: 256 MiB

TENSOR_METHODS = ("uniform_", "normal_", "fill_", "zero_")


class Checks:
    """Checks of the values of one thing; `owner` is what messages call it.

    An error has the attributes `field` and `problem`, so that a reader can name the key of its file instead.
    """

    def __init__(self, owner: str):
        self.owner = owner

    def refuse(self, field: str, problem: str) -> NoReturn:
        error = SpikedtpError(": ".join(part for part in (self.owner, field, problem) if part))
        error.field, error.problem = field, problem  # type: ignore[attr-defined]
        raise error

    def choice(self, field: str, value: Any, allowed: dict) -> Any:
        """The meaning of one of the allowed words."""
        if not any(value is word or value == word for word in allowed):  # a value may be unhashable, deep inside
            self.refuse(field, f"must be one of {', '.join(str(a) for a in allowed)}, got {shown(value)}")
        return allowed[value]

    def word(self, field: str, value: Any) -> str:
        if not isinstance(value, str) or not value.strip() or not value.isprintable() or "." in value:
            self.refuse(field, f"must be a word without a dot, got {shown(value)}")
        return value

    def flag(self, field: str, value: Any) -> bool:
        if not isinstance(value, bool):
            self.refuse(field, f"must be true or false, got {shown(value)}")
        return value

    def number(self, field: str, value: Any, *, above: float | None = None) -> float:
        value = _plain(value)
        if not is_finite(value):
            self.refuse(field, f"must be a finite number, got {shown(value)}")
        if above is not None and value <= above:
            self.refuse(field, f"must be above {above:g}, got {shown(value)}")
        return value

    def whole(self, field: str, value: Any, low: int, high: int) -> int:
        value = _plain(value)
        if isinstance(value, bool) or not isinstance(value, int) or value < low:
            self.refuse(field, f"must be a whole number of at least {low}, got {shown(value)}")
        if value > high:
            self.refuse(field, f"must be at most {high}, got {shown(value)}")
        return value

    def numbers(self, field: str, value: Any) -> tuple[float, ...]:
        if value is None:
            return ()
        if not isinstance(value, (tuple, list)):
            self.refuse(field, f"must be a list of numbers, got {shown(value)}")
        return tuple(self.number(field, item) for item in value)

    def bounds(self, field: str, value: Any) -> Bounds:
        if value is None:
            return Bounds()
        if not isinstance(value, (tuple, list)) or len(value) != 2:
            self.refuse(field, f"must be two numbers or nulls (lower, upper), got {shown(value)}")
        lower, upper = (None if item is None else self.number(field, item) for item in value)
        if lower is not None and upper is not None and lower > upper:
            self.refuse(field, f"the lower bound {lower:g} is above the upper bound {upper:g}")
        return Bounds(lower, upper)

    def kind(self, field: str, value: Any, kinds: type | tuple[type, ...], what: str) -> None:
        """None, or a thing of one of these classes."""
        if value is not None and not isinstance(value, kinds):
            self.refuse(field, f"must be {what} or None, got {shown(value)}")


def listed(names: Iterable[str]) -> str:
    """A list of names, cut short where it is long."""
    names = list(names)
    return ", ".join(names[:20]) + (f" and {len(names) - 20} more" if len(names) > 20 else "")


def _plain(value: Any) -> Any:
    """A number of numpy as Python's own."""
    return value.item() if hasattr(value, "item") and getattr(value, "ndim", None) == 0 else value


def checked_tasks(name: str, tasks: Any, n_classes: int) -> tuple[tuple[int, ...], ...]:
    """The tasks as tuples of classes. Every class from 0 to n_classes - 1 must be in one of them, and only in one.

    Raises
    ------
    SpikedtpError
        It is no list of lists, or a class is unknown, in two tasks or in none. `name` stands in front.

    Examples
    --------
    >>> from spikedtp.circuit.checks import checked_tasks
    >>> checked_tasks("tasks", [[0, 1], [2, 3]], 4)
    ((0, 1), (2, 3))
    """
    if not _listed(tasks) or not all(map(_listed, tasks)):
        raise SpikedtpError(f"{name} must be a list of lists of classes, as ((0, 1), (2, 3)), got {shown(tasks)}")
    found = tuple(tuple(task) for task in tasks)
    every = [label for task in found for label in task]
    for label in every:
        if not isinstance(label, Integral) or isinstance(label, bool) or not 0 <= int(label) < n_classes:
            raise SpikedtpError(f"{name}: there is no class {shown(label)}: classes are 0 to {n_classes - 1}")
        if every.count(label) > 1:
            raise SpikedtpError(f"{name}: class {label} stands there twice: each class belongs to one task")
    if missing := sorted(set(range(n_classes)) - set(every)):
        lacks = ", ".join(map(str, missing[:10]))
        raise SpikedtpError(f"{name}: {'classes' if missing[1:] else 'class'} {lacks} missing: put each into one task")
    if empty := [k for k, task in enumerate(found, 1) if not task]:
        raise SpikedtpError(f"{name}: task {empty[0]} has no classes")
    return tuple(tuple(map(int, task)) for task in found)


def _listed(value: Any) -> bool:
    return isinstance(value, Iterable) and not isinstance(value, (str, bytes, dict)) and hasattr(value, "__len__")
