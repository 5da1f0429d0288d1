"""The contract of rules that learn once per presentation."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
from brian2 import ms

from spikedtp.plasticity.base import Factors, LearningRule
from spikedtp.plasticity.contract.spiking_arithmetic import FormProblem, SpikingArithmetic
from spikedtp.plasticity.contract.under_test import N_POST, N_PRE, UnderTest, copies, largest
from spikedtp.plasticity.plateau import Plateau
from spikedtp.plasticity.signals import Signals

__all__ = ["check_learning_rule"]

DRAWS = 8
#: Presentations in a row, for what a rule remembers.
ROWS = 12
#: Of the weights: how far the two forms may lie apart.
TOLERANCE = 1e-12

PRE = ("pre_settled", "pre_settled_previous", "pre_nudged")
POST = ("post_settled", "post_nudged", "plateau", "dendrite_settled")
INSTRUCTIVE = ("plateau", "dendrite_settled")
CHOICES = {
    "nudge": ("none", "one-pass", "equilibrated", "output-only"),
    "needs_gradient": (None, "output", "dendrite"),
    "modulated": ("", "plateau", "dendrite_settled", "pre_nudged", "post_nudged"),
    "uses_weight": (True, False),
    "contrasts": (True, False),
    "silent_inputs_keep_weights": (True, False),
}


def check_learning_rule(rule: LearningRule) -> None:
    """See `check_rule`."""
    tested = UnderTest(rule, LearningRule)
    _check_declaration(tested)
    if not rule.learning_rate:  # what is declared shows at another one
        tested = UnderTest(replace(rule, learning_rate=0.5), LearningRule)
    _check_changes(tested)
    _check_state(tested)
    _check_batch(tested)
    _check_declared(tested)
    if not rule.needs_gradient:
        _check_spiking_form(tested)


# --- what it is given -------------------------------------------------------------------------------------------------


def draw(seed: int, dtype: Any = np.float64, shape: tuple[int, ...] = ()) -> dict[str, np.ndarray]:
    """All signals at random, on both sides of every clip; some cells silent before the nudge."""
    rng = np.random.default_rng(seed)

    def between(low: float, high: float, *n: int) -> np.ndarray:
        return rng.uniform(low, high, (*shape, *n)).astype(dtype)

    return {
        **{name: between(-0.2, 1.5, N_PRE) for name in PRE},
        "post_settled": np.maximum(between(-0.7, 1.5, N_POST), 0),
        "post_nudged": np.maximum(between(-0.3, 1.5, N_POST), 0),
        "plateau": between(-1, 1, N_POST),
        "dendrite_settled": between(-2, 2, N_POST),
    }


def draw_weight(seed: int, dtype: Any = np.float64) -> np.ndarray:
    return np.random.default_rng([seed, 1]).uniform(0, 1.2, (N_POST, N_PRE)).astype(dtype)


def signals_of(tested: UnderTest, values: dict[str, np.ndarray], seed: int = 0) -> Signals:
    """As the rate network gives them: a rule of gradients sees nothing else."""
    if not tested.rule.needs_gradient:
        return Signals(**values)
    like = values["plateau"]
    gradient = np.random.default_rng([seed, 2]).uniform(-1, 1, (*like.shape[:-1], N_POST, N_PRE)).astype(like.dtype)
    return Signals(None, None, None, gradient=gradient)


def reached(tested: UnderTest, seed: int, dtype: Any = np.float64, silent: bool = False) -> dict[str, np.ndarray]:
    """What the rule remembers after a few presentations."""
    state = tested.call("initial_state", N_POST, N_PRE, dtype)
    for k in range(seed % 3):
        values = draw(1000 + 10 * seed + k, dtype)
        if silent:
            values |= {name: np.zeros(N_PRE, dtype) for name in PRE}
        state = tested.call("next_state", signals_of(tested, values), state)
    return state


def change(tested: UnderTest, values: dict[str, np.ndarray], weight: np.ndarray, state: Any, rule: Any = None) -> Any:
    return tested.call("update", signals_of(tested, values), weight, state, rule=rule)


# --- the promises -----------------------------------------------------------------------------------------------------


def _check_declaration(tested: UnderTest) -> None:
    """What the class says of itself, and which plateaus it asks for."""
    rule = tested.rule
    for name, allowed in CHOICES.items():
        if getattr(rule, name) not in allowed:
            raise tested.fail(
                f"{name} is {getattr(rule, name)!r}", f"it must be one of {', '.join(map(repr, allowed))}"
            )
    plateau = tested.call("plateau_form")
    if not isinstance(plateau, Plateau):
        raise tested.fail(f"plateau_form gives {plateau!r}", "it must be a spikedtp.plasticity.Plateau")
    for name in ("relu_gate", "max_pop_fraction", "neg_rate_th"):
        if hasattr(rule, name) and getattr(plateau, name) != getattr(rule, name):
            raise tested.fail(
                f"plateau_form has {name} = {getattr(plateau, name)!r}, the rule {getattr(rule, name)!r}",
                "pass the rule's own on",
            )
    state = tested.call("initial_state", N_POST, N_PRE, np.float32)
    tested.check_state("initial_state", state)
    tested.check_fresh_state(lambda: tested.call("initial_state", N_POST, N_PRE, np.float32))


def _check_changes(tested: UnderTest) -> None:
    """ΔW and its factors: shape, type, finite; nothing written in place; no change without a learning rate."""
    rule = tested.rule
    anything = False
    for seed in range(DRAWS):
        for dtype in (np.float32, np.float64):
            values, weight, state = draw(seed, dtype), draw_weight(seed, dtype), reached(tested, seed, dtype)
            given = {**values, "weight": weight, **{f"state[{name!r}]": value for name, value in state.items()}}
            before = copies(given)
            found = change(tested, values, weight, state)
            tested.check_array("update", found, (N_POST, N_PRE), dtype)
            tested.check_untouched("update", given, before)
            if not np.array_equal(found, change(tested, values, weight, state)):
                raise tested.fail(
                    "update gives another result when it is called again", "it must depend on its arguments alone"
                )
            anything |= bool(np.any(found))
            if np.any(change(tested, values, weight, state, replace(rule, learning_rate=0.0))):
                raise tested.fail("update changes weights at a learning rate of 0", "multiply by self.learning_rate")
            if not rule.needs_gradient:
                _check_factors(tested, values, weight, state, found)
                tested.check_untouched("factors", given, before)
    if not anything:
        raise tested.fail(f"update changed no weight in {DRAWS} presentations", "does it use signals that it is given?")


def _check_factors(
    tested: UnderTest, values: dict[str, np.ndarray], weight: np.ndarray, state: Any, found: np.ndarray
) -> None:
    """The factored form, which training uses: vectors of both sides, and the same ΔW."""
    factors = tested.call("factors", signals_of(tested, values), state)
    if not isinstance(factors, Factors) or not isinstance(factors.gain, tuple) or not isinstance(factors.decay, tuple):
        raise tested.fail(f"factors gives a {type(factors).__name__}", "it must be Factors(((post, pre), ...), ...)")
    for part, terms in factors._asdict().items():
        for term in terms:
            if not isinstance(term, tuple) or len(term) != 2:
                raise tested.fail(f"factors has a term in {part} that is no pair", "write ((post, pre),) for one term")
            for side, vector, n in (("post", term[0], N_POST), ("pre", term[1], N_PRE)):
                tested.check_array(f"factors: {side} of a term in {part}", vector, (n,), weight.dtype)
    dense = tested.run("factors", lambda: factors.dense(weight))
    if not np.allclose(dense, found, rtol=1e-4, atol=1e-5 * max(largest(found), 1e-3)):
        raise tested.fail(
            f"factors and update differ by {largest(dense - found):.3g}", "leave update out, or make them agree"
        )


def _check_batch(tested: UnderTest) -> None:
    """A batch is its samples."""
    weight, state = draw_weight(0), reached(tested, 2)
    batch = signals_of(tested, draw(0, shape=(2,)))
    together = tested.call("update", batch, weight, state)
    tested.check_array("update of a batch of 2", together, (2, N_POST, N_PRE), np.float64)
    after = tested.call("next_state", batch, state)
    for k in range(2):
        one = Signals(**{name: None if value is None else value[k] for name, value in vars(batch).items()})
        alone = tested.call("update", one, weight, state)
        if not np.allclose(together[k], alone, rtol=1e-9, atol=1e-12):
            raise tested.fail(
                f"update mixes the samples of a batch (by {largest(together[k] - alone):.3g})",
                "index cells from the end, as in x[..., :, None], and let no sum run over other axes",
            )
        for name, value in tested.call("next_state", one, state).items():
            if not np.allclose(np.broadcast_to(after[name], (2, *value.shape))[k], value, rtol=1e-9, atol=1e-12):
                raise tested.fail(f"next_state mixes the samples of a batch in {name}", "index cells from the end")


def _check_state(tested: UnderTest) -> None:
    """What is remembered: names, shapes, types; nothing in place, no view of the signals."""
    for seed in range(3):
        values, state = draw(seed, np.float32), reached(tested, seed, np.float32)
        given = {**values, **{f"state[{name!r}]": value for name, value in state.items()}}
        before, shapes = copies(given), {name: value.shape for name, value in state.items()}
        signals = signals_of(tested, values)
        after = tested.call("next_state", signals, state)
        tested.check_state("next_state", after, state)
        tested.check_untouched("next_state", given, before)
        for name, value in after.items():
            tested.check_array(f"next_state[{name!r}]", value, shapes[name], np.float32)
        kept = copies(after)
        for value in values.values():
            value[...] = 7.0  # the next presentation overwrites them
        if not all(np.array_equal(after[name], kept[name]) for name in kept):
            raise tested.fail("next_state keeps a view of a signal", "copy it, as in 1.0 * signals.plateau")


def _differs(tested: UnderTest, name: str, seed: int) -> bool:
    """Whether ΔW, or what is remembered, depends on a signal, or on the weight."""
    values, weight, state = draw(seed), draw_weight(seed), reached(tested, seed)
    others, other_weight = dict(values), weight
    if name == "weight":
        other_weight = draw_weight(seed + 100)
    else:
        others[name] = draw(seed + 100)[name]
    if not np.array_equal(change(tested, values, weight, state), change(tested, others, other_weight, state)):
        return True
    one, other = (tested.call("next_state", signals_of(tested, v), state) for v in (values, others))
    return any(not np.array_equal(one[key], other[key]) for key in one)


def _check_declared(tested: UnderTest) -> None:
    """What the class declares, against what it does."""
    rule = tested.rule
    if rule.needs_gradient:
        return  # it sees no activity of its own, and no weight
    sees = {name for name in (*PRE, *POST, "weight") if any(_differs(tested, name, seed) for seed in range(DRAWS))}
    _agree(tested, "uses_weight", "weight" in sees, "ΔW depends on the weight")
    contrasts = "pre_nudged" in sees and bool(sees & {"pre_settled", "pre_settled_previous"})
    _agree(tested, "contrasts", contrasts, "the rule compares presynaptic activity before and after the nudge")
    if rule.modulated and rule.modulated not in sees:
        raise tested.fail(
            f"modulated is {rule.modulated!r}, which the rule does not look at", f"it sees {_listed(sees)}"
        )
    instructive = [name for name in INSTRUCTIVE if name in sees]
    if instructive and rule.modulated not in instructive:
        raise tested.fail(
            f"modulated is {rule.modulated!r}, and the rule learns from {' and '.join(instructive)}",
            f'declare modulated: ClassVar[str] = "{instructive[0]}", which the modulator of replay stands for',
        )
    kept = not any(_silent_change(tested, seed) for seed in range(DRAWS))
    _agree(tested, "silent_inputs_keep_weights", kept, "synapses of silent presynaptic cells keep their weights")


def _silent_change(tested: UnderTest, seed: int) -> float:
    values = draw(seed) | {name: np.zeros(N_PRE) for name in PRE}
    return largest(change(tested, values, draw_weight(seed), reached(tested, seed, silent=True)))


def _agree(tested: UnderTest, name: str, true: bool, what: str) -> None:
    if getattr(tested.rule, name) != true:
        raise tested.fail(
            f"{name} is {getattr(tested.rule, name)}, and it is {'' if true else 'not '}so that {what}",
            f"declare {name}: ClassVar[bool] = {true} (or a property, where it depends on the parameters)",
        )


def _listed(names: set[str]) -> str:
    return ", ".join(sorted(names)) or "nothing"


# --- the spiking form -------------------------------------------------------------------------------------------------


def _check_spiking_form(tested: UnderTest) -> None:
    """Row by row the same weights and states as the rate form."""
    form = tested.call("spiking_form")
    if form is None:
        return
    try:
        for seed in range(2):
            _compare_forms(tested, form, seed)
    except FormProblem as problem:
        raise tested.fail("spiking_form", str(problem)) from None


def _compare_forms(tested: UnderTest, form: Any, seed: int) -> None:
    rule, weight = tested.rule, draw_weight(seed)
    state = tested.call("initial_state", N_POST, N_PRE, np.float64)
    spiking = SpikingArithmetic(form, rule.numbers(), {"pre": PRE, "post": POST}, weight, 1 * ms)
    remembered = set(form.states.values())
    for name in form.states:
        if name not in state:
            raise FormProblem(f"states has {name!r}, which initial_state does not have: give both the same names")
    for place in (spiking.pre, spiking.post):
        if place.rates:
            raise FormProblem(
                f"{_listed(set(place.rates))} cannot decay in time: this rule learns once per presentation"
            )
        if lost := {f"{place.name}.{name}" for name in place.values} - remembered:
            raise FormProblem(f"states lacks {_listed(lost)}: what a group remembers needs a name in initial_state")
    for row, values in enumerate(_rows(seed)):
        found = change(tested, values, weight, state)
        before = spiking.weight()
        spiking.step({n: values[n] for n in PRE}, {n: values[n] for n in POST})
        weight, state = weight + found, tested.call("next_state", Signals(**values), state)
        off = largest(spiking.weight() - weight)
        if not off <= TOLERANCE * max(1.0, largest(weight)):
            opposite = np.allclose(spiking.weight() - before, -found, rtol=1e-6, atol=1e-12) and found.any()
            raise FormProblem(
                f"after presentation {row + 1} its weights differ by {off:.3g} from those of factors"
                f"{', with the opposite sign' if opposite else ''}: the two forms must be one equation"
            )
        for name in form.states:
            if not np.allclose(spiking.state(name), state[name], rtol=TOLERANCE, atol=TOLERANCE):
                raise FormProblem(f"after presentation {row + 1} the state {name} differs from that of next_state")


def _rows(seed: int) -> Iterator[dict[str, np.ndarray]]:
    for k in range(ROWS):
        yield draw(10_000 + 100 * seed + k)
