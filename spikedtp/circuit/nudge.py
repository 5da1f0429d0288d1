"""Which nudge phase a circuit's rules ask for, and which of its populations get a plateau in it."""

from __future__ import annotations

from spikedtp.circuit.circuit import Circuit
from spikedtp.circuit.parts import Population, Projection
from spikedtp.plasticity.plateau import Plateau

__all__ = ["nudge_kind", "plateau_of", "sees_nudge"]


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


def sees_nudge(circuit: Circuit, projection: Projection) -> bool:
    """Whether the rule of a projection sees presynaptic activity as the nudge leaves it.

    Along R it sees the step before. A one-pass nudge has a single step, so along R the rule sees the settled activity.
    """
    return projection.direction != "R" or nudge_kind(circuit) != "one-pass"
