"""`BTSPSynapses`: dense synapses that learn by `BidirectionalBTSP` from traces that their cells keep."""

from __future__ import annotations

from typing import Any

import numpy as np
from brian2 import ms
from brian2.core.variables import ArrayVariable, Subexpression
from brian2.groups.group import Group
from brian2.units.fundamentalunits import DIMENSIONLESS, Quantity

from spikedtp.errors import SpikedtpError, known_names, shown
from spikedtp.parameters import check_quantity
from spikedtp.plasticity import BidirectionalBTSP
from spikedtp.spiking.synapses.checks import unit_of, with_constants
from spikedtp.spiking.synapses.dense import DenseSynapses

__all__ = ["BTSPSynapses"]


class BTSPSynapses(DenseSynapses):
    """All-to-all synapses that learn by `BidirectionalBTSP` while the network runs.

    The presynaptic cells keep the eligibility traces, as those of ``rule.presynaptic_cells()`` do, and the postsynaptic
    cells the instructive traces, by ``rule.instructive_equations(...)``. Both move slowly, so weights change once in
    10 ms.

    Parameters
    ----------
    source, target, onto, gain, delay, delay_steps, mask, spikers, parameters, dtype, clock, when, order, name
        As in `DenseSynapses`, as is `namespace`. Weights have no units, so `gain` has those of `onto`.
    rule : BidirectionalBTSP
    eligibility, instructive : str
        The traces: variables of the source and of the target.
    every : Quantity (second)
        Time between two changes of the weights, at least one time step.
    laps : str, optional
        An expression that is true in time steps in which a lap ends, the same for all synapses. Weights then change in
        these steps alone, once for each lap, as in the authors' code. Without it they follow the equation.

    Raises
    ------
    SpikedtpError
        The rule is another one, a trace is missing or has units, weights begin outside 0 to the rule's `w_max`, or
        `DenseSynapses` refuse something.

    Examples
    --------
    >>> from brian2 import Hz, Network, NeuronGroup, ms, prefs
    >>> from spikedtp.plasticity import BidirectionalBTSP
    >>> from spikedtp.synapses import BTSPSynapses
    >>> target, prefs.codegen.target = prefs.codegen.target, "numpy"  # compiling would take longer than running
    >>> rule = BidirectionalBTSP.fit("median", peak_rate=40 * Hz)
    >>> inputs = rule.presynaptic_cells().group(20, dt=1 * ms, name="doc_btsp_inputs")
    >>> inputs.activity = 1
    >>> cells = NeuronGroup(1, rule.instructive_equations("int(t > 0.5*second)"), method="euler", dt=1 * ms)
    >>> synapses = BTSPSynapses(inputs, cells, rule=rule, name="doc_btsp")
    >>> synapses.weights = 1.0
    >>> Network(inputs, cells, synapses).run(800 * ms)  # a plateau of 300 ms at its end
    >>> prefs.codegen.target = target
    >>> bool(1.1 < synapses.weights.min() < synapses.weights.max() < 2)
    True
    """

    def __init__(
        self,
        source: Group,
        target: Group,
        onto: str | None = None,
        *,
        rule: BidirectionalBTSP,
        eligibility: str = "eligibility",
        instructive: str = "instructive",
        every: Quantity = 10 * ms,
        laps: str | None = None,
        **options: Any,
    ):
        if not isinstance(rule, BidirectionalBTSP):
            raise SpikedtpError(f"BTSPSynapses: rule must be a BidirectionalBTSP, got {shown(rule)}")
        check_quantity("BTSPSynapses", "every", every, 1 * ms, above=0 * ms)
        self.rule, self._every = rule, every
        of_cells = ("peak_rate", "tau_eligibility", "tau_instructive")
        numbers = {name: value for name, value in rule.numbers().items() if name not in of_cells}
        numbers["every"] = every
        options["parameters"] = with_constants("BTSPSynapses", options.get("parameters"), numbers)
        super().__init__(source, target, onto, **{"name": "btspsynapses*"} | options)
        for role, end, name in (("source", self._pre, eligibility), ("target", self._post, instructive)):
            self._check_trace(role, end.group, name)
        if self.variables["w"].dim is not DIMENSIONLESS:
            raise SpikedtpError(
                f"{self.name}: weights of {rule.name} have no units, so gain must be in those of {onto!r}: give gain, "
                f"such as '0.1*{unit_of(self.variables['w'].dim)}'"
            )
        gains = rule.gain_code(f"{eligibility}_pre", f"{instructive}_post")
        at = "timestep(t, every) > timestep(t - dt, every)"
        if laps is None:
            self.learn(gains + rule.change_code("every"), at=at)
            return
        for name in ("_grown", "_shrunk"):
            self.variables.add_array(name, size=self.stop, dtype=np.float64)
        self.learn(f"{gains}_grown += _up*every\n_shrunk += _down*every", at=at)
        once = "w = clip(w + _grown*(w_max - w) - _shrunk*w, 0, w_max)"
        self.learn(f"{once}\n_grown = 0\n_shrunk = 0", at=laps, order=1)

    def __repr__(self) -> str:
        return self._told(self.rule.name)

    @staticmethod
    def _check_trace(role: str, cells: Group, name: str) -> None:
        """Raise unless the cells have a variable of that name, without units."""
        traces = [
            known for known, found in cells.variables.items()
            if isinstance(found, (ArrayVariable, Subexpression)) and found.dim is DIMENSIONLESS
            and not found.scalar and not known.startswith("_") and known != "i"
        ]  # fmt: skip
        if name not in cells.variables:
            raise known_names(f"trace of the {role} {cells.name}", name, traces)
        if cells.variables[name].dim is not DIMENSIONLESS:
            raise SpikedtpError(
                f"BTSPSynapses: the trace {name!r} of the {role} {cells.name} must have no units, got one in "
                f"{unit_of(cells.variables[name].dim)}"
            )

    def _fit(self, run_namespace: dict[str, Any]) -> dict[str, Any]:
        self._check_first_weights((0.0, self.rule.w_max))
        if self._every < self.clock.dt * (1 - 1e-9):
            raise SpikedtpError(
                f"{self.name}: every = {self._every} must be at least the time step, {self.clock.dt}: give another one"
            )
        return super()._fit(run_namespace)
