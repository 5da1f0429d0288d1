"""The cell of the closed loop, in which the dendrite acts on the soma only in the nudge phase."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from brian2 import Equations, Hz, ms
from brian2.units.fundamentalunits import Quantity

from spikedtp.equations.firing import FIRING, STEADY_FIRING, Firing
from spikedtp.equations.membrane import leaky_compartment
from spikedtp.errors import SpikedtpError, known_names
from spikedtp.neurons.base import CellModel, Declaration
from spikedtp.neurons.group import CellGroup, cell_group
from spikedtp.parameters import parameter

__all__ = ["NudgedCell", "Spiker", "SteadyInput"]


def _check_rate(model: NudgedCell | Spiker | SteadyInput) -> None:
    if not isinstance(model.firing, str) or model.firing not in FIRING:
        raise known_names("firing", model.firing, FIRING)
    if model.firing == "poisson" and model.max_rate * model.dead_time >= 1:
        raise SpikedtpError(
            f"{type(model).__name__}.max_rate = {model.max_rate} must be below 1/dead_time = {1 / model.dead_time}: "
            "a cell cannot fire faster than its dead time allows"
        )


@dataclass(frozen=True)
class NudgedCell(CellModel):
    r"""Dendrite and soma without units: activity 1 is the unit of voltage.

    In execution order, with `input` = sum of gain * w over the spikes of this step (a presynaptic activity a gives w a
    on average)::

        activity = V_soma + nudging * (acting + error)         acting: gate * clip(V_dend, -1, 1), or a latched plateau
        spikes at the rate min(unit_rate * max(activity, 0), max_rate)
        V_soma <- V_soma + dt/tau_soma (-V_soma + bias + input_soma)      unless held
        V_dend <- V_dend + dt/tau_dend (-V_dend + input_dend)

    `nudging` is 0 before and 1 after the onset of the nudge. `gate`, `error` and whether the soma is held are set at
    the onset by the network. The network also declares `acting`. `unit_rate` is a number for each cell.

    In a network of your own, give `group` the equations that the network decides, and set `unit_rate` afterwards::

        more = "nudging : 1 (shared)\nrunning = 1 - nudging : 1 (shared)\nacting = gate*clip(v_dend, -1, 1) : 1"
        cells = NudgedCell().group(n, equations=more)
        cells.unit_rate = 450*Hz

    Parameters
    ----------
    tau_soma, tau_dend : Quantity (second)
        Membrane time constants.
    max_rate : Quantity (Hz)
        Highest firing rate.
    dead_time : Quantity (second)
        Shortest interval between two spikes, for Poisson firing.
    tau_lif : Quantity (second)
        Membrane time constant of the integrate-and-fire unit.
    firing : {"poisson", "regular", "lif"}
        How a rate becomes spikes: as a Poisson process, at regular intervals, or by a leaky integrate-and-fire unit.

    References
    ----------
    The rate network's two phases: Galloni, Peddada, Chennawar & Milstein 2026, Cell Reports 45:117159.

    Examples
    --------
    >>> from spikedtp.neurons import NudgedCell
    >>> cell = NudgedCell(firing="regular")
    >>> cell.tau_soma, cell.max_rate
    (60. * msecond, 0.95 * khertz)
    >>> sorted(cell.declaration().equations.diff_eq_names)
    ['v_dend', 'v_soma']
    """

    tau_soma: Quantity = parameter(60 * ms, above=0 * ms)
    tau_dend: Quantity = parameter(20 * ms, above=0 * ms)
    max_rate: Quantity = parameter(950 * Hz, above=0 * Hz)
    dead_time: Quantity = parameter(1 * ms, least=0 * ms)
    tau_lif: Quantity = parameter(20 * ms, above=0 * ms)
    firing: str = "poisson"

    time_constants: ClassVar[tuple[str, ...]] = ("tau_soma", "tau_dend")

    def __post_init__(self) -> None:
        super().__post_init__()
        _check_rate(self)

    def declaration(self) -> Declaration:
        firing = FIRING[self.firing](rate="unit_rate*activity")
        return Declaration(
            equations=leaky_compartment("v_dend", "tau_dend", "input_dend")
            + Equations("dv_soma/dt = running*(bias + input_soma - v_soma)/tau_soma : 1")
            + Equations(
                """
                activity = v_soma + nudging*(acting + error) : 1
                somatic_activity = v_soma : 1
                dendritic_state = v_dend : 1
                input_soma : 1
                input_dend : 1
                gate : 1
                error : 1
                bias : 1 (constant)
                unit_rate : Hz (constant)
                """
            )
            + firing.equations,
            threshold=firing.threshold,
            reset=firing.reset,
            early_reset=True,  # a new draw depends on the activity that the spike came from
            before_threshold=firing.before_threshold,
            clear=("input_soma", "input_dend"),
            initial=firing.initial,
        )


@dataclass(frozen=True)
class Spiker(CellModel):
    """A unit that fires for a cell, at the rate of this cell. Several units make the output of the cell less noisy.

    Parameters
    ----------
    max_rate, dead_time, tau_lif, firing
        As in `NudgedCell`.

    Examples
    --------
    >>> from spikedtp.neurons import Spiker
    >>> Spiker(firing="regular").max_rate
    0.95 * khertz
    """

    max_rate: Quantity = parameter(950 * Hz, above=0 * Hz)
    dead_time: Quantity = parameter(1 * ms, least=0 * ms)
    tau_lif: Quantity = parameter(20 * ms, above=0 * ms)
    firing: str = "poisson"

    def __post_init__(self) -> None:
        super().__post_init__()
        _check_rate(self)

    def declaration(self) -> Declaration:
        firing = FIRING[self.firing](rate="unit_rate*activity")
        return Declaration(
            equations=Equations(
                "activity = activity_of(cell) : 1  # the namespace's: what the cell is about to fire at"
            )
            + Equations("cell : integer (constant)\nunit_rate : Hz (constant)")
            + firing.equations,
            threshold=firing.threshold,
            reset=firing.reset,
            before_threshold=firing.before_threshold,
            initial=firing.initial,
        )


@dataclass(frozen=True)
class SteadyInput(CellModel):
    """Input cells that fire at `unit_rate` times an activity. The activity is constant during a presentation.

    Parameters
    ----------
    unit_rate, max_rate : Quantity (Hz)
        Firing rate of activity 1, and highest firing rate.
    dead_time, tau_lif, firing
        As in `NudgedCell`.

    Examples
    --------
    >>> from brian2 import Hz
    >>> from spikedtp.neurons import SteadyInput
    >>> SteadyInput(unit_rate=300 * Hz).unit_rate
    300. * hertz
    """

    unit_rate: Quantity = parameter(450 * Hz, above=0 * Hz)
    max_rate: Quantity = parameter(950 * Hz, above=0 * Hz)
    dead_time: Quantity = parameter(1 * ms, least=0 * ms)
    tau_lif: Quantity = parameter(20 * ms, above=0 * ms)
    firing: str = "poisson"

    def __post_init__(self) -> None:
        super().__post_init__()
        _check_rate(self)

    def group(self, n: int, **options: Any) -> CellGroup:
        """Make a group as for any cell. ``activity`` is 0 until you set it, and it may change at any time."""
        return cell_group(self, n, declaration=self._declaration(FIRING), **options)

    def declaration(self) -> Declaration:
        return self._declaration(STEADY_FIRING)

    def _declaration(self, firings: Mapping[str, Callable[..., Firing]]) -> Declaration:
        firing = firings[self.firing](rate="unit_rate*activity")
        return Declaration(
            equations=Equations("activity : 1") + firing.equations,
            threshold=firing.threshold,
            reset=firing.reset,
            before_threshold=firing.before_threshold,
            initial=firing.initial,
        )
