"""A leaky integrate-and-fire soma and a passive dendrite, coupled by a conductance in both directions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from brian2 import Equations, ms, mV, nS, pF
from brian2.units.fundamentalunits import Quantity

from spikedtp.equations.membrane import synaptic_drive
from spikedtp.errors import SpikedtpError
from spikedtp.neurons.base import CellModel, Declaration
from spikedtp.parameters import parameter

__all__ = ["TwoCompartmentLIF"]


@dataclass(frozen=True)
class TwoCompartmentLIF(CellModel):
    r"""Two compartments in mV, nS and pF. The soma has a threshold, a reset and a refractory time.

    ::

        c_soma dV_soma/dt = g_soma (v_rest - V_soma) + g_coupling (V_dend - V_soma) + I_soma
        c_dend dV_dend/dt = g_dend (v_rest - V_dend) + g_coupling (V_soma - V_dend) + I_dend
        I_soma = g_soma * unit_voltage * drive_soma        I_dend = g_dend * unit_voltage * drive_dend
        V_soma > v_threshold:  spike, V_soma <- v_reset, and V_soma stays there for t_refractory

    with drive = weight_scale * (sum of w over the spikes of this step) * spike_width/dt. An activity of 1 through a
    weight of 1 would shift the isolated compartment by about `unit_voltage`. With the default values the soma begins
    to fire at an activity of about 0.2 and reaches some 115 Hz at an activity of 1.

    The dendritic state that plasticity reads is the depolarisation by the dendrite's own synapses,
    ``((V_dend - v_rest) + g_coupling/g_dend (V_dend - V_soma)) / unit_voltage``. Without the second term every
    somatic reset would look like top-down inhibition.

    Parameters
    ----------
    c_soma, c_dend : Quantity (farad)
        Capacitances.
    g_soma, g_dend : Quantity (siemens)
        Leak conductances.
    g_coupling : Quantity (siemens)
        Conductance between the compartments.
    v_rest, v_threshold, v_reset : Quantity (volt)
        Resting voltage, and threshold and reset of the soma.
    t_refractory : Quantity (second)
        Refractory time, a whole number of time steps.
    unit_voltage : Quantity (volt)
        Voltage that stands for an activity of 1.
    weight_scale : float
        Factor on every weight.
    spike_width : Quantity (second)
        Duration of the pulse that a spike stands for, as in `PoissonInput`.

    Examples
    --------
    >>> from brian2 import mV
    >>> from spikedtp.neurons import TwoCompartmentLIF
    >>> cell = TwoCompartmentLIF(v_threshold=-55 * mV)
    >>> cell.declaration().threshold, cell.tau_dend
    ('v_soma > v_threshold', 16.66666667 * msecond)
    """

    c_soma: Quantity = parameter(300 * pF, above=0 * pF)
    c_dend: Quantity = parameter(200 * pF, above=0 * pF)
    g_soma: Quantity = parameter(5 * nS, above=0 * nS)
    g_dend: Quantity = parameter(10 * nS, above=0 * nS)
    g_coupling: Quantity = parameter(2 * nS, least=0 * nS)
    v_rest: Quantity = parameter(-70 * mV)
    v_threshold: Quantity = parameter(-60 * mV)
    v_reset: Quantity = parameter(-68 * mV)
    t_refractory: Quantity = parameter(2 * ms, least=0 * ms)
    unit_voltage: Quantity = parameter(80 * mV, above=0 * mV)
    weight_scale: float = parameter(2.3, above=0.0)
    spike_width: Quantity = parameter(1 * ms, above=0 * ms)

    time_constants: ClassVar[tuple[str, ...]] = ("tau_soma", "tau_dend")
    whole_steps: ClassVar[tuple[str, ...]] = ("t_refractory",)
    #: what flows into the dendrite beside its leak and the coupling
    dendritic_current: ClassVar[str] = "g_dend*unit_voltage*drive_dend"

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.v_reset >= self.v_threshold:
            raise SpikedtpError(
                f"{type(self).__name__}.v_reset = {self.v_reset} must be below v_threshold = {self.v_threshold}"
            )

    @property
    def tau_soma(self) -> Quantity:
        """Membrane time constant of the soma, coupling included (second)."""
        return self.c_soma / (self.g_soma + self.g_coupling)

    @property
    def tau_dend(self) -> Quantity:
        """Membrane time constant of the dendrite, coupling included (second)."""
        return self.c_dend / (self.g_dend + self.g_coupling)

    def declaration(self) -> Declaration:
        return Declaration(
            equations=Equations(
                f"""
                dv_soma/dt = (g_soma*(v_rest - v_soma) + g_coupling*(v_dend - v_soma) + i_soma)/c_soma
                           : volt (unless refractory)
                dv_dend/dt = (g_dend*(v_rest - v_dend) + g_coupling*(v_soma - v_dend) + i_dend)/c_dend : volt
                i_soma = g_soma*unit_voltage*drive_soma : amp
                i_dend = {self.dendritic_current} : amp
                dendritic_state = (v_dend - v_rest + (v_dend - v_soma)*g_coupling/g_dend)/unit_voltage : 1
                somatic_activity = (v_soma - v_rest)/unit_voltage : 1
                """
            )
            + synaptic_drive("dend")
            + synaptic_drive("soma"),
            threshold="v_soma > v_threshold",
            reset="v_soma = v_reset",
            refractory="t_refractory",
            clear=("input_soma", "input_dend"),
            initial={"v_soma": "v_rest", "v_dend": "v_rest"},
        )
