"""Which projections learn, and which of them can do so in spikes."""

from __future__ import annotations

from collections.abc import Iterable

from spikedtp.circuit.circuit import Circuit
from spikedtp.circuit.parts import Projection
from spikedtp.errors import SpikedtpError, known_names, shown
from spikedtp.plasticity import LearningRule

__all__ = ["check_learned", "inputs_of", "learned_rules"]


def inputs_of(circuit: Circuit, population: str) -> tuple[Projection, ...]:
    """The projections onto a population. If there are none, an error is raised."""
    circuit.population(population)
    found = circuit.inputs(population)
    if not found:
        targets = sorted({p.post for p in circuit.projections})
        raise SpikedtpError(f"population {population!r} has no inputs: choose one of {', '.join(targets)}")
    return found


def learned_rules(projections: Iterable[Projection], wanted: list[str] | str | None = None) -> dict[str, LearningRule]:
    """The rules of the projections that learn, or of the wanted ones, each of which must be able to learn in spikes."""
    rules = {p.name: p.rule for p in projections if p.rule is not None}
    if wanted is None:
        wanted = [name for name, rule in rules.items() if not rule.needs_gradient]
    elif isinstance(wanted, str):
        wanted = [wanted]
    elif not isinstance(wanted, Iterable):
        raise SpikedtpError(f"projections must be names such as ['H2E_H1E'], got {shown(wanted)}")
    for name in wanted:
        if name not in rules:
            raise known_names("learned projection", name, rules)
        if rules[name].needs_gradient:
            raise SpikedtpError(
                f"{name} learns by a gradient ({type(rules[name]).__name__}), which has no spiking form"
            )
    return {name: rules[name] for name in wanted}


def check_learned(circuit: Circuit, population: str, *, every: bool = False) -> None:
    """Refuse a population with nothing to compare. With ``every``, "all" may stand for every population."""
    learned = sorted({p.post for p in circuit.projections if p.rule is not None and not p.rule.needs_gradient})
    choices = [*learned, "all"] if learned and every else learned
    if population not in choices:
        circuit.population(population)
        raise SpikedtpError(
            f"population {population!r} has no learned projection with a spiking form, so there is no ΔW to compare: "
            f"choose one of {', '.join(choices) or 'another circuit'}"
        )
