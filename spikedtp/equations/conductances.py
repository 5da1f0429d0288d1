"""Synaptic conductances in units of a compartment's leak: how they decay, and the voltage that they drive it by."""

from __future__ import annotations

from brian2 import Equations

__all__ = ["decay_of", "drive_of", "names_of", "with_conductances"]

#: The kinds of synapses: excitation (AMPA) and inhibition (GABA).
KINDS = ("exc", "inh")


def names_of(compartment: str) -> tuple[str, ...]:
    """The variables to which synapses of a compartment add: ``g_exc_soma``, ``g_inh_soma``."""
    return tuple(f"g_{kind}_{compartment}" for kind in KINDS)


def with_conductances(*compartments: str) -> Equations:
    return Equations("\n".join(f"{name} : 1" for compartment in compartments for name in names_of(compartment)))


def drive_of(compartment: str, voltage: str) -> str:
    """``sum of g (reversal potential - voltage)``, a voltage."""
    return " + ".join(f"g_{kind}_{compartment}*(v_{kind} - {voltage})" for kind in KINDS)


def decay_of(*compartments: str) -> str:
    """Code of a time step. It comes after the conductances have acted."""
    return "\n".join(f"g_{kind}_{compartment} *= exp(-dt/tau_{kind})" for compartment in compartments for kind in KINDS)
