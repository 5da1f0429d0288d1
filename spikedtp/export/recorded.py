"""What was recorded in a response, in the one form that all exports start from."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

__all__ = ["about", "batch", "in_volt", "recorded", "units_of"]

RECORDS = ("spikes", "v_soma", "v_dend", "eligibility")


def recorded(response: Any) -> Iterator[tuple[str, str, np.ndarray]]:
    """(kind, population, values) of everything that was recorded, values (samples, repeats, steps, cells)."""
    for kind in RECORDS:
        if kind in response.spec.record and hasattr(response, kind):
            for population, values in getattr(response, kind).items():
                yield kind, population, batch(response, values)


def units_of(response: Any, population: str) -> tuple[np.ndarray, np.ndarray] | None:
    """For each unit the cell that it fires for, and what its spike counts, 1 or -1; None where cells fire."""
    spec = response.spec
    if not hasattr(spec, "spiker_slices") or population not in spec.spiker_slices():
        return None
    place = spec.spiker_slices()[population]
    unit_rates, cells = spec.spiker_constants()
    return cells[place] - spec.slices()[population].start, np.sign(unit_rates[place]).astype(int)


def batch(response: Any, values: np.ndarray) -> np.ndarray:
    """`values` with a sample axis in front."""
    return values if response.batched else values[None]


def in_volt(response: Any, kind: str) -> bool:
    """Whether the values of this kind are volts; the voltages of linear cells are numbers without units."""
    return kind != "eligibility" and response.in_volt


def about(response: Any) -> dict[str, Any]:
    return {name: getattr(response, name) for name in ("population", "readout") if hasattr(response, name)}
