"""A two-compartment pyramidal cell whose active dendrite makes bursts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from brian2 import ms, pA
from brian2.units.fundamentalunits import Quantity

from spikedtp.neurons.base import Declaration
from spikedtp.neurons.pyramidal import Pyramidal
from spikedtp.parameters import parameter

__all__ = ["NaudCell"]


@dataclass(frozen=True)
class NaudCell(Pyramidal):
    r"""Pyramidal cell of Naud & Sprekeler: spikes travel back into an active dendrite, and its answer makes bursts.

    V is the voltage of the soma, U that of the dendrite, theta the threshold, g conductances in units of the leak of
    their compartment. In execution order, in each step of length dt::

        V   <- V + dt i_soma/c_soma,   U <- U + dt i_dend/c_dend
        f    = 1/(1 + exp(-(U - v_half)/v_slope))
        I    = g_exc (v_exc - V) + g_inh (v_inh - V)          of either compartment, both with the V of the soma
        g   <- g e^(-dt/tau)
        V   <- V + dt/tau_soma (v_rest - V + I_soma) + dt/c_soma (b_soma w_soma + g_active_soma f)
        U   <- U + dt/tau_dend (v_rest - U + I_dend) + dt/c_dend (a_dend w_dend + g_active_dend f + i_back)
        w_soma <- w_soma e^(-dt/tau_w_soma)
        w_dend <- w_dend + dt/tau_w_dend (U - v_rest - w_dend)
        theta  <- theta + dt/tau_threshold (v_threshold_rest - theta)
        if V > theta:  spike, V <- v_rest, theta <- theta + threshold_jump, w_soma <- w_soma + 1
        then spikes arrive and raise g

    The current i_back acts for `t_back` after a spike; another spike begins this time anew.

    Synapses add to ``g_exc_soma``, ``g_inh_soma``, ``g_exc_dend`` and ``g_inh_dend``. The currents ``i_soma`` and
    ``i_dend`` are set by the user. All that the cell needs is in `group`, such as ``NaudCell().group(100)``.

    Parameters
    ----------
    tau_soma, tau_dend : Quantity (second)
        Membrane time constants.
    c_soma, c_dend : Quantity (farad)
    v_rest, v_exc, v_inh : Quantity (volt)
        Resting potential, which is also that of the reset, and reversal potentials of the synapses.
    tau_exc, tau_inh : Quantity (second)
        Decay of the conductances.
    b_soma : Quantity (amp)
        Adaptation current by a spike.
    tau_w_soma : Quantity (second)
    a_dend : Quantity (siemens)
        Adaptation of the dendrite to its voltage.
    tau_w_dend : Quantity (second)
    v_threshold_rest, threshold_jump : Quantity (volt)
        Threshold at rest, and how much a spike raises it.
    tau_threshold : Quantity (second)
    v_half, v_slope : Quantity (volt)
        Voltage at which half of the active current flows, and how steeply it depends on the voltage.
    g_active_soma, g_active_dend : Quantity (amp)
        Currents of the active dendrite into both compartments.
    i_back : Quantity (amp)
        Current into the dendrite after a spike.
    t_back : Quantity (second)
        Its duration, a whole number of time steps.

    References
    ----------
    Naud & Sprekeler 2018, PNAS 115:E6329, 10.1073/pnas.1720995115, in the form and with the constants of Payeur et al.
    2021, Nat. Neurosci. 24:1010, 10.1038/s41593-021-00857-x.

    Examples
    --------
    >>> from brian2 import Network, SpikeMonitor, ms, nA, pA, prefs
    >>> from spikedtp.neurons import NaudCell
    >>> target, prefs.codegen.target = prefs.codegen.target, "numpy"  # compiling would take longer than running
    >>> cells = NaudCell().group(2, dt=0.1 * ms, name="doc_naud_cells")
    >>> cells.i_soma, cells.i_dend = 0.5 * nA, [0, 400] * pA  # the dendrite decides how much a cell bursts
    >>> spikes = SpikeMonitor(cells)
    >>> Network(cells, spikes).run(200 * ms)
    >>> prefs.codegen.target = target
    >>> bool(spikes.count[1] > spikes.count[0] > 0)
    True
    """

    g_active_soma: Quantity = parameter(1300 * pA, least=0 * pA)
    g_active_dend: Quantity = parameter(1200 * pA, least=0 * pA)
    i_back: Quantity = parameter(2600 * pA, least=0 * pA)
    t_back: Quantity = parameter(2 * ms, least=0 * ms)

    whole_steps: ClassVar[tuple[str, ...]] = ("t_back",)

    def declaration(self) -> Declaration:
        return Declaration(
            equations=self.equations("since_spike : second"),
            threshold="v_soma > v_threshold",
            reset="v_soma = v_rest\nv_threshold += threshold_jump\nw_soma += 1\nsince_spike = 0*ms",
            early_reset=True,
            update=self.step(
                first="_answer = 1/(1 + exp(-(v_dend - v_half)/v_slope))\nsince_spike += dt",
                soma="+ dt*g_active_soma/c_soma*_answer",
                dend="+ dt/c_dend*(g_active_dend*_answer + i_back*int(since_spike < t_back + dt/2))",
            ),
            initial=self.first_values | {"since_spike": "t_back + dt"},
        )
