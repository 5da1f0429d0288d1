"""The burst cells for the networks of a circuit, where the weights of a time step come as one signed sum."""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace

from brian2 import Equations, Hz, ms, mV, pA
from brian2.units.fundamentalunits import Quantity

from spikedtp.equations.membrane import synaptic_drive
from spikedtp.neurons.base import CellModel, Declaration
from spikedtp.neurons.burst_poisson import BurstPoisson
from spikedtp.neurons.naud import NaudCell
from spikedtp.neurons.pyramidal import COMPARTMENTS
from spikedtp.parameters import parameter

__all__ = ["BurstPoissonInCircuit", "NaudInCircuit"]

logger = logging.getLogger(__name__)

#: Conductances of a soma, in leaks, that circuits reach before they have learned.
REACHED = 50.0


@dataclass(frozen=True)
class InCircuit(CellModel):
    """What the networks of a circuit ask of a pyramidal cell, beside the cell itself.

    It is no `Pyramidal`: the defaults of that would come before those of the cell.
    """

    unit_voltage: Quantity = parameter(80 * mV, above=0 * mV)
    unit_voltage_dend: Quantity = parameter(80 * mV, above=0 * mV)
    unit_rate: Quantity = parameter(46 * Hz, above=0 * Hz)
    tau_activity: Quantity = parameter(50 * ms, above=0 * ms)
    i_background: Quantity = parameter(0 * pA)
    weight_scale: float = parameter(2.3, above=0.0)
    spike_width: Quantity = parameter(1 * ms, above=0 * ms)

    def check_time_step(self, dt: Quantity) -> None:
        """A step of Euler's runs away where the conductances of a soma, in leaks, exceed 2 tau_soma/dt - 1."""
        super().check_time_step(dt)
        known = self.quantities()
        most = 2 * float(known["tau_soma"] / dt) - 1
        if most < REACHED:
            weights = most * float((known["v_exc"] - known["v_rest"]) / self.unit_voltage)
            logger.warning(
                "%s at dt = %s: a soma runs away where its conductances exceed %.3g leaks, as an activity of 1 makes "
                "through weights of %.3g; use dt = %s or less", type(self).__name__, dt, most, weights,
                2 * known["tau_soma"] / (REACHED + 1),
            )  # fmt: skip

    def declaration(self) -> Declaration:
        made = super().declaration()
        equations, code = made.equations, [line.strip() for line in made.update.splitlines()]
        for name, unit in zip(COMPARTMENTS, ("unit_voltage", "unit_voltage_dend"), strict=True):
            charge = f"{unit}*weight_scale*spike_width"
            equations += synaptic_drive(name)
            code += [
                f"g_exc_{name} += {charge}/((v_exc - v_rest)*tau_exc)*clip(input_{name}, 0, inf)",
                f"g_inh_{name} += {charge}/((v_threshold_rest - v_inh)*tau_inh)*clip(-input_{name}, 0, inf)",
            ]
        equations += Equations(
            """
            dendritic_state = (v_dend - v_rest)/unit_voltage_dend : 1
            somatic_activity = spike_trace : 1
            spike_trace : 1
            """
        )
        return replace(
            made,
            equations=equations,
            reset=f"{made.reset}\nspike_trace += 1/(unit_rate*tau_activity)",
            update="\n".join([*code, "spike_trace *= exp(-dt/tau_activity)"]),
            initial=made.initial | {"i_soma": "i_background"},
            clear=(*made.clear, *(f"input_{name}" for name in COMPARTMENTS)),
        )


@dataclass(frozen=True)
class NaudInCircuit(InCircuit, NaudCell):
    """`NaudCell` for the networks of a circuit: open loop, closed loop and `run_feedforward`.

    The sum of the weights that arrive in a step raises the excitatory conductance of its compartment where it is
    positive, and the inhibitory one where it is negative, once the step has been taken: it acts from the next step on,
    as in the original. A spike of weight w would shift an isolated compartment as in `TwoCompartmentLIF`: with the
    driving force at `v_rest` for excitation, and at `v_threshold_rest` for inhibition.

    What plasticity reads of the dendrite is ``dendritic_state = (V_dend - v_rest)/unit_voltage_dend``. A soma that is
    reset again and again does not show in its voltage how fast it fires. So what is read of it is a trace of its
    spikes, which decays with `tau_activity` and is 1 on average at the unit rate.

    Parameters
    ----------
    tau_soma, tau_dend, c_soma, c_dend, v_rest, v_exc, v_inh, tau_exc, tau_inh
        As in `NaudCell`, with all of its other parameters.
    unit_voltage, weight_scale, spike_width
        As in `TwoCompartmentLIF`.
    unit_voltage_dend : Quantity (volt)
        The same as `unit_voltage` for the dendrite.
    unit_rate : Quantity (Hz)
        Firing rate that stands for an activity of 1. Networks set it.
    tau_activity : Quantity (second)
    i_background : Quantity (amp)
        Constant current into the soma. With 0.46 nA a soma is at its threshold, and fires at small activities, too.

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

    def declaration(self) -> Declaration:
        """Spikes that travel back would look like top-down excitation: `v_back` is what they alone would do."""
        made = super().declaration()
        own = [equation for equation in made.equations.values() if equation.varname != "dendritic_state"]
        return replace(
            made,
            equations=Equations(own)
            + Equations("v_back : volt\ndendritic_state = (v_dend - v_rest - v_back)/unit_voltage_dend : 1"),
            update=f"{made.update}\nv_back += dt/c_dend*i_back*int(since_spike < t_back + dt/2) - dt/tau_dend*v_back",
        )


@dataclass(frozen=True)
class BurstPoissonInCircuit(InCircuit, BurstPoisson):
    """`BurstPoisson` for the networks of a circuit, with the inputs of `NaudInCircuit`.

    Parameters
    ----------
    v_half, v_slope, t_refractory, interval_low, interval_high
        As in `BurstPoisson`, with all of its other parameters.
    unit_voltage, unit_voltage_dend, unit_rate, tau_activity, i_background, weight_scale, spike_width
        As in `NaudInCircuit`.

    Examples
    --------
    >>> from spikedtp.neurons import BurstPoisson, BurstPoissonInCircuit, check_cell
    >>> check_cell(BurstPoisson()), check_cell(BurstPoissonInCircuit())
    ((), ('open', 'closed'))
    """
