"""Short-term plasticity of the extended Tsodyks-Markram form: how much a spike transmits depends on those before it.

It belongs to the presynaptic cell, and not to each of its synapses. So there is one pair of variables for each cell,
and synapses of any kind can start from its terminals.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from brian2 import NeuronGroup, ms
from brian2.groups.group import Group
from brian2.units.fundamentalunits import Quantity
from numpy.typing import DTypeLike

from spikedtp.errors import SpikedtpError, known_names
from spikedtp.parameters import Parameters, parameter
from spikedtp.spiking.parts.relay import spike_relay
from spikedtp.spiking.synapses.checks import check_device
from spikedtp.spiking.synapses.ends import Cells

__all__ = ["ShortTermPlasticity"]

#: The two kinds of synapses of the published network (Payeur et al. 2021, Figure 3), as its program computes them. It
#: sets f = 0.1 for both, but a method that is not virtual makes it use u_rest instead.
KINDS: dict[str, dict[str, Any]] = {
    "facilitating": dict(u_rest=0.02, f=0.02, tau_d=100 * ms, tau_f=100 * ms),
    "depressing": dict(u_rest=0.9, f=0.9, tau_d=20 * ms, tau_f=1000 * ms),
}
#: Both move by Euler's method in each step, as in the original program; after any number of steps that is a power.
MODEL = """
    x_then : 1
    u_then : 1
    last_spike : integer
    released : 1
    x = 1 - (1 - x_then)*(1 - dt/tau_d)**(t_in_timesteps - last_spike) : 1
    u = u_rest + (u_then - u_rest)*(1 - dt/tau_f)**(t_in_timesteps - last_spike) : 1
    """
AT_SPIKE = """
    _x = x
    _u = u
    released = _x*_u
    x_then = _x - _x*_u
    u_then = _u + f*(1 - _u)
    last_spike = t_in_timesteps
    """


@dataclass(frozen=True)
class ShortTermPlasticity(Parameters):
    r"""How much of its weight a synapse transmits, from the recent spikes of its presynaptic cell.

    The resources x that are left are 1 at rest, and the part u of them that a spike uses is `u_rest`. At a spike a
    synapse transmits its weight times x u. Then, in this order::

        x <- x - u x
        u <- u + f (1 - u)

    Between spikes, in each step, x moves by dt/tau_d (1 - x) and u by dt/tau_f (u_rest - u). With a large `u_rest` most
    of what passes is the first spike of a burst. With a small `u_rest` it is the later ones.

    Parameters
    ----------
    u_rest : float
        From 0 to 1.
    f : float
        From 0 to 1; with 0 there is no facilitation.
    tau_d, tau_f : Quantity (second)
        Of recovery from depression, and of facilitation.

    References
    ----------
    Tsodyks, Pawelzik & Markram 1998, Neural Comput. 10:821, 10.1162/089976698300017502. The separate f is that of
    Payeur et al. 2021, Nat. Neurosci. 24:1010, 10.1038/s41593-021-00857-x.

    Examples
    --------
    >>> from brian2 import Network, NeuronGroup, SpikeGeneratorGroup, ms, prefs
    >>> from spikedtp.synapses import DenseSynapses, ShortTermPlasticity
    >>> target, prefs.codegen.target = prefs.codegen.target, "numpy"  # compiling would take longer than running
    >>> inputs = SpikeGeneratorGroup(1, [0, 0, 0], [10, 15, 20] * ms, dt=0.1 * ms, name="doc_short_term_inputs")
    >>> cells = NeuronGroup(2, "v : 1", dt=0.1 * ms, name="doc_short_term_cells")
    >>> terminals = ShortTermPlasticity.named("facilitating").terminals(inputs, name="doc_terminals")
    >>> synapses = DenseSynapses(terminals, cells, "v", amplitude="released", delay=0.8 * ms, name="doc_short_term")
    >>> synapses.weights = [[1], [2]]
    >>> heard = []
    >>> network = Network(inputs, terminals, cells, synapses)
    >>> for _ in range(3):
    ...     network.run(10 * ms)
    ...     heard.append(round(float(cells.v[0]), 3))
    >>> prefs.codegen.target = target
    >>> heard  # by the first cell: 0.02 of the first spike, 0.038 of the second, 0.053 of the third
    [0.0, 0.058, 0.111]
    """

    u_rest: float = parameter(0.02, least=0.0, most=1.0)
    f: float = parameter(0.1, least=0.0, most=1.0)
    tau_d: Quantity = parameter(100 * ms, above=0 * ms)
    tau_f: Quantity = parameter(100 * ms, above=0 * ms)

    @classmethod
    def named(cls, kind: str, **changes: Any) -> ShortTermPlasticity:
        """The "facilitating" or the "depressing" synapses of the published network, with changes.

        They are those that the authors' program computes, in which f is the same as `u_rest`. It was meant to be 0.1
        for both: ``named("facilitating", f=0.1)``. Facilitation is then so much stronger that the two layers of the
        published network fire in bouts.

        Examples
        --------
        >>> from spikedtp.synapses import ShortTermPlasticity
        >>> ShortTermPlasticity.named("depressing").u_rest
        0.9
        """
        if kind not in KINDS:
            raise known_names("kind of ShortTermPlasticity", kind, KINDS)
        return cls(**(KINDS[kind] | changes))

    def terminals(
        self, cells: Group, *, name: str = "terminals*", order: int = 1, dtype: DTypeLike = np.float64
    ) -> NeuronGroup:
        """Make the axon terminals of cells. They fire with the cells, and synapses start from them.

        Their variable ``released`` is x u of the last spike. Synapses multiply their weights by it, as
        ``DenseSynapses(terminals, ..., amplitude="released")`` or as ``Synapses(terminals, ..., on_pre="g_post +=
        w*released_pre")``. ``x`` and ``u`` are the present values.

        Synapses with a delay read it when the spike arrives. So a delay must be shorter than the intervals between
        spikes.

        Parameters
        ----------
        cells : NeuronGroup or Subgroup
        name : str
        order : int
            When the spikes are repeated, in the slot "thresholds". Those of `cells` must have been found before.
        dtype
            Of the variables.

        Returns
        -------
        NeuronGroup

        Raises
        ------
        SpikedtpError
            The cells cannot fire, or the time step is too long for a time constant.
        """
        owner = f"ShortTermPlasticity.terminals {name!r}" if "*" not in name else "ShortTermPlasticity.terminals"
        check_device(owner)
        Cells(owner, "cells", cells).must_fire("terminals fire with their cells")
        dt = cells.clock.dt
        for time in ("tau_d", "tau_f"):
            if getattr(self, time) < dt:
                raise SpikedtpError(f"{owner}: {time} = {getattr(self, time)} must be at least a time step, dt = {dt}")
        terminals = spike_relay(
            cells, model=MODEL, reset=AT_SPIKE, order=order, name=name, dtype=dtype, namespace=self.quantities()
        )
        terminals.x_then, terminals.u_then = 1, self.u_rest
        return terminals
