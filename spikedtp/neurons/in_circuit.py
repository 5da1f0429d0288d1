"""The burst cells for the networks of a circuit, where the weights of a time step come as one signed sum."""

from __future__ import annotations

from dataclasses import dataclass, replace

from brian2 import Equations, ms, mV
from brian2.units.fundamentalunits import Quantity

from spikedtp.equations.membrane import synaptic_drive
from spikedtp.neurons.base import CellModel, Declaration
from spikedtp.neurons.burst_poisson import BurstPoisson
from spikedtp.neurons.naud import NaudCell
from spikedtp.neurons.pyramidal import COMPARTMENTS
from spikedtp.parameters import parameter

__all__ = ["BurstPoissonInCircuit", "NaudInCircuit"]


@dataclass(frozen=True)
class InCircuit(CellModel):
    """What the networks of a circuit ask of a pyramidal cell, beside the cell itself.

    It is no `Pyramidal`: the defaults of that would come before those of the cell.
    """

    unit_voltage: Quantity = parameter(80 * mV, above=0 * mV)
    weight_scale: float = parameter(2.3, above=0.0)
    spike_width: Quantity = parameter(1 * ms, above=0 * ms)

    def declaration(self) -> Declaration:
        made = super().declaration()
        charge = "unit_voltage*weight_scale*spike_width"
        equations, code = made.equations, [line.strip() for line in made.update.splitlines()]
        for name in COMPARTMENTS:
            equations += synaptic_drive(name)
            code += [
                f"g_exc_{name} += {charge}/((v_exc - v_rest)*tau_exc)*clip(input_{name}, 0, inf)",
                f"g_inh_{name} += {charge}/((v_threshold_rest - v_inh)*tau_inh)*clip(-input_{name}, 0, inf)",
            ]
        equations += Equations(
            """
            dendritic_state = (v_dend - v_rest)/unit_voltage : 1
            somatic_activity = (v_soma - v_rest)/unit_voltage : 1
            """
        )
        return replace(
            made,
            equations=equations,
            update="\n".join(code),
            clear=(*made.clear, *(f"input_{name}" for name in COMPARTMENTS)),
        )


@dataclass(frozen=True)
class NaudInCircuit(InCircuit, NaudCell):
    """`NaudCell` for the networks of a circuit: open loop, closed loop and `run_feedforward`.

    The sum of the weights that arrive in a step raises the excitatory conductance of its compartment where it is
    positive, and the inhibitory one where it is negative, once the step has been taken: it acts from the next step on,
    as in the original. A spike of weight w would shift an isolated compartment as in `TwoCompartmentLIF`: with the
    driving force at `v_rest` for excitation, and at `v_threshold_rest` for inhibition.

    What plasticity reads of the dendrite is ``dendritic_state = (V_dend - v_rest)/unit_voltage``.

    Parameters
    ----------
    tau_soma, tau_dend, c_soma, c_dend, v_rest, v_exc, v_inh, tau_exc, tau_inh
        As in `NaudCell`, with all of its other parameters.
    unit_voltage, weight_scale, spike_width
        As in `TwoCompartmentLIF`.

    Examples
    --------
    >>> import numpy as np
    >>> from brian2 import ms
    >>> from spikedtp.neurons import NaudInCircuit
    >>> from spikedtp.spiking import run_feedforward
    >>> spikes = np.random.default_rng(1).random((1, 2000, 20)) < 0.01
    >>> found = run_feedforward(
    ...     [np.full((20, 3), 0.15), np.ones((3, 2))], spikes, hidden=NaudInCircuit(), dt=0.1 * ms, device="runtime"
    ... )
    >>> bool(found.hidden_spikes.sum() > 3)
    True
    """


@dataclass(frozen=True)
class BurstPoissonInCircuit(InCircuit, BurstPoisson):
    """`BurstPoisson` for the networks of a circuit, with the inputs of `NaudInCircuit`.

    Parameters
    ----------
    v_half, v_slope, t_refractory, interval_low, interval_high
        As in `BurstPoisson`, with all of its other parameters.
    unit_voltage, weight_scale, spike_width
        As in `TwoCompartmentLIF`.

    Examples
    --------
    >>> from spikedtp.neurons import BurstPoisson, BurstPoissonInCircuit, check_cell
    >>> check_cell(BurstPoisson()), check_cell(BurstPoissonInCircuit())
    ((), ('open', 'closed'))
    """
