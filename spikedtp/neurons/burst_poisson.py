"""A pyramidal cell that draws whether a spike becomes a burst, from the voltage of its dendrite."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from brian2 import ms, mV
from brian2.units.fundamentalunits import Quantity

from spikedtp.errors import SpikedtpError
from spikedtp.neurons.base import Declaration
from spikedtp.neurons.pyramidal import Pyramidal
from spikedtp.parameters import parameter

__all__ = ["BurstPoisson"]


@dataclass(frozen=True)
class BurstPoisson(Pyramidal):
    r"""Pyramidal cell whose dendrite sets the probability of a burst, and nothing else.

    Both compartments are passive, with the synapses, the adaptation and the threshold of `NaudCell`. After they have
    moved on, in each step::

        if V > theta and t_refractory has passed since the last spike:        an event
            spike, V <- v_rest, theta <- theta + threshold_jump, w_soma <- w_soma + 1
            with probability 1/(1 + exp(-(U - v_half)/v_slope)) draw an interval, uniformly from interval_low to _high
        else if the interval has passed:                                      the second spike of a burst
            spike

    A burst has two spikes. The second one changes neither the voltage nor the threshold, but the refractory time begins
    anew. As in the original, intervals are one time step shorter than they are drawn.

    Parameters
    ----------
    tau_soma, tau_dend, c_soma, c_dend, v_rest, v_exc, v_inh, tau_exc, tau_inh
        As in `NaudCell`.
    b_soma, tau_w_soma, a_dend, tau_w_dend, v_threshold_rest, threshold_jump, tau_threshold
        As in `NaudCell`.
    v_half, v_slope : Quantity (volt)
        Voltage of the dendrite at which every other event is a burst, and how steeply it depends on the voltage.
    t_refractory : Quantity (second)
        The shortest time from a spike to the next event, a whole number of time steps.
    interval_low, interval_high : Quantity (second)
        Limits of the interval between the two spikes of a burst.

    References
    ----------
    Payeur et al. 2021, Nat. Neurosci. 24:1010, 10.1038/s41593-021-00857-x: the cells of its XOR network.

    Examples
    --------
    >>> from brian2 import Network, SpikeMonitor, ms, nA, prefs, seed
    >>> from spikedtp.neurons import BurstPoisson
    >>> target, prefs.codegen.target = prefs.codegen.target, "numpy"  # compiling would take longer than running
    >>> seed(1)
    >>> cells = BurstPoisson().group(20, dt=0.1 * ms, name="doc_burst_poisson_cells")
    >>> cells.i_soma, cells.i_dend = 0.8 * nA, 2 * nA
    >>> spikes = SpikeMonitor(cells)
    >>> Network(cells, spikes).run(100 * ms)
    >>> prefs.codegen.target = target
    >>> bool(spikes.num_spikes > 60)
    True
    """

    v_half: Quantity = parameter(-57 * mV)
    t_refractory: Quantity = parameter(20 * ms, above=0 * ms)
    interval_low: Quantity = parameter(5 * ms, above=0 * ms)
    interval_high: Quantity = parameter(15 * ms, above=0 * ms)

    whole_steps: ClassVar[tuple[str, ...]] = ("t_refractory", "interval_low", "interval_high")

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.interval_low <= self.interval_high <= self.t_refractory:
            raise SpikedtpError(
                f"{type(self).__name__}: the interval of a burst must be from interval_low = {self.interval_low} to "
                f"interval_high = {self.interval_high}, and not longer than t_refractory = {self.t_refractory}"
            )

    def check_time_step(self, dt: Quantity) -> None:
        super().check_time_step(dt)
        if self.interval_low < 1.5 * dt:
            raise SpikedtpError(
                f"{type(self).__name__}.interval_low = {self.interval_low} must be at least two time steps of dt = {dt}"
            )

    def shortest_interval(self, dt: Quantity) -> Quantity:
        return (self.t_refractory + self.interval_low - dt) / 2  # where all are bursts; intervals are a step shorter

    def declaration(self) -> Declaration:
        # all are numbers of time steps of the run: from which step on there may be an event, the second spike, and the
        # present step, which is compared with the two most quickly in their own type
        return Declaration(
            equations=self.equations("ready : integer\nbursts_at : integer\nnow = t_in_timesteps : integer (shared)"),
            threshold="(v_soma > v_threshold and now >= ready) or now == bursts_at",
            reset="""
                _event = int(now >= ready)
                _bursts = _event*int(rand() < 1/(1 + exp(-(v_dend - v_half)/v_slope)))
                _wait = int((interval_low + rand()*(interval_high - interval_low))/dt + 1e-6) - 1
                bursts_at = _bursts*(now + _wait + 1) - 1
                ready = now + int(t_refractory/dt + 0.5)
                v_soma += _event*(v_rest - v_soma)
                v_threshold += _event*threshold_jump
                w_soma += _event
            """,
            early_reset=True,
            update=self.step(),
            initial=self.first_values | {"bursts_at": "-1"},
        )
