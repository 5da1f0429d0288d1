"""Brian2's own synapses with the rules of spike pairs: for sparse networks, in which most cells are not connected.

A synapse is only touched when a spike arrives or one of its two cells fires. Traces belong to the cells. A rule of the
voltage has a trace in each synapse: it is event-driven, so that it is exact, too, and only computed at events.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import numpy as np
from brian2 import Equations, Synapses, ms
from brian2.groups.group import Group
from brian2.units.fundamentalunits import DIMENSIONLESS, Quantity, get_dimensions
from numpy.typing import ArrayLike

from spikedtp.brian2_internals import add_pathway, end_of_run
from spikedtp.errors import SpikedtpError, shown
from spikedtp.plasticity import TimedRule
from spikedtp.plasticity.pair_form import PairForm
from spikedtp.plasticity.stock_code import EVERY_STEP, StockCode, clip_line, pair_terms, rate_factor, stock_code
from spikedtp.spiking.rule_synapses.cell_traces import add_cell_traces
from spikedtp.spiking.rule_synapses.pair_rules import check_ends, check_gain, check_pair_rule
from spikedtp.spiking.rule_synapses.sparse_eligibility import EQUATIONS, LazyEligibility
from spikedtp.spiking.rule_synapses.voltage import EVENT, VoltageGroup
from spikedtp.spiking.synapses.checks import (
    check_clock,
    check_device,
    check_first_weights,
    check_shared,
    check_true_or_false,
    dimensions_of,
    expression,
)
from spikedtp.spiking.synapses.conductances import check_raises, is_conductance
from spikedtp.spiking.synapses.connections import told
from spikedtp.spiking.synapses.delay import Delay, warn_of_delays
from spikedtp.spiking.synapses.ends import Cells

__all__ = ["SparsePairSynapses", "names_taken"]

#: What a rule of the voltage reads of a postsynaptic cell, under names that no group of a script's own has.
FACTORS = {"_ltd_post": "ltd", "_ltp_post": "ltp"}
#: Orders within the slot, beside those of stock code: fast traces jump before any weight changes, and slow ones after
#: it. The reward of the step is added before traces decay.
JUMP, SLOW, DECAY = 0, 3, 10


def names_taken(form: PairForm, post: Cells) -> list[str]:
    """The variables of a synapse that the postsynaptic cells have too, which Brian2 does not allow."""
    return sorted({"w", *Equations(_states(form))} & {*post.group.variables, *post.cells.variables})


def _states(form: PairForm) -> str:
    """The equations of a synapse beside its weight; those of a rule of the voltage are in its stock code."""
    return EQUATIONS if form.tau_e is not None and form.voltage is None else ""


class SparsePairSynapses(Synapses):
    """Brian2's `Synapses` that learn by a rule of spike pairs. They change weights as `PairSynapses` do.

    They need time and memory for existing synapses alone. `connect`, ``w`` (one number for each synapse), ``i``, ``j``
    and monitors are those of Brian2. For which networks they are the quicker choice is told in the documentation. With
    an eligibility trace (`MSTDPET`) weights are up to date when a spike reads them, at the end of every run, and in the
    steps that were given to `settle`.

    Parameters
    ----------
    source, target, onto
        As in `DenseSynapses`. Spikes arrive by the pathway ``arrive``, so that ``synapses.arrive.delay`` can be set for
        each synapse after `connect`.
    rule : TimedRule
        `STDP`, `TripletSTDP`, `MSTDP`, `MSTDPET` or `Clopath`, with the convention "same-step". All but
        `TripletSTDP` may have bounds.
    modulator : str, optional
    voltage : str
        As in `PairSynapses`.
    gain : str, float or Quantity
        Factor on the weights, which have no units, in the units of `onto`.
    delay : Quantity (second), optional
        One delay of arrival for all synapses. The rule sees spikes when they are fired.
    when : str
        Slot of the time step in which all this happens.
    **options
        Of `brian2.Synapses`, such as `name`, `dtype` or `namespace`. The `clock` is that of `source` by default.

    Raises
    ------
    SpikedtpError
        The rule is not one of spike pairs or has a lag, the modulator is missing, or cells cannot fire.

    Examples
    --------
    >>> from brian2 import Network, NeuronGroup, SpikeGeneratorGroup, ms, prefs
    >>> from spikedtp.plasticity import STDP
    >>> from spikedtp.synapses import SparsePairSynapses
    >>> target, prefs.codegen.target = prefs.codegen.target, "numpy"  # compiling would take longer than running
    >>> inputs = SpikeGeneratorGroup(3, [0, 1, 0], [1, 2, 6] * ms, dt=1 * ms, name="doc_sparse_inputs")
    >>> cells = NeuronGroup(2, "v : 1", threshold="v > 1", reset="v = 0", dt=1 * ms, name="doc_sparse_cells")
    >>> synapses = SparsePairSynapses(inputs, cells, "v", rule=STDP(learning_rate=0.01), name="doc_sparse")
    >>> synapses.connect("i != j")
    >>> synapses.w = 0.8
    >>> Network(inputs, cells, synapses).run(10 * ms)
    >>> prefs.codegen.target = target
    >>> [(int(i), int(j), round(float(w), 3)) for i, j, w in zip(synapses.i, synapses.j, synapses.w)]
    [(0, 1, 0.817), (1, 0, 0.8), (2, 0, 0.8), (2, 1, 0.8)]
    """

    why = ""  # it was chosen
    _delay_checked = 0.0  # for this time step
    _raises: str | None = None  # the conductance to which spikes add

    def __init__(
        self,
        source: Group,
        target: Group,
        onto: str | None = None,
        *,
        rule: TimedRule,
        modulator: str = "",
        voltage: str = "v",
        gain: str | float | Quantity = "1.0",
        delay: Quantity | None = None,
        when: str = "synapses",
        name: str = "sparsepairs*",
        **options: Any,
    ):
        owner = type(self).__name__ + ("" if name.endswith("*") else f" {name!r}")
        check_device(owner)
        form = check_pair_rule(rule, type(self).__name__)
        form.check_modulator(f"{owner}: {rule.name}", modulator)
        if "order" in options:
            raise SpikedtpError(f"{owner}: what happens in a time step has an order of its own: give when= alone")
        if isinstance(options.get("dtype", {}), str | type | np.dtype):
            options["dtype"] = {"w": np.dtype(options["dtype"]).type}  # traces keep all digits
        if form.lag:
            raise SpikedtpError(f"{owner}: {rule.name} with convention 'lag' needs PairSynapses: or use 'same-step'")
        pre, post = Cells(owner, "source", source), Cells(owner, "target", target)
        check_ends(rule.name, form, pre, post, voltage)
        late = Delay(owner, delay, 0)
        to = None if onto is None else post.target(onto)[0]
        raises = onto if onto is not None and is_conductance(post, onto) else None
        if raises:
            check_raises(owner, "gain", raises, gain)
        if onto is None and late:
            raise SpikedtpError(f"{owner}: a delay is that of arrival at a variable: give onto, or no delay")
        gain = expression(owner, "gain", gain)
        self._lazy = _lazy(form, modulator)
        if form.voltage is None:
            code = _code_of_events(form, self._lazy, onto, gain, modulator)
        else:
            code = stock_code(form, onto=onto, gain=gain, modulator=modulator, factors=("_ltd_post", "_ltp_post"))
        late_arrival = {"arrive": delay if late else None} if onto is not None else {}
        if taken := names_taken(form, post):
            raise SpikedtpError(
                f"{owner}: the target {post.group.name!r} has a variable {taken[0]!r}, and so have Brian2's synapses "
                "with this rule: rename the target's" + (", or use PairSynapses" if form.may_wait else "")
            )
        at_spikes = {} if form.voltage is not None else code.on_post
        super().__init__(
            source,
            target,
            code.model,
            on_pre=code.on_pre,
            on_post=at_spikes or None,
            # learning is never late, so that only arrivals have a delay for each synapse
            delay=dict.fromkeys([*code.on_pre, *at_spikes], 0 * ms) | late_arrival,
            name=name,
            **{"method": "exact", "namespace": {}, "clock": source.clock} | options,
        )
        if onto is not None and to is not None:
            check_gain(self.name, rule.name, gain, dimensions_of(self, gain, {}), onto, to.dim)
        object.__setattr__(self, "_rule", rule.name)
        object.__setattr__(self, "_limits", form.limits)
        object.__setattr__(self, "_raises", raises)
        object.__setattr__(self, "_given_delay", np.array([late.in_seconds(self.clock.dt_)]))
        self.add_attribute("voltages")
        self.voltages: VoltageGroup | None = None
        if form.voltage is not None:
            self.voltages = VoltageGroup(post, voltage, form.voltage, f"{self.name}_voltages")
            self.contained_objects.append(self.voltages)
            for ours, theirs in FACTORS.items():
                self.variables.add_reference(ours, self.voltages, theirs, index="_postsynaptic_idx")
            add_pathway(self, code.on_post["learn_high"], "learn_high", self.voltages, EVENT)
        for pathway, order in code.orders.items():
            path = getattr(self, pathway)
            path.when, path.order = when, order
        if form.voltage is None:
            self._add_traces(form, pre, post, when)
        if self._lazy is not None:
            check_shared(self, "modulator", modulator)
            self._lazy.add_to(self, when=when, first=code.orders.get("arrive", 0), last=code.orders["learn_post"])
        if code.every_step:
            name = f"{self.name}_rewarded"
            self.run_regularly(code.every_step, when=when, order=EVERY_STEP, clock=self.clock, name=name)

    def _add_traces(self, form: PairForm, pre: Cells, post: Cells, when: str) -> None:
        """Traces of whole groups at both ends."""
        assert form.post is not None  # there is one unless there is a voltage
        traces = {"pre": {"_x": (form.pre, JUMP)}, "post": {"_y": (form.post, JUMP)}}
        if form.slow_pre is not None and form.slow_post is not None:
            traces["pre"]["_slow_x"], traces["post"]["_slow_y"] = (form.slow_pre, SLOW), (form.slow_post, SLOW)
        for (side, found), end in zip(traces.items(), (pre, post), strict=True):
            add_cell_traces(self, side, end, found, nearest=form.nearest, when=when, last=DECAY)

    def settle(self, *, at: str, when: str = "end", order: int = 0) -> None:
        """Bring all weights up to date in steps where the expression `at` is true, for whoever reads them.

        Only an eligibility trace leaves something to do.
        """
        check_true_or_false(self, "at", at)
        if self._lazy is not None:
            self._lazy.settle(self, at, when, order)

    # -- before a run ----------------------------------------------------------------------------------------------

    def before_run(self, run_namespace: dict[str, Any]) -> None:
        for role, cells in (("source", self.source), ("target", self.target)):
            check_clock(self, role, cells)
        with suppress(NotImplementedError):  # compiled code knows them, not we
            check_first_weights(self, self.variables["w"].get_value(), self._limits)
            self._check_weights(self.variables["w"].get_value())
        dt = self.clock.dt_
        if hasattr(self, "arrive") and self._delay_checked != dt:
            try:
                delay = np.asarray(self.arrive.variables["delay"].get_value(), dtype=np.float64)
            except NotImplementedError:  # compiled code knows the delays, not we
                delay = self._given_delay
            warn_of_delays(self.name, delay, np.floor(delay / dt + 0.5), dt, end_of_run(self.clock))
            object.__setattr__(self, "_delay_checked", dt)
        if self._lazy is not None:
            self._lazy.before_run(self, end_of_run(self.clock) / dt)
        super().before_run(run_namespace)

    # -- as dense synapses have it ---------------------------------------------------------------------------------

    @property
    def weights(self) -> np.ndarray:
        """The weights, `(n_post, n_pre)`, and 0 where there is no synapse; one number or such a matrix sets them.

        ``w`` holds the same, one number for each synapse. What is read is a copy that cannot be written to.
        """
        pre, post = self._pairs()
        found = np.zeros((len(self.target), len(self.source)), self.variables["w"].dtype)
        found[post, pre] = self.w[:]
        found.flags.writeable = False
        return found

    @weights.setter
    def weights(self, weights: ArrayLike) -> None:
        shape = (len(self.target), len(self.source))
        if np.shape(weights) not in ((), shape):
            raise SpikedtpError(f"{self.name}: weights must be (n_post, n_pre) = {shape}, got {np.shape(weights)}")
        if get_dimensions(weights) is not DIMENSIONLESS:
            raise SpikedtpError(f"{self.name}: weights have no units, but gain has: got {shown(weights)}")
        self._check_weights(weights)
        pre, post = self._pairs()
        self.w = np.broadcast_to(weights, shape)[post, pre]

    def _check_weights(self, weights: Any) -> None:
        if self._raises:
            check_raises(self.name, "weights", self._raises, weights)

    def __repr__(self) -> str:
        known = self.__dict__.get("_known_pairs")
        shape = len(self.target), len(self.source)
        return told(self, self._rule, shape, None if known is None else len(known[0]), "sparse")

    @property
    def mask(self) -> np.ndarray:
        """Which synapses there are, `(n_post, n_pre)`."""
        pre, post = self._pairs()
        found = np.zeros((len(self.target), len(self.source)), bool)
        found[post, pre] = True
        return found

    def _pairs(self) -> tuple[np.ndarray, np.ndarray]:
        """The cells of each synapse. Brian2 does not know them before a compiled run, but `connect_mask` does."""
        known: tuple[np.ndarray, np.ndarray] | None = self.__dict__.get("_known_pairs")
        if known is not None:
            return known
        pre, post = np.asarray(self.i[:]), np.asarray(self.j[:])
        if len(np.unique(pre.astype(np.int64) * len(self.target) + post)) < len(pre):
            raise SpikedtpError(f"{self.name}: two cells have several synapses, which no matrix shows: use w, i and j")
        return pre, post

    def connect(self, *args: Any, **options: Any) -> None:
        if "_known_pairs" in self.__dict__:
            raise SpikedtpError(f"{self.name}: connected already: name all synapses in one call")
        super().connect(*args, **options)

    def connect_mask(self, mask: np.ndarray, delay: np.ndarray | None = None) -> None:
        """Make the synapses where the mask `(n_post, n_pre)` is true, with delays of the same shape."""
        pre, post = np.nonzero(mask.T)
        if len(pre):
            self.connect(i=pre, j=post)
        else:
            self.connect(False)  # Brian2 does not take empty lists
        object.__setattr__(self, "_known_pairs", (pre.astype(np.int32), post.astype(np.int32)))
        if delay is not None and len(pre):
            self.arrive.delay = delay[post, pre]
            object.__setattr__(self, "_given_delay", np.asarray(delay[post, pre]))

    def __setattr__(self, key: str, value: Any, level: int = 0) -> None:
        # Brian2 looks for properties in the class of an object, but not in those from which it inherits
        if key == "weights":
            object.__setattr__(self, key, value)
        else:
            super().__setattr__(key, value, level=level + 1)


def _lazy(form: PairForm, modulator: str) -> LazyEligibility | None:
    """The eligibility trace of a rule of spike pairs, if it has one."""
    if form.tau_e is None or form.voltage is not None:
        return None
    return LazyEligibility(form.tau_e, rate_factor(form), clip_line(form), modulator)


def _code_of_events(
    form: PairForm, lazy: LazyEligibility | None, onto: str | None, gain: str, modulator: str
) -> StockCode:
    """The code of a form whose traces belong to the cells: a synapse does nothing by itself between events."""
    terms, catch_up = pair_terms(form, "_x", "_y", "_slow_x", "_slow_y"), ""
    if lazy is not None:
        catch_up = lazy.catch_up
        learn = [catch_up + lazy.pair.format(term) for term in terms]
    else:
        factor = rate_factor(form) + (f"({modulator})*" if form.modulated else "")
        learn = [f"w += {factor}{term}{clip_line(form)}" for term in terms]
    arrive = {} if onto is None else {"arrive": f"{catch_up}{onto}_post += ({gain})*w"}
    return StockCode(f"w : 1\n{_states(form)}", arrive | {"learn_pre": learn[0]}, {"learn_post": learn[1]})
