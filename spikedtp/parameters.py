"""Parameters with units: dataclass fields that are checked when an instance is made."""

from __future__ import annotations

from dataclasses import MISSING, Field, field, fields
from typing import Any, ClassVar, TypeAlias

import numpy as np
from brian2 import Hz, amp, farad, kHz, mM, molar, ms, mV, nA, nS, pA, pF, second, siemens, us, volt
from brian2.units.fundamentalunits import DIMENSIONLESS, Quantity, get_dimensions, get_unit

from spikedtp.errors import SpikedtpError, known_names, shown

__all__ = ["Parameters", "check_quantity", "check_whole", "parameter", "read_value"]

Number: TypeAlias = Quantity | float


def parameter(
    default: Number, *, above: Number | None = None, least: Number | None = None, most: Number | None = None
) -> Any:
    """A dataclass field whose value must have the units of its default.

    Parameters
    ----------
    default : Quantity or float
        The default value, which also decides the dimensions. (A `Quantity` is unhashable, so the field uses a factory.)
    above, least, most : Quantity or float, optional
        Exclusive lower, inclusive lower and inclusive upper limit.
    """
    limits = {"above": above, "least": least, "most": most}
    return field(default_factory=lambda: default, metadata={"like": default, **limits})


def check_quantity(
    owner: str,
    name: str,
    value: Any,
    like: Number,
    *,
    above: Number | None = None,
    least: Number | None = None,
    most: Number | None = None,
) -> None:
    """Raise a one-line error that names owner, field, rule and value if `value` is no number in the units of `like`."""
    where = f"{owner}.{name}"
    try:
        fits = get_dimensions(value) == get_dimensions(like)
    except (TypeError, ValueError):  # Brian2's for what is no number at all
        fits = False
    if not fits:
        unit = get_unit(get_dimensions(like))
        expected = "a number without units" if get_dimensions(like) is DIMENSIONLESS else f"a quantity in {unit}"
        raise SpikedtpError(f"{where} must be {expected} (such as {_written(like)}), got {shown(value)}")
    number = np.asarray(value)
    if number.ndim or number.dtype.kind not in "fiu" or not np.isfinite(number):
        raise SpikedtpError(f"{where} must be one finite number, got {shown(value)}")
    for limit, word, holds in (
        (above, "above", lambda: value > above),
        (least, "at least", lambda: value >= least),
        (most, "at most", lambda: value <= most),
    ):
        if limit is not None and not holds():
            raise SpikedtpError(f"{where} must be {word} {limit}, got {value}")


def check_whole(name: str, value: Any, *, least: int = 0, most: int = 2**63 - 1) -> int:
    """`value` as an int. Anything but a whole number from `least` to `most` raises a one-line error.

    It is for counts and seeds. Most generators accept None as a seed and then use another seed at each call.

    Examples
    --------
    >>> check_whole("seed", 3)
    3
    """
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < least:
        raise SpikedtpError(f"{name} must be a whole number of at least {least}, got {shown(value)}")
    if value > most:
        raise SpikedtpError(f"{name} must be at most {most}, got {shown(value)}")
    return int(value)


def _written(value: Number) -> str:
    """A quantity as one writes it: ``60*ms``, which Brian2 prints as ``60. ms``."""
    number, _, unit = str(value).partition(" ")
    return f"{float(number):g}*{unit}" if unit else str(value)


#: As they are written, and as messages show them.
UNITS = {
    str(unit): unit for unit in (ms, us, second, Hz, kHz, mV, volt, pA, nA, amp, nS, siemens, pF, farad, mM, molar)
} | {"second": second}


def read_value(text: str) -> Quantity | float | int | bool | str:
    """A parameter as written on a command line: ``25*ms``, ``20*pA``, ``0.2``, ``3``, ``true``, or a word.

    Examples
    --------
    >>> read_value("25*ms"), read_value("3"), read_value("best")
    (25. * msecond, 3, 'best')
    """
    number, star, unit = (part.strip() for part in text.partition("*"))
    if text.strip().lower() in ("true", "false"):
        return text.strip().lower() == "true"
    try:
        size = float(number)
    except ValueError:
        return text.strip()
    if not star:
        return int(number) if number.lstrip("+-").isdigit() and abs(size) < 2**63 else size
    if unit not in UNITS:
        raise known_names(f"unit in {text}", unit, UNITS)
    return size * UNITS[unit]


class Parameters:
    """Base of frozen dataclasses whose `parameter` fields are checked when an instance is made."""

    __dataclass_fields__: ClassVar[dict[str, Field[Any]]]

    def __post_init__(self) -> None:
        for f in fields(self):
            if "like" in f.metadata:
                limits = {key: f.metadata[key] for key in ("above", "least", "most")}
                check_quantity(type(self).__name__, f.name, getattr(self, f.name), f.metadata["like"], **limits)

    def quantities(self) -> dict[str, Number]:
        """The checked parameters by name."""
        return {f.name: getattr(self, f.name) for f in fields(self) if "like" in f.metadata}

    @classmethod
    def default(cls, name: str) -> Any:
        """The default of parameter `name`."""
        (chosen,) = (f for f in fields(cls) if f.name == name)
        return chosen.default_factory() if chosen.default_factory is not MISSING else chosen.default
