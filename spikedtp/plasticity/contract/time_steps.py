"""The contract of rules that move in time steps."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields, replace
from typing import Any

import numpy as np
from brian2 import ms, mV

from spikedtp.plasticity.contract.spiking_arithmetic import FormProblem, SpikingArithmetic
from spikedtp.plasticity.contract.under_test import N_POST, N_PRE, UnderTest, copies, largest
from spikedtp.plasticity.pair_form import PairForm, VoltageTraces
from spikedtp.plasticity.timed import Row, TimedRule

__all__ = ["check_timed_rule"]

STEPS = 60
DRAWS = 3
DTS = (1 * ms, 0.5 * ms)
#: Of the weights: how far the forms may lie apart.
TOLERANCE = 1e-12

Rows = list[Row]


def check_timed_rule(rule: TimedRule) -> None:
    """See `check_rule`."""
    tested = UnderTest(rule, TimedRule)
    for name in ("needs_modulator", "needs_spikes", "silent_inputs_keep_weights"):
        if not isinstance(getattr(rule, name), bool):
            raise tested.fail(f"{name} is {getattr(rule, name)!r}", "it must be True or False")
    if getattr(rule, "learning_rate", 1.0) == 0:  # what is declared shows at another one
        tested = UnderTest(_at_rate(rule, 0.1), TimedRule)
    state = tested.call("initial_state", N_POST, N_PRE)
    tested.check_state("initial_state", state)
    tested.check_fresh_state(lambda: tested.call("initial_state", N_POST, N_PRE))
    _check_steps(tested)
    _check_batch(tested)
    _check_declared(tested)
    _check_spiking_form(tested)
    _check_pair_form(tested)


def _at_rate(rule: Any, learning_rate: float) -> Any:
    return replace(rule, learning_rate=learning_rate)


# --- what it is given -------------------------------------------------------------------------------------------------


def draw(tested: UnderTest, seed: int) -> Rows:
    """Spikes, or activities for a rule that takes them; a reward that stays for a while."""
    rng = np.random.default_rng(seed)
    pre, post = rng.random((STEPS, N_PRE)), rng.random((STEPS, N_POST))
    if tested.rule.needs_spikes:
        pre, post = (pre < 0.25).astype(float), (post < 0.25).astype(float)
    reward = rng.uniform(-1, 1, STEPS)[np.arange(STEPS) // 7]
    return [Row(*row) for row in zip(pre, post, reward, strict=True)]


def draw_weight(tested: UnderTest, seed: int) -> np.ndarray:
    low, high = tested.rule.bounds
    low = 0.0 if low is None else low
    high = low + 1.0 if high is None else high
    return np.random.default_rng([seed, 1]).uniform(low, high, (N_POST, N_PRE))


def stepper(tested: UnderTest, dt: Any, rule: Any = None) -> Callable[[Any, Any, Row], tuple[Any, Any]]:
    step = tested.call("stepper", dt, rule=rule)

    def one(weight: Any, state: Any, row: Row) -> tuple[Any, Any]:
        found = tested.run("stepper's step", lambda: step(weight, state, row))
        if not isinstance(found, tuple) or len(found) != 2:
            raise tested.fail(f"stepper's step gives a {type(found).__name__}", "it must be (weight, state)")
        return found

    return one


def course(tested: UnderTest, rows: Rows, weight: np.ndarray, dt: Any = DTS[0], rule: Any = None) -> list[np.ndarray]:
    """The weights after every step."""
    step, state, found = stepper(tested, dt, rule), tested.call("initial_state", N_POST, N_PRE), []
    for row in rows:
        weight, state = step(weight, state, row)
        found.append(np.array(weight))
    return found


# --- the promises -----------------------------------------------------------------------------------------------------


def _check_steps(tested: UnderTest) -> None:
    """Weights and state of every step: shape, type, finite; nothing written in place; a learning rate of 0."""
    anything = False
    for seed in range(DRAWS):
        step, state = stepper(tested, DTS[0]), tested.call("initial_state", N_POST, N_PRE)
        weight, start = draw_weight(tested, seed), state
        for row in draw(tested, seed):
            given = {**row._asdict(), "weight": weight, **{f"state[{name!r}]": value for name, value in state.items()}}
            before = copies(given)
            new_weight, new_state = step(weight, state, row)
            tested.check_array("stepper's weight", new_weight, (N_POST, N_PRE), np.float64)
            tested.check_state("stepper's state", new_state, start)
            for name, value in new_state.items():
                tested.check_array(f"stepper's state[{name!r}]", value, start[name].shape, np.float64)
            tested.check_untouched("stepper's step", given, before)
            anything |= bool(np.any(new_weight != weight))
            weight, state = new_weight, new_state
        if "learning_rate" in {field.name for field in fields(tested.rule)}:
            start_weight = draw_weight(tested, seed)
            still = course(tested, draw(tested, seed), start_weight, rule=_at_rate(tested.rule, 0.0))
            if not np.array_equal(still[-1], start_weight):
                raise tested.fail("stepper changes weights at a learning rate of 0", "multiply by self.learning_rate")
    if not anything:
        raise tested.fail(f"stepper changed no weight in {STEPS} steps", "does it use what a row holds?")


def _check_batch(tested: UnderTest) -> None:
    """A batch of one is that one; of more, the weights stay one matrix."""
    rows, weight = draw(tested, 0), draw_weight(tested, 0)
    alone = course(tested, rows, weight)[-1]
    for n in (1, 2):
        step, state = stepper(tested, DTS[0]), tested.call("initial_state", N_POST, N_PRE, (n,))
        found = weight
        for row in rows:
            many = Row(*(np.repeat(np.asarray(part)[None], n, axis=0) for part in row))
            found, state = step(found, state, many)
            tested.check_array(f"stepper's weight of a batch of {n}", found, (N_POST, N_PRE), np.float64)
        if n == 1 and not np.allclose(found, alone, rtol=1e-9, atol=1e-12):
            raise tested.fail(
                "stepper moves weights differently with a batch of 1", "sum over the batch with over_batch"
            )


def _check_declared(tested: UnderTest) -> None:
    """What the class declares, against what it does."""
    modulated, kept = False, True
    for seed in range(DRAWS):
        rows, weight = draw(tested, seed), draw_weight(tested, seed)
        other = [row._replace(modulator=0.3 - row.modulator) for row in rows]
        modulated |= not np.array_equal(course(tested, rows, weight)[-1], course(tested, other, weight)[-1])
        silent = [row._replace(pre=np.zeros(N_PRE)) for row in rows]
        kept &= np.array_equal(course(tested, silent, weight)[-1], weight)
    for name, true, what in (
        ("needs_modulator", modulated, "the modulator decides about weights"),
        ("silent_inputs_keep_weights", kept, "synapses of silent presynaptic cells keep their weights"),
    ):
        if getattr(tested.rule, name) != true:
            raise tested.fail(
                f"{name} is {getattr(tested.rule, name)}, and it is {'' if true else 'not '}so that {what}",
                f"declare {name}: ClassVar[bool] = {true} (or a property, where it depends on the parameters)",
            )


# --- the other forms --------------------------------------------------------------------------------------------------


def _check_spiking_form(tested: UnderTest) -> None:
    """Step by step the same weights and states as the rate form, at two time steps."""
    form = tested.call("spiking_form")
    try:
        for seed, dt in enumerate(DTS):
            _compare_forms(tested, form, dt, seed)
    except FormProblem as problem:
        raise tested.fail("spiking_form", str(problem)) from None


def _compare_forms(tested: UnderTest, form: Any, dt: Any, seed: int) -> None:
    rows, weight = draw(tested, 50 + seed), draw_weight(tested, seed)
    step, state = stepper(tested, dt), tested.call("initial_state", N_POST, N_PRE)
    for name in form.states:
        if name not in state:
            raise FormProblem(f"states has {name!r}, which initial_state does not have: give both the same names")
    spiking: SpikingArithmetic | None = None
    for number, row in enumerate(rows):
        given: Mapping[str, Any] = tested.call("group_signals", row.pre, row.post, np.asarray(row.modulator))
        if spiking is None:
            names = {side: tuple(values) for side, values in given.items()}
            spiking = SpikingArithmetic(form, tested.call("numbers"), names, weight, dt)
        spiking.step(given["pre"], given["post"], float(row.modulator))
        before = weight
        weight, state = step(weight, state, row)
        off = largest(spiking.weight() - weight)
        if not off <= TOLERANCE * max(1.0, largest(weight)):
            opposite = np.allclose(spiking.weight() - before, before - weight, rtol=1e-6, atol=1e-12)
            raise FormProblem(
                f"in step {number + 1} of {dt} its weights differ by {off:.3g} from those of stepper"
                f"{', with the opposite sign' if opposite else ''}: the two forms must be one equation"
            )
        for name in form.states:
            if not np.allclose(spiking.state(name), state[name], rtol=TOLERANCE, atol=TOLERANCE):
                raise FormProblem(f"in step {number + 1} of {dt} the state {name} differs from that of stepper")


def _check_pair_form(tested: UnderTest) -> None:
    """The numbers that large projections run on."""
    form = tested.call("pair_form")
    if form is None:
        return
    if not isinstance(form, PairForm):
        raise tested.fail(f"pair_form gives a {type(form).__name__}", "it must be a PairForm, or None")
    for seed, dt in enumerate(DTS):
        rows, weight = draw(tested, 70 + seed), draw_weight(tested, seed)
        off = largest(course(tested, rows, weight, dt)[-1] - _by_pairs(form, rows, weight, dt))
        if not off <= 1e-9 * max(1.0, largest(weight)):
            raise tested.fail(
                f"pair_form gives weights that differ by {off:.3g} from those of stepper",
                "make its numbers those of the equation, or leave pair_form out",
            )


def _by_pairs(form: PairForm, rows: Rows, weight: np.ndarray, dt: Any) -> np.ndarray:
    """`PairForm`'s docstring in arithmetic."""
    low, high = (
        (-np.inf if form.bounds[0] is None else form.bounds[0]),
        (np.inf if form.bounds[1] is None else form.bounds[1]),
    )
    traces = {"x": (form.pre, "pre"), "y": (form.post, "post")}
    slow = {"slow_x": (form.slow_pre, "pre"), "slow_y": (form.slow_post, "post")}
    level = {name: np.zeros(N_PRE if side == "pre" else N_POST) for name, (_, side) in {**traces, **slow}.items()}

    def jump(name: str, trace: Any, spikes: np.ndarray) -> None:
        old = level[name] * (1 - spikes) if form.nearest else level[name]
        level[name] = old + trace.jump * spikes

    eligibility, waiting = np.zeros_like(weight), [np.zeros_like(weight)] * 2
    voltage = form.voltage and _Voltage(form.voltage, dt)
    for row in rows:
        for name, (trace, side) in {**traces, **slow}.items():
            if trace is not None:
                level[name] = level[name] * np.exp(-float(dt / trace.tau))
                if name in traces:
                    jump(name, trace, getattr(row, side))
        fired = row.post
        if voltage:
            level["y"], fired = voltage.step(row.post)
        terms = [
            np.outer(level["y"], row.pre * (form.gains[0] + form.slow_gains[0] * level["slow_x"])),
            np.outer(fired * (form.gains[1] + form.slow_gains[1] * level["slow_y"]), level["x"]),
        ]
        acting, waiting = (waiting, terms) if form.lag else (terms, terms)
        reward = float(row.modulator) if form.modulated else 1.0
        if form.tau_e is not None:
            eligibility = eligibility * np.exp(-float(dt / form.tau_e)) + sum(acting) / float(form.tau_e / ms)
            weight = np.clip(weight + form.learning_rate * reward * eligibility * float(dt / ms), low, high)
        else:
            for term in acting:
                weight = np.clip(weight + form.learning_rate * reward * term, low, high)
        for name, (trace, side) in slow.items():
            if trace is not None:
                jump(name, trace, getattr(row, side))
    return weight


class _Voltage:
    """`VoltageTraces`' docstring in arithmetic, in mV."""

    def __init__(self, form: VoltageTraces, dt: Any):
        self.form, self.dt = form, dt
        self.minus = self.plus = self.mean = np.full(N_POST, float(form.u_rest / mV))

    def step(self, u: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        form, low = self.form, float(self.form.theta_minus / mV)
        y = np.maximum(self.minus - low, 0)
        if form.u_ref is not None:
            y = y * ((self.mean - float(form.u_rest / mV)) / float(form.u_ref / mV)) ** 2
        jump = np.maximum(u - float(form.theta_plus / mV), 0) * np.maximum(self.plus - low, 0) * float(self.dt / ms)
        if form.tau_mean is not None:
            self.mean = self._moved(self.mean, self.minus, form.tau_mean)
        self.minus, self.plus = self._moved(self.minus, u, form.tau_minus), self._moved(self.plus, u, form.tau_plus)
        return y, jump

    def _moved(self, trace: np.ndarray, to: np.ndarray, tau: Any) -> np.ndarray:
        return to + (trace - to) * np.exp(-float(self.dt / tau))
