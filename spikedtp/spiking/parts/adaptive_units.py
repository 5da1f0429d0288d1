"""Leaky membranes of `equations.adaptive_firing`, for less: what a unit does before thresholds are tested.

Units of one block have one unit rate, so that what follows from it is found once, and what a cell is driven by is found
once for all of its units. Membranes are those of the equations, to within rounding.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from brian2 import NeuronGroup
from brian2.groups.group import CodeRunner

from spikedtp.spiking.parts.calm import pushed_and_calm
from spikedtp.spiking.parts.code_objects import code_object_class

__all__ = ["move_membranes"]

#: Of a time step, and of a unit rate.
STEP = {
    "_threshold": "threshold_membrane",
    "_kept": "exp(-dt/tau_adaptation)",
    "_share": "1 - exp(-dt/tau_membrane)",
    "_steps": "1 + tau_membrane/dt",
}
RATE = {"_gain": "gain_membrane", "_sign": "2*int(unit_rate > 0*Hz) - 1", "_offset": "offset"}


def move_membranes(
    group: NeuronGroup,
    blocks: Sequence[tuple[int, int, int]],
    push: str = "",
    *,
    noisy: bool,
    conductances: bool,
) -> None:
    """Let cells with the equations of `adaptive_firing` move before thresholds are tested.

    Parameters
    ----------
    group : NeuronGroup
        With no code of its own before thresholds.
    blocks : sequence of (start, stop, per_cell)
        Which units can fire, in order. Those of a block have one unit rate. `per_cell` neighbours belong to one cell
        and are driven by the same activity, and opening: that of the first of them.
    push : str
        A variable that all cells share, and that is often 0: then nothing is read that it multiplies.
    noisy, conductances : bool
        As in `adaptive_firing`.
    """
    code = pushed_and_calm(group, push, "_activity", "activity")
    step, rate = dict(STEP), dict(RATE)
    if noisy:
        rate["_swing"] = "noise*offset*sqrt(1 - exp(-dt/tau_membrane)**2)"
        code["step"] = f"seed_of_kicks = int(2147483647*rand())\n{code['step']}"
        code["unit"] = "_kick = kick(i, seed_of_kicks)"
    code["step"] += "".join(f"\n{name} = {text}" for name, text in step.items())
    code["rate"] = "\n".join(f"{name} = {text}" for name, text in rate.items())
    if conductances:
        for part in ("pushed", "calm"):
            code[part] += "\n_opening = opening"
    for name in (*rate, "_opening", "_kick"):
        group.variables.add_auxiliary_variable(name, dtype=np.float64)
    for name in step:
        group.variables.add_auxiliary_variable(name, dtype=np.float64, scalar=True)
    firsts = [(first, per_cell) for start, stop, per_cell in blocks for first in range(start, stop, per_cell)]
    group.contained_objects.append(
        CodeRunner(
            group,
            "adaptive_units",
            code=code,
            when="before_thresholds",
            order=group.order,
            clock=group.clock,
            name=f"{group.name}_adaptive_units",
            check_units=False,
            needed_variables=[
                "membrane",
                "adaptation",
                "dead_steps",
                *(["background"] if noisy and conductances else []),
            ],
            template_kwds={"blocks": blocks, "cells": firsts, "noisy": noisy, "conductances": conductances},
            codeobj_class=code_object_class(),
        )
    )
