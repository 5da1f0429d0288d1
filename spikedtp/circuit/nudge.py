"""Which nudge phase a circuit's rules ask for, and which of its populations get a plateau in it."""

from __future__ import annotations

from spikedtp.circuit.description import Circuit, Population

__all__ = ["nudge_kind", "plateau_rule"]


def nudge_kind(circuit: Circuit) -> str:
    """The nudge phase that the circuit's rules ask for: "none", "one-pass", "equilibrated" or "output-only"."""
    kinds = {p.rule.nudge for p in circuit.projections if p.rule is not None} - {"none"}
    return kinds.pop() if len(kinds) == 1 else "none" if not kinds else "mixed"


def plateau_rule(circuit: Circuit, population: Population):
    """The rule that gives this population a plateau (the first of its projections' that asks for a nudge), or None."""
    for projection in circuit.inputs(population.name):
        if projection.rule is not None and projection.rule.nudge != "none":
            return projection.rule
    return None
