"""The cell of the closed loop whose soma fires from a membrane of its own, and the units that fire as it does."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import ClassVar

from brian2 import Equations, ms
from brian2.units.fundamentalunits import Quantity

from spikedtp.equations.adaptive_firing import adaptive_firing
from spikedtp.equations.firing import FIRING, Firing
from spikedtp.equations.membrane import leaky_compartment
from spikedtp.errors import known_names
from spikedtp.neurons.base import CellModel, Declaration
from spikedtp.parameters import parameter

__all__ = ["MembraneCell", "MembraneUnit"]


#: Where inhibitory spikes arrive, if synapses are conductances.
INHIBITION = ("inhibition_soma", "inhibition_dend")
_OWN = """
    activity = i_soma + nudging*(acting + error) : 1
    v_soma = membrane : 1
    somatic_activity = i_soma : 1
    dendritic_state = v_dend : 1
    input_soma : 1
    input_dend : 1
    gate : 1
    error : 1
    bias : 1 (constant)
    unit_rate : Hz (constant)
    """


@dataclass(frozen=True)
class MembraneUnit(CellModel):
    """A unit that fires for a `MembraneCell`: the same membrane, with adaptation and noise of its own.

    Parameters
    ----------
    threshold_membrane, tau_membrane, tau_adaptation, t_refractory, noise, synapses
        As in `MembraneCell`.

    Examples
    --------
    >>> from spikedtp.neurons import MembraneCell, MembraneUnit
    >>> MembraneCell(noise=0.5).unit() == MembraneUnit(noise=0.5)
    True
    """

    threshold_membrane: float = parameter(0.03, above=0.0)
    tau_membrane: Quantity = parameter(20 * ms, above=0 * ms)
    tau_adaptation: Quantity = parameter(60 * ms, above=0 * ms)
    t_refractory: Quantity = parameter(0 * ms, least=0 * ms)
    noise: float = parameter(0.3, least=0.0)
    synapses: str = "currents"

    whole_steps: ClassVar[tuple[str, ...]] = ("t_refractory",)

    @property
    def fires(self) -> Firing:
        """How a drive becomes spikes."""
        return adaptive_firing(noisy=self.noise > 0, conductances=self.conductances)

    @property
    def conductances(self) -> bool:
        """Whether synapses open conductances."""
        return self.synapses == "conductances"

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.synapses not in ("currents", "conductances"):
            raise known_names(f"{type(self).__name__}.synapses", self.synapses, ("currents", "conductances"))

    def declaration(self) -> Declaration:
        given = """
            activity = activity_of(cell) : 1  # the namespace's: the drive of its cell
            cell : integer (constant)
            unit_rate : Hz (constant)
            """
        return Declaration(
            equations=Equations(given + ("opening : 1" if self.conductances else "")) + self.fires.equations,
            threshold=self.fires.threshold,
            reset=self.fires.reset,
            before_threshold=self.fires.before_threshold,
            initial=self.fires.initial,
        )


@dataclass(frozen=True)
class MembraneCell(MembraneUnit):
    r"""A cell that fires from its own leaky membrane, with adaptation, and is read by its somatic current.

    All is in units of activity.

    In execution order, in each step of length dt::

        A <- A e^(-dt/tau_adaptation)
        activity = i_soma + nudging (acting + error)
        V <- V + (1 - e^(-dt/tau_membrane)) (threshold + g activity - offset - A - V) + noise     unless refractory
        V >= threshold:  spike, V <- V - threshold, A <- A + jump, refractory for t_refractory
        i_soma <- i_soma + dt/tau_soma (bias + input_soma - i_soma)
        V_dend <- V_dend + dt/tau_dend (i_dend - V_dend),    i_dend <- i_dend + dt/tau_current (input_dend - i_dend)

        jump = 1/(unit_rate tau_adaptation),  offset = .325 (jump + threshold)
        g = 1.03 (1 + unit_rate threshold tau_membrane)

    With these g and offset, a constant activity of .05 or more makes the cell fire at ``unit_rate*activity`` to within
    some per cent, if it is below one spike in each step. Without noise a cell is silent up to an activity of `offset`.
    The noise has a standard deviation of ``noise*offset``. It is white noise in V, so that its correlation time is that
    of the membrane. Where synapses open conductances, the same holds of the noise times the conductance of the membrane
    (in units of its leak), whatever is open: then f-I curves near zero do not depend on it.

    Synapses of the soma are as slow as NMDA receptors, and adaptation makes up for that: a firing rate that adapts
    leads by `tau_adaptation`, and currents lag by `tau_soma`. With equal ones a population follows its input within
    some ten milliseconds; with slower adaptation, circuits with inhibition oscillate.

    What the cell itself knows of its activity is the mean of its somatic current, without plateaus: where there is
    none, it is silent and has no plateau. All others hear its spikes alone.

    Parameters
    ----------
    threshold_membrane : float
        Threshold of the membrane above its reset, in units of activity.
    tau_membrane, tau_adaptation : Quantity (second)
        Time constants of membrane and adaptation.
    t_refractory : Quantity (second)
        Refractory time after the time step of a spike, a whole number of steps. In a step a cell fires once at most, so
        that steps of 1 ms are a refractory time of 1 ms. A longer one limits activities: where cells that have just
        begun to learn ask for more, their dendrites cannot be balanced.
    noise : float
        Standard deviation of the noise in the membrane, in units of `offset`.
    tau_soma : Quantity (second)
        Decay of the somatic current.
    tau_current, tau_dend : Quantity (second)
        Decay of the dendritic current, and membrane time constant of the dendrite.
    synapses : {"currents", "conductances"}
        Whether a spike adds a current or opens a conductance. Conductances carry the same currents at the
        threshold in the soma and at rest in the dendrite, and less towards their reversal potential. Weights of one
        projection must then have one sign.
    v_excitation, v_inhibition : float
        Reversal potentials in the soma, in units of the threshold above the reset. With 15 mV from reset to threshold,
        4.7 is 70 mV above the reset, and -0.7 is 10 mV below it.
    v_excitation_dend, v_inhibition_dend : float
        Reversal potentials in the dendrite, in units of activity.
    input_firing : {"poisson", "regular", "lif"}
        How inputs fire, as in `SteadyInput`.

    Examples
    --------
    >>> from spikedtp.neurons import MembraneCell
    >>> cell = MembraneCell()
    >>> bool(cell.tau_soma == cell.tau_adaptation)
    True
    >>> print(cell.declaration().reset)
    membrane -= threshold_membrane
    adaptation += jump
    dead_steps = t_refractory/dt + 1
    """

    tau_soma: Quantity = parameter(60 * ms, above=0 * ms)
    tau_current: Quantity = parameter(10 * ms, above=0 * ms)
    tau_dend: Quantity = parameter(20 * ms, above=0 * ms)
    v_excitation: float = parameter(4.7, above=1.0)
    v_inhibition: float = parameter(-0.7, most=0.0)
    v_excitation_dend: float = parameter(3.0, above=1.0)
    v_inhibition_dend: float = parameter(-2.0, most=-1.0)
    input_firing: str = "lif"

    time_constants: ClassVar[tuple[str, ...]] = ("tau_soma", "tau_current", "tau_dend")

    def __post_init__(self) -> None:
        super().__post_init__()
        if not isinstance(self.input_firing, str) or self.input_firing not in FIRING:
            raise known_names(f"{type(self).__name__}.input_firing", self.input_firing, FIRING)

    def unit(self) -> MembraneUnit:
        """A unit that fires for this cell."""
        return MembraneUnit(**{f.name: getattr(self, f.name) for f in fields(MembraneUnit)})

    def declaration(self) -> Declaration:
        compartments = self._with_conductances if self.conductances else self._with_currents
        return Declaration(
            equations=compartments() + Equations(_OWN) + self.fires.equations,
            threshold=self.fires.threshold,
            reset=self.fires.reset,
            early_reset=True,
            before_threshold=self.fires.before_threshold,
            clear=("input_soma", "input_dend", *(INHIBITION if self.conductances else ())),
            initial=self.fires.initial,
        )

    def _with_currents(self) -> Equations:
        return (
            leaky_compartment("i_soma", "tau_soma", "bias + input_soma")
            + leaky_compartment("i_dend", "tau_current", "input_dend")
            + leaky_compartment("v_dend", "tau_dend", "i_dend")
        )

    def _with_conductances(self) -> Equations:
        # the dendrite's step is an implicit one: with explicit ones, open synapses faster than a time step diverge
        equations = Equations(
            """
            i_soma = bias + excited_soma + inhibited_soma : 1
            opening = (excited_soma/(v_excitation - 1) - inhibited_soma/(1 - v_inhibition))/threshold_membrane : 1
            leak_dend = 1 + excited_dend/v_excitation_dend + inhibited_dend/v_inhibition_dend : 1
            i_dend = v_dend + (excited_dend + inhibited_dend - leak_dend*v_dend)/(1 + dt/tau_dend*leak_dend) : 1
            inhibition_soma : 1
            inhibition_dend : 1
            """
        ) + leaky_compartment("v_dend", "tau_dend", "i_dend")
        for compartment, tau in (("soma", "tau_soma"), ("dend", "tau_current")):
            for open_now, arrives in ((f"excited_{compartment}", "input"), (f"inhibited_{compartment}", "inhibition")):
                equations += leaky_compartment(open_now, tau, f"{arrives}_{compartment}")
        return equations
