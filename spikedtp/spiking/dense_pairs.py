"""Dense synapses that learn from pairs of spikes (STDP, triplet STDP, with reward and eligibility), row by row.

A postsynaptic spike touches no weight. What those since the last spike of presynaptic cell i do to its row is
x_i times the difference of two running sums, one per postsynaptic cell, so it can wait until cell i fires again:

    sum over f of x_i(t_f) h_j(t_f) = X_i (S_j(t) - S_j(t_i)),    S_j = sum over f of h_j(t_f) e^(-t_f/tau_x)

with X_i = x_i e^(t/tau_x), which stands still between spikes of i. Columns, which are strided, are never walked. All
changes that wait have one sign (without a modulator), so clipping once is clipping each time.

With an eligibility trace z = Z q^t, q = e^(-dt/tau_e), a pair term d at t_f adds d q^(-t_f) to Z, and to a weight
rate d q^(-t_f) (C(t) - C(t_f - dt)), with C the running sum of reward r q^t dt; a second sum, of h_j e^(-t_f/tau_x)
q^(-t_f) C(t_f - dt), gives what waits. Before the factors e^(t/tau) cost more than five digits, all rows are brought up
to date and time starts at 0 again.
"""

from __future__ import annotations

import numpy as np
from brian2 import ms
from brian2.groups.group import CodeRunner

from spikedtp.errors import SpikedtpError
from spikedtp.plasticity import TimedRule
from spikedtp.plasticity.pair_form import PairForm
from spikedtp.plasticity.timed import decay
from spikedtp.spiking.dense import DenseSynapses

__all__ = ["PairSynapses", "check_pair_rule"]

#: Time constants after which an epoch ends: e^10 = 2e4 is what rounding errors grow by.
EPOCH = 10.0
#: The running sums take no more memory than the weights, or this many rows. One row is for one step.
FEWEST_ROWS = 64


def check_pair_rule(rule: TimedRule) -> PairForm:
    """The pair form of a rule that `PairSynapses` can learn by.

    Raises
    ------
    SpikedtpError
    """
    form = rule.pair_form() if isinstance(rule, TimedRule) else None
    if form is None:
        raise SpikedtpError(
            f"PairSynapses: rule must be one of spike pairs (STDP, TripletSTDP, MSTDP, MSTDPET), got {rule!r}"
        )
    return form


class PairSynapses(DenseSynapses):
    """All-to-all synapses that learn by a rule of spike pairs while the network runs.

    Weights, and with an eligibility trace ``z`` (1/ms), are up to date where a presynaptic spike reads them, at the end
    of every run and in the steps named to `settle`; at other times postsynaptic spikes may wait to be counted. Order in
    a step: spikes arrive with the weights of the step before, then the rule acts, "synapses" being the slot of both.

    Parameters
    ----------
    source, target, onto, gain, delay_steps, dtype, clock, when, order, name, namespace
        As in `DenseSynapses`. A delay holds for the arrival alone: plasticity sees spikes as they are fired.
    rule : TimedRule
        `STDP`, `TripletSTDP`, `MSTDP` or `MSTDPET`; both conventions.
    modulator : str, optional
        Reward, for the rules that need one: an expression that is the same for all synapses, such as ``"reward_post"``
        (a shared variable of the target) or a `TimedArray` of t.
    filled : bool
        False: the rule's constants are 0 until somebody loads `numbers`; their values are then no part of the source.

    Attributes
    ----------
    form : PairForm
    numbers : dict
        The rule's constants by the names they have in the code; each is a variable.

    Raises
    ------
    SpikedtpError
        A rule that is not one of spike pairs; a missing modulator.

    Examples
    --------
    >>> synapses = PairSynapses(inputs, cells, "v", rule=STDP(w_min=0, w_max=1), clock=clock)  # doctest: +SKIP
    >>> synapses.w = synapses.flat(w0)  # doctest: +SKIP
    >>> network = Network(inputs, cells, synapses)  # doctest: +SKIP
    """

    def __init__(
        self,
        source,
        target,
        onto: str | None = None,
        *,
        rule: TimedRule,
        modulator: str = "",
        filled: bool = True,
        **options,
    ):
        self.form = form = check_pair_rule(rule)
        if form.modulated and not modulator:
            raise SpikedtpError(f"PairSynapses: {rule.name} needs a modulator: an expression such as 'reward_post'")
        self.numbers = self._numbers(form, options["clock"].dt)
        super().__init__(
            source, target, onto, parameters=self.numbers if filled else dict.fromkeys(self.numbers, 0.0), **options
        )
        self._add_state()
        schedule = {"when": options.get("when", "synapses"), "order": options.get("order", 0)}
        if onto is not None:
            self._pairs("arrive", "", "barrier", **schedule | {"order": schedule["order"] - 1})
        reward = f"_reward = {modulator if form.modulated else 1.0}"
        self._pairs("learn", reward, "rule", **schedule | {"order": schedule["order"] + 1})

    @staticmethod
    def _numbers(form: PairForm, dt) -> dict[str, float]:
        """Constants of the code, which are values at run time: another rule with the same parts needs no new build."""
        largest = np.finfo(float).max  # compiled code does not know infinity
        least = 1e-100  # as good as nothing, and can be divided by
        low, high = form.bounds
        fastest = form.pre.tau if form.tau_e is None else min(form.pre.tau, form.tau_e)
        numbers = {
            "epoch": max(1, int(EPOCH * float(fastest / dt))),
            "keep_x": max(decay(dt, form.pre.tau), least),
            "keep_y": decay(dt, form.post.tau),
            "jump_x": form.pre.jump,
            "jump_y": form.post.jump,
            "rate": form.learning_rate,
            "gain_pre": form.gains[0],
            "gain_post": form.gains[1],
        }
        if form.bounded:
            numbers |= {"low": -largest if low is None else low, "high": largest if high is None else high}
        if form.slow_pre is not None:
            for side, trace, gain in zip("xy", (form.slow_pre, form.slow_post), form.slow_gains, strict=True):
                numbers |= {f"keep_slow_{side}": decay(dt, trace.tau), f"jump_slow_{side}": trace.jump}
                numbers |= {f"gain_slow_{side}": gain}
        if form.tau_e is not None:
            keep_e = max(decay(dt, form.tau_e), least)
            numbers |= {"keep_e": keep_e, "per_tau": float(ms / form.tau_e), "dt_ms": float(dt / ms)}
        return numbers

    def _row_stride(self, itemsize: int) -> int:
        """Whole vectors of 64 bytes, and never whole pages: rows would all fall into the same sets of the cache."""
        vector, eight = 64 // itemsize, 512 // itemsize
        return -(-self.n_post // eight) * eight + vector

    def _add_state(self) -> None:
        form, add = self.form, self.variables.add_array
        self._width = self._row_stride(itemsize=8)  # of a row of sums
        self._n_rows = max(FEWEST_ROWS, self.n_pre)
        sums = 2 if form.tau_e is not None else 1
        add("_x", size=self.n_pre)
        add("_y", size=self.n_post)
        add("_row_of", size=self.n_pre, dtype=np.int32)
        add("_sums", size=(self._n_rows + 1) * self._width * sums)
        self._state = ["w", "_x", "_y", "_row_of", "_sums"]
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
        self._state += scalars
        self.variables.add_reference("_post_spikespace", self._post.group, "_spikespace")
        self.variables.add_auxiliary_variable("_reward", dtype=np.float64, scalar=True)

    def _pairs(self, task: str, code: str, suffix: str, when: str, order: int) -> None:
        form = self.form
        ring = ["_ring", "t_in_timesteps"] if task == "arrive" and self.delay_steps else []
        self._add(
            "dense_pairs",
            code,
            suffix,
            when,
            order,
            needed=[*self._state, *self.numbers, "_spikespace", "_post_spikespace", *ring],
            task=task,
            delay=self.delay_steps,
            width=self._width,
            n_rows=self._n_rows,
            eligible=form.tau_e is not None,
            slow=form.slow_pre is not None,
            bounded=form.bounded,
            nearest=form.nearest,
            lag=form.lag,
        )

    def settle(self, *, at: str, when: str = "end", order: int = 0) -> None:
        """Bring all weights up to date in steps where the expression `at` is true (`learn` and others do so too)."""
        if "_active" not in self.variables:
            self.variables.add_auxiliary_variable("_active", dtype=bool, scalar=True)
        self._pairs("settle", f"_active = {at}", "settle", when, order)

    def _event(self, template: str, at: str, when: str, order: int, code: str = "", **options) -> CodeRunner:
        self.settle(at=at, when=when, order=order - 1)
        return super()._event(template, at, when, order, code, **options)

    def forget(self) -> None:
        """No cell has fired yet: all traces to 0; weights stay."""
        for name in self._state:
            if name != "w":
                self.state(name, use_units=False)[:] = 0
