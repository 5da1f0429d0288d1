"""Weights onto conductances of cells, which no synapse may lower: they are refused before anything runs."""

from __future__ import annotations

from typing import Any

import numpy as np
from brian2.units.fundamentalunits import Quantity

from spikedtp.errors import SpikedtpError
from spikedtp.spiking.synapses.ends import Cells

__all__ = ["check_raises", "is_conductance"]


def is_conductance(cells: Cells, onto: str | None) -> bool:
    """Whether a variable of cells is one that they name in `never_negative`."""
    return onto in getattr(cells.group, "never_negative", ())


def check_raises(owner: str, what: str, onto: str, values: Any) -> None:
    """Refuse numbers that would lower the conductance `onto`. Expressions are known when a run begins."""
    if isinstance(values, str):
        return
    numbers = np.asarray(values)
    if numbers.size and numbers.min() < 0:
        lowest = (values if isinstance(values, Quantity) else numbers).min()
        raise SpikedtpError(
            f"{owner}: {what} onto {onto!r} must be at least 0, got {lowest}: no synapse can lower a "
            "conductance, so give inhibition synapses of its own"
        )
