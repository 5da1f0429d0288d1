"""Events and bursts of cells, each as a group whose spikes they are, for synapses and monitors of any kind."""

from __future__ import annotations

from functools import cached_property

import numpy as np
from brian2 import Equations, NeuronGroup, ms
from brian2.groups.group import Group
from brian2.units.fundamentalunits import Quantity
from numpy.typing import DTypeLike

from spikedtp.equations.bursts import DETECTED, detection
from spikedtp.parameters import check_quantity
from spikedtp.spiking.parts.relay import spike_relay
from spikedtp.spiking.synapses.checks import check_device
from spikedtp.spiking.synapses.ends import Cells

__all__ = ["BurstDetector"]

#: The trace decays only when there is a spike: all that is read of it is its value at spikes.
RECENT = "recent : 1\nlast_spike : integer"
DECAY = "recent *= exp(-(t_in_timesteps - last_spike)*dt/tau_burst)\nlast_spike = t_in_timesteps\n"


class BurstDetector:
    """Tells the events and the bursts of cells from each other, while they fire.

    An *event* is a spike after a pause. A *burst* is counted once, at its second spike: `tau_burst` after an isolated
    spike the pause is long enough, after a burst somewhat later. Further spikes of a burst are neither, nor is a spike
    that comes too early after it.

    `events` and `bursts` are groups with as many cells. They fire in the time step of the spike, so that synapses from
    them transmit events or bursts alone: ``Synapses(detector.events, cells, on_pre=...)``.

    Parameters
    ----------
    cells : NeuronGroup or Subgroup
    tau_burst : Quantity (second)
    t_axon : Quantity (second)
        How late a spike becomes recent: at the end of an axon, spikes of a burst may lie farther apart by as much. It
        must be shorter than the intervals between spikes.
    dtype
        Of the traces.
    name : str

    Attributes
    ----------
    events, bursts : NeuronGroup
        They are made when they are asked for.
    spikes : NeuronGroup
        Fires with the cells; its variables ``event`` and ``burst`` say what the last spike of each cell was.
    groups : tuple of NeuronGroup
        All three, to be added to a network.

    Raises
    ------
    SpikedtpError

    Examples
    --------
    >>> from brian2 import Network, SpikeGeneratorGroup, SpikeMonitor, ms, prefs
    >>> from spikedtp.synapses import BurstDetector
    >>> target, prefs.codegen.target = prefs.codegen.target, "numpy"  # compiling would take longer than running
    >>> cells = SpikeGeneratorGroup(1, [0] * 4, [10, 20, 30, 80] * ms, dt=1 * ms, name="doc_burst_cells")
    >>> detector = BurstDetector(cells, name="doc_detector")
    >>> events, bursts = SpikeMonitor(detector.events), SpikeMonitor(detector.bursts)
    >>> Network(cells, *detector.groups, events, bursts).run(100 * ms)
    >>> prefs.codegen.target = target
    >>> events.t[:], bursts.t[:]
    (array([10., 80.]) * msecond, array([20.]) * msecond)
    """

    def __init__(
        self,
        cells: Group,
        *,
        tau_burst: Quantity = 16 * ms,
        t_axon: Quantity = 0 * ms,
        dtype: DTypeLike = np.float64,
        name: str = "burstdetector",
    ):
        owner = f"BurstDetector {name!r}"
        check_device(owner)
        Cells(owner, "cells", cells).must_fire("its bursts are detected")
        check_quantity(owner, "tau_burst", tau_burst, 1 * ms, above=0 * ms)
        check_quantity(owner, "t_axon", t_axon, 1 * ms, least=0 * ms)
        jump = repr(float(np.exp(t_axon / tau_burst)))
        self.spikes = spike_relay(
            cells, model=Equations(RECENT) + Equations(DETECTED), reset=DECAY + detection("recent", jump), name=name,
            namespace={"tau_burst": tau_burst}, dtype=dtype,
        )  # fmt: skip

    @cached_property
    def events(self) -> NeuronGroup:
        return self._those("event")

    @cached_property
    def bursts(self) -> NeuronGroup:
        return self._those("burst")

    def _those(self, kind: str) -> NeuronGroup:
        name = f"{self.spikes.name}_{kind}s"
        return spike_relay(self.spikes, f"{kind} > 0", refers={kind: self.spikes}, order=3, name=name)

    @property
    def groups(self) -> tuple[NeuronGroup, ...]:
        return self.spikes, self.events, self.bursts
