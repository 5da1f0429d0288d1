"""Which nudge phase a circuit's rules ask for, which of its populations get a plateau in it, which outputs an error."""

from __future__ import annotations

import numpy as np

from spikedtp.circuit.circuit import Circuit
from spikedtp.circuit.parts import Population, Projection
from spikedtp.errors import SpikedtpError
from spikedtp.plasticity.plateau import Plateau

__all__ = ["instructed_cells", "nudge_kind", "plateau_of", "sees_nudge"]


def nudge_kind(circuit: Circuit) -> str:
    """The nudge phase that the circuit's rules ask for: "none", "one-pass", "equilibrated" or "output-only"."""
    kinds = {p.rule.nudge for p in circuit.projections if p.rule is not None} - {"none"}
    return kinds.pop() if len(kinds) == 1 else "none" if not kinds else "mixed"


def plateau_of(circuit: Circuit, population: Population) -> Plateau | None:
    """The plateau of this population: that of the first of its projections' rules that asks for a nudge, or None."""
    for projection in circuit.inputs(population.name):
        if projection.rule is not None and projection.rule.nudge != "none":
            return projection.rule.plateau_form()
    return None


def instructed_cells(circuit: Circuit, task: int) -> np.ndarray:
    """1 for the output cells that are instructed in a task, counted from 0, and 0 for the others: ``(n_out,)``."""
    tasks = circuit.task_classes
    found = np.ones(circuit.output.size, dtype=np.float32)
    if tasks is not None:
        if task >= len(tasks):
            raise SpikedtpError(f"all {len(tasks)} tasks of {circuit.name} have ended: no output cell is instructed")
        found[:] = 0
        found[list(tasks[task])] = 1
    return found


def sees_nudge(circuit: Circuit, projection: Projection) -> bool:
    """Whether the rule of a projection sees presynaptic activity as the nudge leaves it.

    Along R it sees the step before. A one-pass nudge has a single step, so along R the rule sees the settled activity.
    """
    return projection.direction != "R" or nudge_kind(circuit) != "one-pass"
