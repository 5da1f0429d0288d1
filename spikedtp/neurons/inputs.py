"""Input cells, which fire Poisson spikes or given spikes. Each cell keeps its own eligibility trace."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from brian2 import Equations, Hz, ms
from brian2.units.fundamentalunits import Quantity

from spikedtp.equations import escape
from spikedtp.errors import SpikedtpError
from spikedtp.neurons.base import CellModel, Declaration
from spikedtp.parameters import parameter

__all__ = ["PoissonInput", "SpikeTrainInput"]

_ELIGIBILITY = "deligibility/dt = -eligibility/tau_eligibility : 1"
_ELIGIBILITY_JUMP = "eligibility += weight_scale*spike_width/tau_eligibility\n"


@dataclass(frozen=True)
class PoissonInput(CellModel):
    r"""Input cells that replay activities as Poisson spikes with dead time, each with its eligibility trace.

    In execution order, in each step of length dt::

        E    <- E - E dt/tau_eligibility
        r     = clip(unit_rate * activity, 0, max_rate)
        spike when the integral of r/(1 - r dead_time) passes an Exp(1) draw
        E    <- E + weight_scale * spike_width/tau_eligibility      at a spike

    Parameters
    ----------
    unit_rate : Quantity (Hz)
        Firing rate of activity 1. It is the mean rate that results, with the dead time taken into account.
    max_rate : Quantity (Hz)
        Highest firing rate. Higher ones are clipped.
    dead_time : Quantity (second)
        Shortest interval between two spikes of a cell.
    tau_eligibility : Quantity (second)
        Time constant of the eligibility trace.
    weight_scale : float
        Factor on every weight and on the trace.
    spike_width : Quantity (second)
        A spike stands for a pulse of this duration and of height 1. Only the area of the pulse matters, because in the
        simulation it lasts one time step.

    References
    ----------
    Galloni, Peddada, Chennawar & Milstein 2026, Cell Reports 45:117159, Figure 3. There the step is 1 ms, and a
    spike is one step of height 1.

    Examples
    --------
    >>> from brian2 import Hz, ms
    >>> from spikedtp.neurons import PoissonInput
    >>> inputs = PoissonInput(unit_rate=100 * Hz)
    >>> inputs.impulse_responses(3, 1 * ms)["trace", "spike"].round(4).tolist()  # the trace after one spike
    [0.0383, 0.0377, 0.0371]
    """

    unit_rate: Quantity = parameter(450 * Hz, above=0 * Hz)
    max_rate: Quantity = parameter(1000 * Hz, above=0 * Hz)
    dead_time: Quantity = parameter(1 * ms, least=0 * ms)
    tau_eligibility: Quantity = parameter(60 * ms, above=0 * ms)
    weight_scale: float = parameter(2.3, above=0.0)
    spike_width: Quantity = parameter(1 * ms, above=0 * ms)

    time_constants: ClassVar[tuple[str, ...]] = ("tau_eligibility",)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.max_rate * self.dead_time > 1:
            raise SpikedtpError(
                f"PoissonInput.max_rate = {self.max_rate} must be at most 1/dead_time = {1 / self.dead_time}: "
                "a cell cannot fire faster than its dead time allows"
            )

    def impulse_responses(self, n_steps: int, dt: Quantity) -> dict[tuple[str, str], np.ndarray]:
        decay = 1 - float(dt / self.tau_eligibility)
        jump = self.weight_scale * float(self.spike_width / self.tau_eligibility)
        return {("trace", "spike"): jump * decay ** np.arange(n_steps)}

    def declaration(self) -> Declaration:
        return Declaration(
            equations=Equations(_ELIGIBILITY)
            + Equations("activity : 1  # set by whoever drives the cells")
            + escape.escape_equations(rate="unit_rate*activity"),
            threshold=escape.THRESHOLD,
            reset=_ELIGIBILITY_JUMP + escape.REDRAW,
            before_threshold=escape.INTEGRATE_HAZARD,
            initial={"remaining": escape.FIRST_DRAW},
        )


@dataclass(frozen=True)
class SpikeTrainInput(CellModel):
    """Input cells that fire given spikes, step by step, with the eligibility trace of `PoissonInput`.

    Examples
    --------
    >>> from brian2 import ms
    >>> from spikedtp.neurons import PoissonInput, SpikeTrainInput
    >>> SpikeTrainInput.like(PoissonInput(tau_eligibility=20 * ms)).tau_eligibility
    20. * msecond
    """

    tau_eligibility: Quantity = parameter(60 * ms, above=0 * ms)
    weight_scale: float = parameter(2.3, above=0.0)
    spike_width: Quantity = parameter(1 * ms, above=0 * ms)

    time_constants: ClassVar[tuple[str, ...]] = ("tau_eligibility",)

    @classmethod
    def like(cls, model: PoissonInput) -> SpikeTrainInput:
        """Input cells with the same trace as those of a `PoissonInput`."""
        return cls(model.tau_eligibility, model.weight_scale, model.spike_width)

    def declaration(self) -> Declaration:
        return Declaration(
            equations=Equations(_ELIGIBILITY),
            threshold="given_spike(t_in_timesteps, i) > 0",
            reset=_ELIGIBILITY_JUMP,
        )
