"""Dense synapses with Diehl & Cook's rule, which acts on each synapse when a spike arrives there.

A spike that arrives reads a weight and changes it, in one visit. All traces belong to cells. A synapse with a delay of
d steps sees the presynaptic trace of d steps ago, so a ring keeps the traces of the last steps. A postsynaptic spike,
which is rare, visits a column of the weights. Weights are up to date at all times.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from brian2 import second
from brian2.core.variables import Variables
from brian2.groups.group import Group
from brian2.units.fundamentalunits import DIMENSIONLESS, Quantity

from spikedtp.errors import SpikedtpError, shown
from spikedtp.plasticity import DiehlCook
from spikedtp.plasticity.timed import decay
from spikedtp.spiking.synapses.checks import unit_of, with_constants
from spikedtp.spiking.synapses.delay import Delay
from spikedtp.spiking.synapses.delay_matrix import DelayMatrix
from spikedtp.spiking.synapses.dense import DenseSynapses
from spikedtp.spiking.synapses.ends import Cells

__all__ = ["DiehlCookSynapses", "delay_columns"]

TRACES = ("x", "y1", "y2")


class TracedDelays(DelayMatrix):
    """Delays of all synapses, column after column too (-1: no synapse), and room for the traces of as many steps."""

    def add_ring(self, variables: Variables) -> list[str]:
        types = {"_x_then": np.float64, "_late": np.int32}
        for name, dtype in types.items():
            variables.add_dynamic_array(name, size=0, dtype=dtype, index=f"{name}_idx")
            variables.add_auxiliary_variable(f"{name}_idx", dtype=np.int32)
        self._x_then, self._late = (variables[name] for name in types)
        return [*super().add_ring(variables), *types]

    def _set(self, steps: np.ndarray, exists: np.ndarray, slots: int) -> None:
        super()._set(steps, exists, slots)
        columns, traces = delay_columns(steps, exists), np.zeros(slots * len(steps))
        for variable, values in ((self._late, columns), (self._x_then, traces)):
            variable.resize(len(values))
            variable.set_value(values)


def delay_columns(steps: np.ndarray, exists: np.ndarray) -> np.ndarray:
    """Delays `(n_pre, n_post)` as ``_late`` holds them."""
    return np.where(exists, steps, -1).T.ravel().astype(np.int32)


class DiehlCookSynapses(DenseSynapses):
    """All-to-all synapses that learn by Diehl & Cook's rule. They change weights as stock `Synapses` with its code do.

    In each time step spikes arrive: each adds its weight to `onto` and then lowers it. After that, postsynaptic spikes
    raise weights. All this happens when a spike arrives, after the delay of its synapse.

    Parameters
    ----------
    source, target, gain, delay, delay_steps, mask, parameters, dtype, clock, when, order, name, namespace
        As in `DenseSynapses`. The rule works with weights without units, so `gain` has the units of `onto`.
    onto : str
        The variable of `target` to which a spike adds its weights.
    rule : DiehlCook, optional
    filled : bool
        Whether the constants of the rule are set at once. If not, they are 0 until `numbers` are loaded, and their
        values are not part of the generated source.

    Attributes
    ----------
    numbers : dict
        The constants of the rule for the time step of the clock, by their names in the code. Each is a variable.

    Raises
    ------
    SpikedtpError
        The rule is another one, cells cannot fire, or `DenseSynapses` refuse something.

    Examples
    --------
    >>> import numpy as np
    >>> from brian2 import Network, NeuronGroup, SpikeGeneratorGroup, ms, prefs
    >>> from spikedtp.synapses import DiehlCookSynapses
    >>> target, prefs.codegen.target = prefs.codegen.target, "numpy"  # compiling would take longer than running
    >>> inputs = SpikeGeneratorGroup(2, [0, 1], [1, 1] * ms, dt=1 * ms, name="doc_digit_inputs")
    >>> cells = NeuronGroup(1, "ge : 1", threshold="ge > 0.5", reset="ge = 0", dt=1 * ms, name="doc_digit_cells")
    >>> delay = np.array([[2, 5]]) * ms  # (n_post, n_pre): the cell fires at 4 ms and at 7 ms
    >>> synapses = DiehlCookSynapses(inputs, cells, "ge", delay=delay, name="doc_digits")
    >>> synapses.weights = 0.8
    >>> Network(inputs, cells, synapses).run(10 * ms)
    >>> prefs.codegen.target = target
    >>> synapses.weights.round(5).tolist()
    [[0.8076, 0.80873]]
    """

    _delays = TracedDelays
    _arrival = "dense_diehl_cook"

    def __init__(
        self,
        source: Group,
        target: Group,
        onto: str,
        *,
        rule: DiehlCook | None = None,
        delay: Quantity | None = None,
        delay_steps: int | np.ndarray = 0,
        filled: bool = True,
        **options: Any,
    ):
        rule = DiehlCook() if rule is None else rule
        if not isinstance(rule, DiehlCook):
            raise SpikedtpError(f"DiehlCookSynapses: rule must be DiehlCook(...), got {shown(rule)}")
        if not isinstance(onto, str):
            raise SpikedtpError(f"DiehlCookSynapses: onto must name the variable that spikes add to, got {shown(onto)}")
        self.rule, self._filled = rule, filled
        if np.ndim(delay_steps if delay is None else delay) == 0:
            delay, delay_steps = self._for_each(source, target, delay, delay_steps)
        names: dict[str, Any] = dict.fromkeys(self._numbers(rule, 1 * second), 0.0)
        options["parameters"] = with_constants("DiehlCookSynapses", options.get("parameters"), names)
        options = {"name": "diehlcooksynapses*"} | options
        super().__init__(source, target, onto, delay=delay, delay_steps=delay_steps, **options)
        self._set_numbers()
        self._hear_post(f"{rule.name} needs spikes on both sides")
        if self.per_cell > 1:
            raise SpikedtpError(
                f"{self.name}: spikers of a cell may fire at once; {rule.name} allows one spike in a step"
            )
        if self.variables["w"].dim is not DIMENSIONLESS:
            unit = unit_of(self.variables["w"].dim)
            raise SpikedtpError(
                f"{self.name}: {rule.name} works with weights without units, but here w is in {unit}: "
                f"give gain={unit!r}"
            )
        for name, size in zip(TRACES, (self.n_pre, self.n_post, self.n_post), strict=True):
            self.variables.add_array(f"_{name}", size=size, dtype=np.float64)

    def __repr__(self) -> str:
        return self._told(self.rule.name)

    @staticmethod
    def _for_each(source: Group, target: Group, delay: Quantity | None, steps: Any) -> tuple[Quantity | None, Any]:
        """One delay for all, as a matrix."""
        one = Delay("DiehlCookSynapses", delay, steps)
        cells = (Cells("DiehlCookSynapses", *end) for end in (("target", target), ("source", source)))
        shape = tuple(map(len, cells))
        return (None, np.full(shape, one.steps)) if one.time is None else (np.full(shape, one.time) * second, 0)

    @property
    def numbers(self) -> dict[str, float]:
        return self._numbers(self.rule, self.clock.dt)

    @staticmethod
    def _numbers(rule: DiehlCook, dt: Quantity) -> dict[str, float]:
        """Constants of the code. They are set at run time, so another rule needs no new build."""
        return {f"keep_{name}": decay(dt, getattr(rule, f"tau_{name}")) for name in TRACES} | {
            "down": rule.learning_rate * rule.a_minus,
            "up": rule.learning_rate * rule.a_plus,
            "low": rule.w_min,
            "high": rule.w_max,
        }

    def _set_numbers(self) -> None:
        for name, value in self.numbers.items() if self._filled else ():
            self.variables[name].set_value(value)

    def before_run(self, run_namespace: dict[str, Any]) -> None:
        self._set_numbers()  # the time step may be another one by now
        super().before_run(run_namespace)

    def _fit(self, run_namespace: dict[str, Any]) -> dict[str, Any]:
        if self._filled:
            self._check_first_weights((-np.inf, np.inf))  # scaled rows may exceed the bounds until a spike comes
        return super()._fit(run_namespace)

    def _arrival_needs(self) -> list[str]:
        return [*(f"_{name}" for name in TRACES), *self.numbers, "_post_spikespace"]

    def forget(self) -> None:
        """Set all traces to 0 and remove all spikes on their way, as if no cell had fired yet. The weights stay."""
        for name in TRACES:
            self.state(f"_{name}", use_units=False)[:] = 0
        super().forget()
