"""What a rate network asks of its circuit and of the samples it is given. Weights are checked in `state`."""

from __future__ import annotations

from typing import Any

import numpy as np

from spikedtp.arrays import as_samples
from spikedtp.circuit import Circuit, Population, Projection, nudge_kind, plateau_of
from spikedtp.errors import SpikedtpError
from spikedtp.plasticity import DendriticLoss, LocalBackprop, PlateauBias
from spikedtp.rate.gradient import check_backward_steps

__all__ = ["check_rate_form", "sample_array"]


def sample_array(value: Any, name: str, population: Population) -> np.ndarray:
    """`value` as float32 ``(n,)`` or ``(samples, n)``; other sizes and numbers that are not finite raise."""
    return as_samples(name, value, population.size, np.float32, cells=population.name)


def _check_arrives(circuit: Circuit, p: Projection, kind: str) -> None:
    """A recurrent projection whose cells are silent in every step that it transmits would never act nor learn."""
    pre = circuit.population(p.pre)
    begins_silent = p.lag >= circuit.forward_steps and not pre.include_bias and p.pre != circuit.input.name
    if p.rule is not None and begins_silent and kind in ("none", "one-pass"):
        raise SpikedtpError(
            f"{circuit.name}: {p.name} transmits activities of the step before, and a presentation has no such step "
            f"(forward_steps: {circuit.forward_steps}), so it would never learn: give more steps; networks that keep "
            "their state between samples, as EIANN's Q_Network, are not here"
        )


def check_rate_form(circuit: Circuit) -> None:
    """`SpikedtpError` where a rule cannot work in this circuit."""
    check_backward_steps(circuit)
    kind = nudge_kind(circuit)
    if kind == "mixed":
        raise SpikedtpError(f"{circuit.name}: its rules ask for different nudge phases; a circuit has only one")
    for population in circuit.populations[1:]:
        dendrite = any(p.compartment == "dend" for p in circuit.inputs(population.name))
        plateau = plateau_of(circuit, population) is not None
        is_output = population.name == circuit.output.name
        if plateau and not dendrite and not is_output:
            raise SpikedtpError(f"{circuit.name}: {population.name} learns from plateaus but has no dendritic input")
        if plateau and kind == "output-only" and not is_output:
            raise SpikedtpError(f"{circuit.name}: {population.name} cannot learn from plateaus of the top layer alone")
        if isinstance(population.bias_rule, PlateauBias) and not plateau:
            raise SpikedtpError(f"{circuit.name}: the bias of {population.name} learns from plateaus that it never has")
        for p in circuit.inputs(population.name):
            _check_arrives(circuit, p, kind)
            if isinstance(p.rule, DendriticLoss) and not dendrite:
                raise SpikedtpError(f"{circuit.name}: {p.name} learns by DendriticLoss but {p.post} has no dendrite")
            if isinstance(p.rule, LocalBackprop) and not any(
                q.compartment == "dend" for q in circuit.inputs(p.rule.source)
            ):
                raise SpikedtpError(f"{circuit.name}: {p.name}: its source {p.rule.source} has no dendritic input")
