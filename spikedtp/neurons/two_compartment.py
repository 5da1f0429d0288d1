"""The linear two-compartment cell of Figure 3: a dendrite that drives a soma, and Poisson output spikes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from brian2 import Equations, Hz, ms
from brian2.units.fundamentalunits import Quantity

from spikedtp.equations import escape
from spikedtp.equations.membrane import leaky_compartment, synaptic_drive
from spikedtp.neurons.base import CellModel, Declaration
from spikedtp.parameters import parameter

__all__ = ["TwoCompartment"]


@dataclass(frozen=True)
class TwoCompartment(CellModel):
    r"""Dendrite and soma without units: activity 1 is the unit of voltage. The soma fires as a Poisson process.

    In execution order, with drive = weight_scale * (sum of w over the spikes of this step) * spike_width/dt::

        V_soma <- V_soma + dt/tau_soma (-V_soma + drive_soma + coupling * V_dend')
        V_dend <- V_dend + dt/tau_dend (-V_dend + drive_dend)
        output rate = unit_rate * max(V_soma, 0)

    V_dend' is the dendritic voltage after the update: the soma sees the dendrite in the same step. The bias of a
    population is a constant drive, and V_soma begins at rest under it.

    Parameters
    ----------
    tau_soma, tau_dend : Quantity (second)
        Membrane time constants.
    coupling : float
        Weight of the dendritic voltage in the soma.
    weight_scale : float
        Factor on every weight.
    spike_width : Quantity (second)
        Duration of the pulse that a spike stands for, as in `PoissonInput`.
    unit_rate, max_rate : Quantity (Hz)
        Firing rate of activity 1, and highest firing rate.
    dead_time : Quantity (second)
        Shortest interval between two spikes of a cell.

    References
    ----------
    Galloni, Peddada, Chennawar & Milstein 2026, Cell Reports 45:117159, Figure 3.

    Examples
    --------
    >>> from brian2 import ms
    >>> from spikedtp.neurons import TwoCompartment
    >>> cell = TwoCompartment(tau_soma=30 * ms)
    >>> cell.tau_soma, cell.tau_dend
    (30. * msecond, 20. * msecond)
    >>> sorted(cell.declaration().equations.diff_eq_names)
    ['v_dend', 'v_soma']
    """

    tau_soma: Quantity = parameter(60 * ms, above=0 * ms)
    tau_dend: Quantity = parameter(20 * ms, above=0 * ms)
    coupling: float = parameter(3.0, least=0.0)
    weight_scale: float = parameter(2.3, above=0.0)
    spike_width: Quantity = parameter(1 * ms, above=0 * ms)
    unit_rate: Quantity = parameter(450 * Hz, above=0 * Hz)
    max_rate: Quantity = parameter(1000 * Hz, above=0 * Hz)
    dead_time: Quantity = parameter(1 * ms, least=0 * ms)

    time_constants: ClassVar[tuple[str, ...]] = ("tau_soma", "tau_dend")

    def impulse_responses(self, n_steps: int, dt: Quantity) -> dict[tuple[str, str], np.ndarray]:
        soma_step, dend_step = float(dt / self.tau_soma), float(dt / self.tau_dend)
        steps, pulse = np.arange(n_steps), self.weight_scale * float(self.spike_width / dt)
        dend = pulse * dend_step * (1 - dend_step) ** steps
        through = np.zeros(n_steps)  # the soma's response to the dendrite's
        for k in steps:
            through[k] = (through[k - 1] if k else 0.0) * (1 - soma_step) + self.coupling * dend[k] * soma_step
        return {
            ("dendrite", "dend"): dend,
            ("soma", "soma"): pulse * soma_step * (1 - soma_step) ** steps,
            ("soma", "dend"): through,
        }

    def declaration(self) -> Declaration:
        return Declaration(
            equations=leaky_compartment("v_dend", "tau_dend", "drive_dend")
            + leaky_compartment("v_soma", "tau_soma", "(drive_soma + coupling*v_dend_next)")
            + Equations("v_dend_next = v_dend + (drive_dend - v_dend)*dt/tau_dend : 1")
            + synaptic_drive("dend")
            + synaptic_drive("soma")
            + Equations("dendritic_state = v_dend : 1")
            + Equations("somatic_activity = v_soma : 1")
            + escape.escape_equations(rate="unit_rate*v_soma"),
            threshold=escape.THRESHOLD,
            reset=escape.REDRAW,
            early_reset=True,
            before_threshold=escape.INTEGRATE_HAZARD,
            clear=("input_soma", "input_dend"),
            initial={"v_soma": "drive_soma", "remaining": escape.FIRST_DRAW},
        )
