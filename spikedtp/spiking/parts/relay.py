"""A group of cells that repeats those spikes of other cells for which a condition holds, in the same time step."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from brian2 import Equations, NeuronGroup
from brian2.groups.group import Group
from numpy.typing import DTypeLike

from spikedtp.spiking.parts.code_objects import code_object_class

__all__ = ["spike_relay"]


def spike_relay(
    source: Group,
    condition: str = "True",
    *,
    name: str,
    model: str | Equations = "",
    reset: str = "",
    order: int = 1,
    resets: tuple[str, int] | None = None,
    refers: Mapping[str, Group] | None = None,
    namespace: Mapping[str, Any] | None = None,
    dtype: DTypeLike = np.float64,
) -> NeuronGroup:
    """Make as many cells as `source` has, each of which fires with its cell where `condition` is true.

    Parameters
    ----------
    source : NeuronGroup or Subgroup
    condition : str
        An expression of the cells' own variables.
    model, reset : str
        Variables of the cells, and what a spike does to them.
    order : int
        When the spikes are repeated, in the slot "thresholds". Those of ordinary cells are found in order 0, and those
        of a relay of a relay with a reset need an order of 2 more.
    resets : (str, int), optional
        Slot and order of the reset; by default right after the threshold.
    refers : mapping, optional
        Variables of other groups of the same size that the condition and synapses may use: name -> group.
    namespace : mapping, optional
        Constants.
    dtype
        Of real variables.
    """
    whole, start = getattr(source, "source", source), getattr(source, "start", 0)
    cells = NeuronGroup(
        len(source), model, threshold=condition, reset=reset, method="exact", clock=source.clock, name=name,
        namespace=dict(namespace or {}), dtype=dtype, codeobj_class=code_object_class(),
    )  # fmt: skip
    cells.add_dependency(whole)
    cells.variables.add_reference("_source_spikes", whole, "_spikespace")
    for variable, group in (refers or {}).items():
        cells.variables.add_reference(variable, group)
    finder, resetter = cells.thresholder["spike"], cells.resetter.get("spike")
    finder.template, finder.order = "spike_relay", order
    finder.template_kwds |= {"n": len(source), "source_start": start, "source_size": len(whole)}
    finder.needed_variables += ["_source_spikes"]
    if resetter is not None:
        resetter.when, resetter.order = resets or ("thresholds", order + 1)
    return cells
