"""What a caller chooses of a recording: ids of cells and trials, and values of columns."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from spikedtp.errors import SpikedtpError, shown
from spikedtp.parameters import check_whole

__all__ = ["checked_ids", "checked_trials", "checked_where"]


def checked_ids(what: str, ids: Any) -> list[int]:
    """Ids of cells or trials, which are whole numbers that differ."""
    if isinstance(ids, str | bytes) or not isinstance(ids, Iterable) or getattr(ids, "shape", None) == ():
        raise SpikedtpError(f"ids of {what}s must be a sequence of whole numbers, such as [0, 3], got {shown(ids)}")
    found = [check_whole(f"an id of a {what}", number) for number in ids]
    if len(set(found)) < len(found):
        raise SpikedtpError(f"ids of {what}s must differ, got {shown(found)}")
    return found


def checked_trials(trials: Any) -> bool | list[int]:
    """Whether there are trials, or the ids of the wanted ones, of which there is at least one."""
    if isinstance(trials, bool | np.bool_):
        return bool(trials)
    if trials is None or isinstance(trials, int | float | np.number):
        raise SpikedtpError(f"trials must be True, False or ids of trials, such as [0, 3], got {shown(trials)}")
    if not (found := checked_ids("trial", trials)):
        raise SpikedtpError("trials names no trial: give ids, or True for all of them")
    return found


def checked_where(where: Any) -> dict[str, Any]:
    """The value that each named column or annotation must have."""
    if where is None:
        return {}
    if not isinstance(where, Mapping):
        raise SpikedtpError(f"where must be a dict, column -> value, such as {{'area': 'CA1'}}, got {shown(where)}")
    for name, value in where.items():
        if not isinstance(name, str):
            raise SpikedtpError(f"where must name columns, got {shown(name)}")
        if isinstance(value, list | tuple | set | dict) or np.ndim(value):
            raise SpikedtpError(f"where: {name} must be one value, got {shown(value)}")
    return dict(where)
