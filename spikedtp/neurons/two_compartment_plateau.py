"""A two-compartment cell whose dendrite answers strong input with a plateau potential."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

from brian2 import Equations, ms, mV, nS
from brian2.units.fundamentalunits import Quantity

from spikedtp.errors import SpikedtpError
from spikedtp.neurons.base import Declaration
from spikedtp.neurons.two_compartment_lif import TwoCompartmentLIF
from spikedtp.parameters import parameter

__all__ = ["TwoCompartmentPlateau"]


@dataclass(frozen=True)
class TwoCompartmentPlateau(TwoCompartmentLIF):
    r"""`TwoCompartmentLIF` with plateau potentials in the dendrite.

    A plateau begins when V_dend exceeds `v_plateau_threshold`. For `t_plateau` a conductance then draws the dendrite
    towards `v_plateau`, which usually makes the soma fire. The next plateau can begin `t_pause` after the end of one::

        plateau = 1 from the beginning of a plateau to its end, and else 0
        I_dend  = g_dend * unit_voltage * drive_dend + plateau g_plateau (v_plateau - V_dend)

    `plateau` is the gate that `BidirectionalBTSP` learns from.

    Parameters
    ----------
    c_soma, c_dend, g_soma, g_dend, g_coupling, v_rest, v_threshold, v_reset, t_refractory
        As in `TwoCompartmentLIF`.
    unit_voltage, weight_scale, spike_width
        As in `TwoCompartmentLIF`.
    v_plateau_threshold : Quantity (volt)
        Dendritic voltage above which a plateau begins.
    v_plateau : Quantity (volt)
        Reversal potential of its conductance.
    g_plateau : Quantity (siemens)
    t_plateau, t_pause : Quantity (second)
        Duration of a plateau, and the shortest time from its end to the next one. Whole numbers of time steps.

    References
    ----------
    The durations are those of Milstein et al. 2021, eLife 10:e73046. The conductance is a schematic one, not a model of
    single channels.

    Examples
    --------
    >>> from brian2 import Network, StateMonitor, ms, mV, prefs
    >>> from spikedtp.neurons import TwoCompartmentPlateau
    >>> target, prefs.codegen.target = prefs.codegen.target, "numpy"  # compiling would take longer than running
    >>> cell = TwoCompartmentPlateau().group(1, dt=1 * ms, name="doc_plateau_cell")
    >>> cell.v_dend = -35 * mV  # after strong input
    >>> seen = StateMonitor(cell, "plateau", record=True, dt=1 * ms)
    >>> Network(cell, seen).run(500 * ms)
    >>> prefs.codegen.target = target
    >>> int(seen.plateau.sum())  # ms
    300
    """

    v_plateau_threshold: Quantity = parameter(-40 * mV)
    v_plateau: Quantity = parameter(0 * mV)
    g_plateau: Quantity = parameter(20 * nS, above=0 * nS)
    t_plateau: Quantity = parameter(300 * ms, above=0 * ms)
    t_pause: Quantity = parameter(200 * ms, least=0 * ms)

    time_constants: ClassVar[tuple[str, ...]] = ("tau_soma", "tau_dend", "tau_plateau")
    whole_steps: ClassVar[tuple[str, ...]] = ("t_refractory", "t_plateau", "t_pause")
    dendritic_current: ClassVar[str] = f"{TwoCompartmentLIF.dendritic_current} + plateau*g_plateau*(v_plateau - v_dend)"

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.v_rest < self.v_plateau_threshold < self.v_plateau:
            raise SpikedtpError(
                f"{type(self).__name__}.v_plateau_threshold = {self.v_plateau_threshold} must lie between v_rest = "
                f"{self.v_rest} and v_plateau = {self.v_plateau}"
            )

    @property
    def tau_plateau(self) -> Quantity:
        """Membrane time constant of the dendrite during a plateau (second)."""
        return self.c_dend / (self.g_dend + self.g_coupling + self.g_plateau)

    def declaration(self) -> Declaration:
        passive = super().declaration()
        return replace(
            passive,
            equations=passive.equations
            + Equations(
                """
                since_plateau : second  # began
                plateau = int(since_plateau < t_plateau - dt/2) : 1
                """
            ),
            update="""
                since_plateau += dt
                begins = int(v_dend > v_plateau_threshold)*int(since_plateau > t_plateau + t_pause - dt/2)
                since_plateau = since_plateau*(1 - begins)
            """,
            initial=passive.initial | {"since_plateau": "t_plateau + t_pause"},
        )
