"""Passive membranes: one equation per compartment."""

from brian2 import Equations

__all__ = ["leaky_compartment", "synaptic_drive"]


def leaky_compartment(v: str, tau: str, drive: str) -> Equations:
    """tau dv/dt = -v + drive, dimensionless: activity 1 is the unit of v."""
    return Equations("dv/dt = (drive - v)/tau : 1", v=v, tau=tau, drive=drive)


def synaptic_drive(compartment: str) -> Equations:
    """What arrived in this time step, as a rectangular pulse of area `weight_scale * weight * spike_width` per spike.

    `input_<compartment>` is the sum of the weights of the spikes of this step. Dividing by dt keeps the area of a
    pulse, hence the response to a spike, independent of the time step.
    """
    return Equations(
        """
        drive = weight_scale*arrived*spike_width/dt : 1
        arrived : 1
        """,
        drive=f"drive_{compartment}",
        arrived=f"input_{compartment}",
    )
