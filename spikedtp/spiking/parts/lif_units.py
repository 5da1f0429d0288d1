"""Leaky integrate-and-fire units of `equations.firing`, for less: what a unit does in a step in one object.

The drive of a rate takes an exponential. Here a cell finds it once for all of its units, cells side by side, and units
whose cell asks for too low a rate take no time. Membranes and spikes are those of the equations, to within rounding.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from typing import Any

import numpy as np
from brian2 import NeuronGroup
from brian2.groups.group import CodeRunner

from spikedtp.equations.firing import FIRING, LEAST_LIF_RATE
from spikedtp.neurons import Declaration
from spikedtp.neurons.declaration import DeclaredModel
from spikedtp.neurons.group import make_group
from spikedtp.spiking.parts.code_objects import code_object_class

__all__ = ["are_lif_units", "make_lif_units"]

_LIF = FIRING["lif"](rate="0*Hz")


def are_lif_units(declaration: Declaration) -> bool:
    """Whether cells of a declaration fire as `firing="lif"` says, and their spikes do nothing else."""
    own = (declaration.before_threshold, declaration.threshold, declaration.reset)
    return own == (_LIF.before_threshold, _LIF.threshold, _LIF.reset) and not declaration.refractory


def make_lif_units(
    model: DeclaredModel,
    n: int,
    *,
    declaration: Declaration,
    blocks: Collection[tuple[int, int, int]],
    **options: Any,
) -> NeuronGroup:
    """`make_group` for a declaration that `are_lif_units`.

    Parameters
    ----------
    blocks : collection of (start, stop, per_cell)
        Which units can fire, in order. `per_cell` neighbours belong to one cell and are asked for the same rate: that
        of the first of them.
    """
    group = make_group(
        model, n, declaration=replace(declaration, before_threshold="", threshold="False", reset=""), **options
    )
    finder = group.thresholder["spike"]
    group.contained_objects.remove(finder)
    for name, shared in (("_pace", False), ("_kept", True)):
        group.variables.add_auxiliary_variable(name, dtype=np.float64, scalar=shared)
    firsts = np.concatenate([np.arange(start, stop, per_cell) for start, stop, per_cell in blocks])
    sizes = np.concatenate([np.full((stop - start) // per_cell, per_cell) for start, stop, per_cell in blocks])
    group.contained_objects.append(
        CodeRunner(
            group,
            "lif_units",
            code="_pace = rate*tau_lif\n_kept = exp(-dt/tau_lif)",
            when=finder.when,
            order=finder.order,
            clock=group.clock,
            name=f"{group.name}_lif_units",
            needed_variables=["membrane", "_spikespace"],
            template_kwds={
                "blocks": list(blocks),
                "cells": list(zip(firsts.tolist(), sizes.tolist(), strict=True)),
                "least": LEAST_LIF_RATE,
                "eventspace_variable": group.variables["_spikespace"],
            },
            codeobj_class=code_object_class(),
        )
    )
    return group
