"""Dense synapses that learn from pairs of spikes (STDP, triplet STDP, with reward and eligibility), row by row.

A postsynaptic spike changes no weight at once. Let t_i be the last spike of presynaptic cell i. The change of row i by
all postsynaptic spikes since t_i is x_i times the difference of two running sums, one per postsynaptic cell. It can
therefore wait until cell i fires again:

    sum over f of x_i(t_f) h_j(t_f) = X_i (S_j(t) - S_j(t_i)),    S_j = sum over f of h_j(t_f) e^(-t_f/tau_x)

with X_i = x_i e^(t/tau_x), which is constant between spikes of i. Columns, whose entries are far apart in memory, are
never used. Without a modulator all changes that wait have one sign, so clipping once equals clipping each time.

With an eligibility trace z = Z q^t, q = e^(-dt/tau_e), a pair term d at t_f adds d q^(-t_f) to Z. It adds
rate d q^(-t_f) (C(t) - C(t_f - dt)) to a weight, where C is the running sum of reward r q^t dt. A second sum, of
h_j e^(-t_f/tau_x) q^(-t_f) C(t_f - dt), gives the changes that wait. Before the factors e^(t/tau) cost more than five
digits, all rows are brought up to date, and time starts at 0 again.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
from brian2 import ms, second
from brian2.groups.group import CodeRunner, Group

from spikedtp.errors import SpikedtpError
from spikedtp.plasticity import TimedRule
from spikedtp.spiking.rule_synapses.pair_rules import (
    check_ends,
    check_gain,
    check_pair_rule,
    pair_numbers,
)
from spikedtp.spiking.rule_synapses.voltage import EVENT, VoltageGroup
from spikedtp.spiking.synapses.checks import check_shared, check_true_or_false
from spikedtp.spiking.synapses.dense import DenseSynapses

__all__ = ["PairSynapses"]

#: The running sums take no more memory than the weights, or this many rows. One row is for one step.
FEWEST_ROWS = 64
#: What depends on the time step beside the factors by which traces decay.
PER_STEP = ("epoch", "dt_ms")


class PairSynapses(DenseSynapses):
    """All-to-all synapses that learn by a rule of spike pairs while the network runs.

    Weights (and ``z`` in 1/ms, if the rule has an eligibility trace) are up to date when a presynaptic spike reads
    them, at the end of every run, and in the steps that were given to `settle`. At other times the effect of
    postsynaptic spikes may still have to be added. In each time step spikes arrive with the weights of the step before.
    Then the rule acts. Both happen in the slot "synapses".

    Parameters
    ----------
    source, target, onto, gain, delay, delay_steps, mask, dtype, clock, when, order, name, namespace
        As in `DenseSynapses`. A delay only delays the arrival: the rule sees spikes when they are fired. Rules work
        with weights without units, so `gain` has the units of `onto`, such as ``"mV"``. All cells have the same time
        step.
    rule : TimedRule
        `STDP`, `TripletSTDP`, `MSTDP` or `MSTDPET`, with either convention, or `Clopath`.
        Only `STDP` and `Clopath` may have bounds.
    modulator : str, optional
        The reward, for rules that need one. It is an expression that is the same for all synapses, such as
        ``"reward_post"`` (a shared variable of the target) or a `TimedArray` of t.
    filled : bool
        Whether the constants of the rule are set at once. If not, they are 0 until `numbers` are loaded, and their
        values are not part of the generated source.

    Attributes
    ----------
    form : PairForm
        The rule as numbers.
    numbers : dict
        The constants of the rule for the time step of the clock, by their names in the code. Each is a variable. Those
        that depend on the time step are set when a run begins.

    Raises
    ------
    SpikedtpError
        The rule is not one of spike pairs, the modulator is missing, cells cannot fire, or `DenseSynapses` refuse
        something.

    Examples
    --------
    >>> import numpy as np
    >>> from brian2 import Network, NeuronGroup, SpikeGeneratorGroup, ms, prefs
    >>> from spikedtp.plasticity import STDP
    >>> from spikedtp.synapses import PairSynapses
    >>> target, prefs.codegen.target = prefs.codegen.target, "numpy"  # compiling would take longer than running
    >>> inputs = SpikeGeneratorGroup(3, [0, 1, 0], [1, 2, 6] * ms, dt=1 * ms, name="doc_pair_inputs")
    >>> cells = NeuronGroup(2, "v : 1", threshold="v > 1", reset="v = 0", dt=1 * ms, name="doc_pair_cells")
    >>> synapses = PairSynapses(inputs, cells, "v", rule=STDP(learning_rate=0.01), name="doc_pairs")
    >>> synapses.weights = np.full((2, 3), 0.8)  # (n_post, n_pre)
    >>> Network(inputs, cells, synapses).run(10 * ms)
    >>> prefs.codegen.target = target
    >>> synapses.weights.round(3).tolist()
    [[0.8, 0.81, 0.8], [0.8, 0.81, 0.8]]
    """

    def __init__(
        self,
        source: Group,
        target: Group,
        onto: str | None = None,
        *,
        rule: TimedRule,
        modulator: str = "",
        voltage: str = "v",
        filled: bool = True,
        **options: Any,
    ):
        self.form, self._rule = check_pair_rule(rule), rule.name
        form = self.form
        form.check_modulator(f"PairSynapses: {rule.name}", modulator)
        if not form.may_wait:
            raise SpikedtpError(f"PairSynapses: {rule.name} with w_min or w_max needs SparsePairSynapses")
        self._filled = filled
        options = {"name": "pairsynapses*"} | options
        super().__init__(source, target, onto, parameters=dict.fromkeys(pair_numbers(form, 1 * ms), 0.0), **options)
        for name, value in self.numbers.items() if filled else ():
            self.variables[name].set_value(value)
        check_ends(rule.name, form, self._spikers, self._post, voltage)
        if self.per_cell > 1:
            raise SpikedtpError(
                f"{self.name}: spikers of a cell may fire at once; {rule.name} allows one spike in a step"
            )
        if self._added is not None:
            check_gain(self.name, rule.name, *self._added)
        self.add_attribute("voltages")
        self.voltages = self._hear_voltage(voltage)
        if self.voltages is None:
            self._hear_post(f"{rule.name} needs its spikes")
        self._add_state()
        schedule = {"when": options.get("when", "synapses"), "order": options.get("order", 0)}
        if onto is not None:
            self._pairs("arrive", "", "barrier", **schedule | {"order": schedule["order"] - 1})
        if form.modulated:
            check_shared(self, "modulator", modulator)
        reward = f"_reward = {modulator if form.modulated else 1.0}"
        self._pairs("learn", reward, "rule", **schedule | {"order": schedule["order"] + 1})

    def _hear_voltage(self, voltage: str) -> VoltageGroup | None:
        """The traces of the voltage for a rule that learns from it, in the place of postsynaptic spikes."""
        if self.form.voltage is None:
            return None
        group = VoltageGroup(self._post, voltage, self.form.voltage, f"{self.name}_voltages")
        self.contained_objects.append(group)
        self._in_step["target"] = self._post
        for name, theirs in (("_post_spikespace", f"_{EVENT}space"), ("_y", "ltd"), ("_jump", "ltp")):
            self.variables.add_reference(name, group, theirs)
        return group

    def __repr__(self) -> str:
        return self._told(self._rule)

    @property
    def numbers(self) -> dict[str, float]:
        return pair_numbers(self.form, self.clock.dt)

    def _row_stride(self, itemsize: int) -> int:
        """Whole vectors of 64 bytes, but never whole pages, or all rows would use the same sets of the cache."""
        vector, eight = 64 // itemsize, 512 // itemsize
        return -(-self.n_post // eight) * eight + vector

    def _add_state(self) -> None:
        form, add = self.form, partial(self.variables.add_array, dtype=np.float64)
        self._width = self._row_stride(itemsize=8)  # of a row of sums
        self._n_rows = max(FEWEST_ROWS, self.n_pre)
        sums = 2 if form.tau_e is not None else 1
        add("_x", size=self.n_pre)
        if form.voltage is None:
            add("_y", size=self.n_post)
        add("_row_of", size=self.n_pre, dtype=np.int32)
        add("_sums", size=(self._n_rows + 1) * self._width * sums)
        self._state = ["w", "_x", "_row_of", "_sums", *(["_y"] if form.voltage is None else [])]
        scalars = {"_row": np.int32, "_age": np.int32, "_left_x": np.float64}
        if form.tau_e is not None:
            add("z", size=self.stop)
            add("_c_of", size=self.n_pre)
            self._state += ["z", "_c_of"]
            scalars |= {"_left_e": np.float64, "_c": np.float64}
        if form.slow_pre is not None:
            add("_slow_x", size=self.n_pre)
            add("_slow_y", size=self.n_post)
            self._state += ["_slow_x", "_slow_y"]
        if form.lag:
            add("_pre_before", size=self.n_pre + 1, dtype=np.int32)
            add("_post_before", size=self.n_post + 1, dtype=np.int32)
            self._state += ["_pre_before", "_post_before"]
        for name, dtype in scalars.items():
            add(name, size=1, dtype=dtype, scalar=True, index="0")
        if self._filled:  # time step of the last run; no code reads it, so that it is known here
            add("_dt_before", size=1, scalar=True, index="0")
        self._state += scalars
        self.variables.add_auxiliary_variable("_reward", dtype=np.float64, scalar=True)

    def _pairs(self, task: str, code: str, suffix: str, when: str, order: int) -> None:
        form = self.form
        ring = self._ring_names if task == "arrive" else []
        heard = ["_y", "_jump"] if form.voltage is not None else []
        self._add(
            "dense_pairs",
            code,
            suffix,
            when,
            order,
            needed=[*self._state, *self.numbers, "_spikespace", "_post_spikespace", *ring, *heard],
            task=task,
            width=self._width,
            n_rows=self._n_rows,
            eligible=form.tau_e is not None,
            slow=form.slow_pre is not None,
            bounded=form.bounded,
            nearest=form.nearest,
            lag=form.lag,
            voltage=form.voltage is not None,
        )

    def settle(self, *, at: str, when: str = "end", order: int = 0) -> None:
        """Bring all weights up to date in steps where the expression `at` is true, as `learn` and others do too."""
        check_true_or_false(self, "at", at)
        if "_active" not in self.variables:
            self.variables.add_auxiliary_variable("_active", dtype=bool, scalar=True)
        self._pairs("settle", f"_active = {at}", "settle", when, order)

    def _event(self, template: str, at: str, when: str, order: int, code: str = "", **options: Any) -> CodeRunner:
        self.settle(at=at, when=when, order=order - 1)
        return super()._event(template, at, when, order, code, **options)

    def forget(self) -> None:
        """Set all traces to 0 and remove all spikes on their way, as if no cell had fired yet. The weights stay."""
        for name in self._state:
            if name != "w":
                self.state(name, use_units=False)[:] = 0
        if self.voltages is not None:
            self.voltages.forget()
        super().forget()

    # -- time steps that change between runs -----------------------------------------------------------------------

    def before_run(self, run_namespace: dict[str, Any]) -> None:
        if self._filled:
            for name, value in self.numbers.items():
                if name in PER_STEP or name.startswith("keep_"):
                    self.variables[name].set_value(value)
        super().before_run(run_namespace)

    def after_run(self) -> None:
        super().after_run()
        if self._filled:
            self.variables["_dt_before"].set_value(self.clock.dt_)

    def _fit(self, run_namespace: dict[str, Any]) -> dict[str, Any]:
        if self._filled:
            self._check_first_weights(self.form.limits)
        return super()._fit(run_namespace) | {"stretch": self._stretch()}

    def _stretch(self) -> dict[str, float]:
        """Factors on the traces when a run begins with a new dt: the step that has passed had the old length."""
        before = float(self.variables["_dt_before"].get_value()[0]) if self._filled else 0.0
        if before in (0.0, self.clock.dt_):
            return {}
        if self.form.lag:
            raise SpikedtpError(
                f"{self.name}: spikes act one step late (convention 'lag'), so the time step cannot change between "
                "runs: use convention 'same-step', or keep dt"
            )
        old, new = pair_numbers(self.form, before * second), self.numbers
        kept = {name.replace("keep", ""): old[name] / new[name] for name in new if name.startswith("keep_")}
        if "_e" in kept:
            kept["z"] = kept.pop("_e")
        return kept
