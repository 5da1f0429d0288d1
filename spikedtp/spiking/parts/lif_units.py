"""Leaky integrate-and-fire units of `equations.firing`, for less: what a unit does in a step in one object.

The drive of a rate takes an exponential. Here a cell finds it once for all of its units, cells side by side, and units
whose cell asks for too low a rate take no time. Membranes and spikes are those of the equations, to within rounding.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np
from brian2 import NeuronGroup
from brian2.groups.group import CodeRunner

from spikedtp.equations.firing import LEAST_LIF_RATE
from spikedtp.spiking.parts.calm import pushed_and_calm
from spikedtp.spiking.parts.code_objects import code_object_class

__all__ = ["DRIVE", "find_lif_spikes"]

PACE = "rate*tau_lif"

#: The drive of a pace p = rate * tau without an exponential: 1/(1 - exp(-1/p)) = 1/2 + N(z)/(4 p D(z)) with z = 4 p^2.
#: It is 1/2 + coth(u)/2 with u = 1/(2 p); u coth(u) is a ratio of polynomials in u^2 to within 2e-17 for u up to 10:
#: this is the least pace of a unit that moves. Coefficients of N and D, that of the highest power of z first.
DRIVE = (
    (1.0, 0.4831348056656372, 0.03338717334638787, 0.0007617201750024082, 7.260327771708123e-06, 3.0765208097930844e-08,
     5.477769922199925e-11, 3.249830072396997e-14, 2.7814615251785116e-18),
    (1.0, 0.14980147233230404, 0.0056755714578417766, 8.238251337112363e-05, 5.233587114767774e-07,
     1.4595313325317194e-09, 1.5717796438133413e-12, 4.321888766783286e-16),
)  # fmt: skip


def find_lif_spikes(
    group: NeuronGroup,
    blocks: Sequence[tuple[int, int, int]],
    push: str = "",
    unheard: Collection[tuple[int, int, int]] = (),
) -> None:
    """Let cells with the equations of `lif` fire: integrate, find the spikes and reset, where thresholds are tested.

    Parameters
    ----------
    group : NeuronGroup
        With no code of its own before thresholds, and no reset of membranes.
    blocks : sequence of (start, stop, per_cell)
        Which units can fire, in order. `per_cell` neighbours belong to one cell and are asked for the same rate: that
        of the first of them.
    push : str
        A variable that all cells share, and that is often 0: then nothing is read that it multiplies.
    unheard : collection of (start, stop, per_cell)
        Those of the blocks whose units wait where they are, and are silent, while `push` is not 0.
    """
    finder = group.thresholder["spike"]
    group.contained_objects.remove(finder)
    group.variables.add_auxiliary_variable("_kept", dtype=np.float64, scalar=True)
    code = pushed_and_calm(group, push, "_pace", PACE)
    kinds = [(*block, block in unheard) for block in blocks]
    cells = [(first, block[2], block in unheard) for block in blocks for first in range(*block)]
    group.contained_objects.append(
        CodeRunner(
            group,
            "lif_units",
            code=code | {"step": code["step"] + "\n_kept = exp(-dt/tau_lif)"},
            when=finder.when,
            order=finder.order,
            clock=group.clock,
            name=f"{group.name}_lif_units",
            check_units=False,
            needed_variables=["membrane", "_spikespace"],
            template_kwds={
                "blocks": _joined(kinds),
                "cells": cells,
                "numerator": _in_z(DRIVE[0]),
                "denominator": _in_z(DRIVE[1]),
                "least": LEAST_LIF_RATE,
                "eventspace_variable": group.variables["_spikespace"],
            },
            codeobj_class=code_object_class(),
        )
    )


def _in_z(coefficients: Sequence[float]) -> str:
    code = repr(coefficients[0])
    for coefficient in coefficients[1:]:
        code = f"({code}*_z + {coefficient!r})"
    return code


def _joined(blocks: Sequence[tuple[int, int, int, bool]]) -> list[tuple[int, int, int, bool]]:
    """The same units in as few blocks as can be: each is code of its own."""
    joined: list[tuple[int, int, int, bool]] = []
    for start, stop, per_cell, waits in blocks:
        if joined and joined[-1][1:] == (start, per_cell, waits):
            start = joined.pop()[0]
        joined.append((start, stop, per_cell, waits))
    return joined
