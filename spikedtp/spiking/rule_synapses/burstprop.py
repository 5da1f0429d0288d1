"""Dense synapses that learn by Burstprop. All traces belong to cells: a synapse has its weight and nothing else.

Order of a time step, after the thresholds of the cells: bursts are detected; events arrive with the weight that there
is; presynaptic events raise weights onto cells that fire too little; postsynaptic spikes change weights.

In compiled code the changes by postsynaptic spikes wait. Such a spike would visit a column of the matrix, and each of
its weights lies in another place of the memory. Instead the spike is noted. A row of weights is brought up to date when
its presynaptic cell has its next event, before its weights are read, and at the end of the run. Until then the trace of
that cell only decays, so that its value at each noted spike is known.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from brian2 import NeuronGroup
from brian2.groups.group import Group
from brian2.units.fundamentalunits import DIMENSIONLESS
from numpy.typing import DTypeLike

from spikedtp.brian2_internals import end_of_run
from spikedtp.errors import SpikedtpError, shown
from spikedtp.plasticity import Burstprop
from spikedtp.spiking.parts.code_objects import CompiledCodeObject
from spikedtp.spiking.parts.relay import spike_relay
from spikedtp.spiking.rule_synapses.burst_cells import BurstDetector
from spikedtp.spiking.rule_synapses.kept_traces import LAST_SPIKE, at_spike, since_spike
from spikedtp.spiking.synapses.checks import unit_of, with_constants
from spikedtp.spiking.synapses.dense import DenseSynapses

__all__ = ["BurstpropSynapses", "burst_learners", "burst_senders"]

CATCH_UP, ARRIVE, LOW, LEARN, CHANGE = range(-1, 4)  # orders in the slot "synapses"
#: Postsynaptic spikes that may wait.
MOST_WAITING = 1 << 14


def burst_senders(detector: BurstDetector, rule: Burstprop, *, name: str, dtype: DTypeLike = np.float64) -> NeuronGroup:
    """The presynaptic side: cells that fire at those spikes of `detector` that count, with the trace ``x`` of the rule.

    Parameters
    ----------
    detector : BurstDetector
        In the original its `t_axon` is that of the rule.

    Examples
    --------
    >>> from brian2 import SpikeGeneratorGroup, ms
    >>> from spikedtp.plasticity import Burstprop
    >>> from spikedtp.synapses import BurstDetector, burst_senders
    >>> inputs, rule = SpikeGeneratorGroup(3, [0], [5] * ms, name="doc_sender_inputs"), Burstprop()
    >>> sent = BurstDetector(inputs, t_axon=rule.t_axon, name="doc_sent_by_inputs")
    >>> burst_senders(sent, rule, name="doc_input_senders").x[:]
    array([0., 0., 0.])
    """
    counted = detector.spikes if rule.counted == "1" else detector.events
    return spike_relay(
        counted, model=f"{since_spike('x', 'tau_x')}\n{LAST_SPIKE}", reset=f"{at_spike('x')}\nx_then += 1", order=5,
        name=name, dtype=dtype, namespace={"tau_x": rule.tau_x},
    )  # fmt: skip


def burst_learners(
    detector: BurstDetector, rule: Burstprop, *, name: str, dtype: DTypeLike = np.float64
) -> NeuronGroup:
    """The postsynaptic side: the averages of the rule, and ``teaching``, by which a spike changes weights.

    Parameters
    ----------
    detector : BurstDetector
        Of the postsynaptic cells; its `t_axon` is 0.

    Examples
    --------
    >>> from brian2 import SpikeGeneratorGroup, ms
    >>> from spikedtp.plasticity import Burstprop
    >>> from spikedtp.synapses import BurstDetector, burst_learners
    >>> cells = SpikeGeneratorGroup(2, [0], [5] * ms, name="doc_learning_cells")
    >>> seen = BurstDetector(cells, name="doc_seen_cells")
    >>> burst_learners(seen, Burstprop(), name="doc_learners_of_cells").firing_rate[:]
    array([100., 100.]) * mhertz
    """
    rates = "\n".join(since_spike(name, "tau_avg", "Hz") for name in ("event_rate", "burst_rate"))
    cells = spike_relay(
        detector.spikes, model=f"{rates}\n{LAST_SPIKE}\n{rule.firing_average}\nteaching : 1",
        reset=f"{at_spike('event_rate', 'burst_rate')}\n{rule.teaching_code}\n{rule.averages_code('_then')}",
        order=3, resets=("synapses", LEARN), refers=dict.fromkeys(("event", "burst"), detector.spikes), name=name,
        dtype=dtype, namespace=rule.numbers(),
    )  # fmt: skip
    cells.firing_rate = rule.first_rate
    return cells


class BurstpropSynapses(DenseSynapses):
    """All-to-all synapses that transmit the events of cells, and learn from the events and bursts of other cells.

    Parameters
    ----------
    source : NeuronGroup or Subgroup
        Of `burst_senders`.
    target : NeuronGroup or Subgroup
        The postsynaptic cells.
    onto : str
        The variable of `target` to which an event adds its weights.
    learners : NeuronGroup
        Of `burst_learners`, for the whole group to which the target belongs.
    rule : Burstprop
    plastic : str
        An expression, the same for all synapses, which is true while weights change.
    gain, mask, parameters, dtype, clock, name, namespace
        As in `DenseSynapses`. Synapses have no delay. The rule works with weights without units, so `gain` has the
        units of `onto`.

    Raises
    ------
    SpikedtpError

    Examples
    --------
    >>> from brian2 import Hz, Network, NeuronGroup, SpikeGeneratorGroup, ms, prefs
    >>> from spikedtp.plasticity import Burstprop
    >>> from spikedtp.synapses import BurstDetector, BurstpropSynapses, burst_learners, burst_senders
    >>> target, prefs.codegen.target = prefs.codegen.target, "numpy"  # compiling would take longer than running
    >>> rule = Burstprop(e_min=0 * Hz)
    >>> inputs = SpikeGeneratorGroup(2, [0], [60] * ms, dt=1 * ms, name="doc_bp_inputs")
    >>> cells = NeuronGroup(1, "v : 1\\nfires : 1", threshold="fires > 0", reset="", dt=1 * ms, name="doc_bp_cells")
    >>> fires = "int(t_in_timesteps == 30) + int(abs(t_in_timesteps - 70) == 5)"
    >>> told = cells.run_regularly(f"fires = {fires}", dt=1 * ms)
    >>> sent = BurstDetector(inputs, t_axon=rule.t_axon, name="doc_sent")
    >>> seen = BurstDetector(cells, name="doc_seen")  # events at 30 and 65 ms, and a burst at 75 ms
    >>> senders = burst_senders(sent, rule, name="doc_senders")
    >>> learners = burst_learners(seen, rule, name="doc_learners")
    >>> synapses = BurstpropSynapses(senders, cells, "v", learners=learners, rule=rule, name="doc_bp")
    >>> synapses.weights = 0.5
    >>> Network(inputs, cells, *sent.groups, *seen.groups, senders, learners, synapses).run(100 * ms)
    >>> prefs.codegen.target = target
    >>> synapses.weights.round(5).tolist(), float(cells.v[0])
    ([[0.50344, 0.5]], 0.5)
    """

    def __init__(
        self,
        source: Group,
        target: Group,
        onto: str,
        *,
        learners: NeuronGroup,
        rule: Burstprop,
        plastic: str = "True",
        **options: Any,
    ):
        if not isinstance(rule, Burstprop):
            raise SpikedtpError(f"BurstpropSynapses: rule must be Burstprop(...), got {shown(rule)}")
        if late := {"delay", "delay_steps"} & set(options):
            raise SpikedtpError(
                f"BurstpropSynapses: {min(late)} is not possible: events arrive in the step of the spike"
            )
        numbers = {name: value for name, value in rule.numbers().items() if name in ("learning_rate", "w_max", "e_min")}
        options["parameters"] = with_constants("BurstpropSynapses", options.get("parameters"), numbers)
        self.rule = rule
        super().__init__(source, target, onto, **{"name": "burstpropsynapses*"} | options)
        self._check_ends(learners)
        for name in ("teaching", "firing_rate"):
            self.variables.add_reference(f"{name}_of_learner", learners, name, index="_post_idx")
        self.add_dependency(learners)
        x = f"x_then_pre*exp(-(t_in_timesteps - last_spike_pre)*dt/({float(rule.tau_x)!r}*second))"
        on_pre, on_post = rule.change_codes("1", "1", x, "firing_rate_of_learner", "teaching_of_learner")
        self.on_pre(on_pre, at=plastic, order=LOW)
        if self.codeobj_class is CompiledCodeObject:
            self._let_wait(plastic)
        else:
            self.on_post(on_post, at=plastic, order=CHANGE)

    def _let_wait(self, plastic: str) -> None:
        self._hear_post(f"{self.rule.name} learns from its spikes")
        sizes = {
            "_waiting_cell": MOST_WAITING,
            "_waiting_change": MOST_WAITING,
            "_done": self.n_pre,
            "_n_waiting": 1,
            "_since": 1,
        }
        types = {"_waiting_change": np.float32, "_since": np.int64}
        for name, size in sizes.items():
            self.variables.add_array(name, size=size, dtype=types.get(name, np.int32), index="0", scalar=size == 1)
        needed = [*sizes, "w", "w_max", "learning_rate", "x_then_pre", "last_spike_pre", "teaching_of_learner"]
        needed += ["t_in_timesteps", "dt"]
        options: dict[str, Any] = {"most_waiting": MOST_WAITING, "tau": repr(float(self.rule.tau_x))}
        spikes = ["_spikespace", "_post_spikespace"]
        for task, at, when, order in (
            ("arrive", "True", "synapses", CATCH_UP),
            ("record", plastic, "synapses", CHANGE),
            ("settle", f"not ({plastic})", "end", 0),
        ):
            code = self._only_at(at, "")
            self._add("dense_burstprop", code, task, when, order, needed=needed + spikes, task=task, **options)

    def _check_ends(self, learners: NeuronGroup) -> None:
        if "x" not in self._pre.group.variables:
            raise SpikedtpError(f"{self.name}: the source must be cells that burst_senders made, with the trace x")
        for name in ("teaching", "firing_rate"):
            if name not in getattr(learners, "variables", ()):
                raise SpikedtpError(f"{self.name}: learners must be cells that burst_learners made, with {name}")
        if len(learners) != len(self._post.group):
            raise SpikedtpError(
                f"{self.name}: learners must be as many as all cells of the target's group, {len(self._post.group)}, "
                f"got {len(learners)}"
            )
        if self.variables["w"].dim is not DIMENSIONLESS:
            unit = unit_of(self.variables["w"].dim)
            raise SpikedtpError(f"{self.name}: weights of Burstprop have no units, so give gain={unit!r}")

    def __repr__(self) -> str:
        return self._told(self.rule.name)

    def _fit(self, run_namespace: dict[str, Any]) -> dict[str, Any]:
        self._check_first_weights(self.rule.bounds)
        end = end_of_run(self.clock) / self.clock.dt_
        last_step = round(end) - 1 if np.isfinite(end) else 0  # where Brian2 does not say, no change waits
        return super()._fit(run_namespace) | {"last_step": last_step}
