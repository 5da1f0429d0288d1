"""`check_rule`: every shipped rule keeps the contract, and each way of breaking it is named in one line."""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from types import ModuleType
from typing import ClassVar

import numpy as np
import pytest
from brian2 import Hz, ms, second

from spikedtp import SpikedtpError, replay
from spikedtp.parameters import parameter
from spikedtp.plasticity import (
    BCM,
    BIAS_RULES,
    BTSP,
    MSTDP,
    MSTDPET,
    RULES,
    STDP,
    TIMED_RULES,
    BiasRule,
    DendriticLoss,
    DendriticState,
    Factors,
    HebbWeightNorm,
    LearningRule,
    LocalBackprop,
    Oja,
    SpikingForm,
    SupervisedBCM,
    TemporalContrastHebb,
    TopDownHebb,
    TripletSTDP,
    UrbanczikSenn,
    check_rule,
)
from spikedtp.plasticity.contract.spiking_arithmetic import SpikingArithmetic

OTHERS = [
    DendriticState(0.1, one_pass=True),
    DendriticLoss(0.1, sign=-1),
    HebbWeightNorm(0.1, -1, forward_only=True, clipped=True),
    SupervisedBCM(0.1, theta_tau=3.0, k=0.7, sign=-1, max_pop_fraction=0.5),
    TemporalContrastHebb(0.1, relu_gate=False),
    TopDownHebb(0.1, form="settled"),
    TopDownHebb(0.1, form="nudged"),
    BTSP(0.1, neg_rate_th=0.2),
    Oja(0.0),
    STDP(traces="nearest"),
    STDP(convention="lag"),
    STDP(w_min=0.0, w_max=1.0),
    MSTDP(convention="lag"),
    MSTDPET(convention="lag"),
    MSTDPET(traces="nearest", tau_e=5 * ms),
    TripletSTDP.fit("hippocampus_nearest"),
    BCM(w_bound=1.5, w_decay=0.1),
]


def plain(rule: type):
    needed = {"learning_rate": 0.1, "theta_tau": 8.0, "k": 0.6, "source": "H1E"}
    names = [] if rule in TIMED_RULES.values() else [name for name in needed if name in rule.__dataclass_fields__]
    return rule(**{name: needed[name] for name in names})


@pytest.mark.parametrize("name", [*RULES, *TIMED_RULES, *BIAS_RULES])
def test_every_shipped_rule_passes(name):
    assert check_rule(plain({**RULES, **TIMED_RULES, **BIAS_RULES}[name])) is None


@pytest.mark.parametrize("rule", OTHERS, ids=repr)
def test_its_variants_pass(rule):
    check_rule(rule)


def test_the_notebooks_rule_passes(monkeypatch):
    text = (Path(__file__).parents[2] / "experiments" / "notebooks" / "02_your_own_rule.py").read_text()
    notebook = ModuleType("notebook")
    monkeypatch.setitem(sys.modules, "notebook", notebook)
    exec(text[: text.index("rule = MultiplicativeDepression")], vars(notebook))
    check_rule(notebook.MultiplicativeDepression(0.03))


# --- its second reading of Brian2's code is Brian2's ------------------------------------------------------------------


@pytest.mark.parametrize("name", TIMED_RULES)
def test_the_second_reading_is_what_brian2_does(name):
    rule, rng, steps = TIMED_RULES[name](), np.random.default_rng(3), 50
    pre, post, w0 = rng.random((steps, 3)), rng.random((steps, 4)), rng.random((4, 3))
    if rule.needs_spikes:
        pre, post = (pre < 0.3).astype(float), (post < 0.3).astype(float)
    reward = np.repeat(rng.normal(size=10), 5)
    brian2 = replay(rule, pre, post, w0, modulator=reward, form="spiking", device="runtime")
    names = {"pre": ("activity",), "post": ("activity",)}
    ours = SpikingArithmetic(rule.spiking_form(), rule.numbers(), names, w0, 1 * ms)
    for k in range(steps):
        ours.step({"activity": pre[k]}, {"activity": post[k]}, reward[k])
        np.testing.assert_allclose(ours.weight(), brian2.w[k + 1], rtol=1e-12, atol=1e-13)
        for state, values in brian2.state.items():
            np.testing.assert_allclose(ours.state(state), values[k + 1], rtol=1e-12, atol=1e-13)


def test_synapses_may_add_to_their_cells():
    """Brian2's sums over synapses, in either direction; refused where the order would matter."""
    form = SpikingForm(pre="n : 1", post="total : 1", on_pre="total_post += w\nn_pre -= 1")
    ours = SpikingArithmetic(form, {}, {"pre": ("activity",), "post": ("activity",)}, np.ones((2, 3)), 1 * ms)
    ours.step({"activity": np.array([1.0, 0, 1])}, {"activity": np.zeros(2)})
    assert ours.post.values["total"].ravel().tolist() == [2, 2] and ours.pre.values["n"].ravel().tolist() == [-2, 0, -2]
    with pytest.raises(Exception, match="may only add to variables of a cell"):
        replaced = replace(form, on_pre="total_post = w")
        SpikingArithmetic(replaced, {}, {"pre": ("activity",), "post": ()}, np.ones((2, 3)), 1 * ms).step(
            {"activity": np.ones(3)}, {}
        )


# --- broken rules -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Good(LearningRule):
    """Plain Hebb, and the base of all that is broken below."""

    gain: float = 2.0

    def factors(self, signals, state):
        return Factors(((self.learning_rate * self.gain * signals.post_nudged, signals.pre_nudged),))

    def spiking_form(self):
        return SpikingForm(on_learn="w += learning_rate*gain*post_nudged_post*pre_nudged_pre")


@dataclass(frozen=True)
class Remembering(Good):
    """The same with a trace of the postsynaptic cell."""

    def initial_state(self, n_post, n_pre, dtype=np.float32):
        return {"trace": np.zeros(n_post, dtype)}

    def factors(self, signals, state):
        return Factors(((self.learning_rate * state["trace"], signals.pre_nudged),))

    def next_state(self, signals, state):
        return {"trace": 0.5 * state["trace"] + signals.post_nudged}

    def spiking_form(self):
        return SpikingForm(
            post="trace : 1",
            on_learn="w += learning_rate*trace_post*pre_nudged_pre",
            after_learn_post="trace = 0.5*trace + post_nudged",
            states={"trace": "post.trace"},
        )


def test_the_bases_of_the_broken_rules_are_good():
    for rule in (Good, Remembering):
        check_rule(rule(0.1))


def form(**code):
    return {"spiking_form": lambda self: SpikingForm(**code)}


def factors(function):
    return {"factors": lambda self, s, state: Factors(*function(self, s, state))}


def update(function):
    return {"update": function}


def in_place(self, signals, state):
    signals.pre_nudged[...] *= 2
    return Factors(((self.learning_rate * signals.post_nudged, signals.pre_nudged),))


def state_in_place(self, signals, state):
    state["trace"] += signals.post_nudged
    return state


SHARED = {"trace": np.zeros(4)}
NOISE = np.random.default_rng(0)
HEBB = "learning_rate*gain*post_nudged_post*pre_nudged_pre"

BROKEN = {
    "wrong shape": (
        Good,
        update(lambda self, s, w, state: self.learning_rate * s.pre_nudged[..., :, None] * s.post_nudged[..., None, :]),
        r"update has the shape \(3, 4\) for 4 postsynaptic and 3 presynaptic cells: it must be \(4, 3\)",
    ),
    "factors swapped": (
        Good,
        factors(lambda self, s, state: (((s.pre_nudged, self.learning_rate * s.post_nudged),),)),
        r"update has the shape \(3, 4\)",
    ),
    "no factors": (Good, {"factors": LearningRule.factors}, "update fails with TypeError: .* has no factored form"),
    "update unlike factors": (
        Good,
        update(lambda self, s, w, state: 2 * self.factors(s, state).dense(w)),
        "factors and update differ by",
    ),
    "raises": (
        Good,
        factors(lambda self, s, state: (((s.nothing, s.pre_nudged),),)),
        r"update fails with AttributeError: .*nothing.* \(test_check.py, line \d+\)",
    ),
    "not finite": (
        Good,
        factors(lambda self, s, state: (((self.learning_rate * s.post_nudged / 0.0, s.pre_nudged),),)),
        "not finite: guard divisions",
    ),
    "float64": (
        Good,
        factors(lambda self, s, state: (((np.array([self.learning_rate]) * s.post_nudged, s.pre_nudged),),)),
        "is float64 where signals are float32: keep their type",
    ),
    "writes into signals": (Good, {"factors": in_place}, "update writes into pre_nudged in place"),
    "keeps something": (
        Good,
        {
            "factors": lambda self, s, state: (
                object.__setattr__(self, "gain", self.gain + 1) or Good.factors(self, s, state)
            )
        },
        "update changes the rule itself: what must last goes through next_state",
    ),
    "random": (
        Good,
        factors(
            lambda self, s, state: (((self.learning_rate * s.post_nudged * float(NOISE.random()), s.pre_nudged),),)
        ),
        "update gives another result when it is called again",
    ),
    "rate of 0": (
        Good,
        factors(lambda self, s, state: (((0.1 * s.post_nudged, s.pre_nudged),),)),
        "update changes weights at a learning rate of 0: multiply by self.learning_rate",
    ),
    "never learns": (
        Good,
        factors(lambda self, s, state: (((0 * s.post_nudged, s.pre_nudged),),)),
        "update changed no weight in 8 presentations",
    ),
    "mixes a batch": (
        Good,
        factors(
            lambda self, s, state: (((self.learning_rate * (s.post_nudged - s.post_nudged.mean()), s.pre_nudged),),)
        ),
        "update mixes the samples of a batch",
    ),
    "weight undeclared": (
        Good,
        factors(lambda self, s, state: ((), ((self.learning_rate * s.post_nudged, s.pre_nudged),))),
        r"uses_weight is False, and it is so that ΔW depends on the weight: declare uses_weight: ClassVar.* = True",
    ),
    "weight declared": (Good, {"uses_weight": True}, "uses_weight is True, and it is not so"),
    "contrast undeclared": (
        Good,
        factors(lambda self, s, state: (((self.learning_rate * s.post_nudged, s.pre_nudged - s.pre_settled),),)),
        "contrasts is False, and it is so that the rule compares",
    ),
    "contrast declared": (Good, {"contrasts": True}, "contrasts is True, and it is not so"),
    "silent inputs": (
        Good,
        factors(lambda self, s, state: (((self.learning_rate * s.post_nudged, s.pre_nudged - 0.2),),)),
        "silent_inputs_keep_weights is True, and it is not so that synapses of silent",
    ),
    "silent inputs declared": (
        Good,
        {"silent_inputs_keep_weights": False},
        "silent_inputs_keep_weights is False, and it is so",
    ),
    "modulated by what it does not see": (
        Good,
        {"modulated": "plateau"},
        "modulated is 'plateau', which the rule does not look at",
    ),
    "plateau undeclared": (
        Good,
        factors(lambda self, s, state: (((self.learning_rate * s.plateau, s.pre_nudged),),)),
        r'the rule learns from plateau: declare modulated: ClassVar\[str\] = "plateau"',
    ),
    "modulated by nothing known": (
        Good,
        {"modulated": "reward"},
        "modulated is 'reward': it must be one of '', 'plateau'",
    ),
    "unknown nudge": (Good, {"nudge": "two-pass"}, "nudge is 'two-pass': it must be one of 'none', 'one-pass'"),
    "no plateau": (Good, {"plateau_form": lambda self: None}, "plateau_form gives None: it must be a"),
    "not factors": (
        Good,
        {"factors": lambda self, s, state: [(s.post_nudged, s.pre_nudged)]},
        "update fails with AttributeError",
    ),
    # state
    "state is no mapping": (
        Remembering,
        {"initial_state": lambda self, *_: [0.0]},
        "initial_state is .*must be a mapping",
    ),
    "state shared": (
        Remembering,
        {"initial_state": lambda self, n_post, n_pre, dtype=None: dict(SHARED)},
        "initial_state gives the same arrays again: make new ones",
    ),
    "state in place": (
        Remembering,
        {"next_state": state_in_place},
        r"next_state writes into state\['trace'\] in place",
    ),
    "state renamed": (
        Remembering,
        {"next_state": lambda self, s, state: {"traces": state["trace"]}},
        r"(KeyError|next_state has \['traces'\])",
    ),
    "state is a view": (
        Remembering,
        {"next_state": lambda self, s, state: {"trace": s.post_nudged}},
        "next_state keeps a view of a signal: copy it",
    ),
    "state loses its type": (
        Remembering,
        {"next_state": lambda self, s, state: {"trace": s.post_nudged * np.ones(1)}},
        r"is float64 where signals are float32",
    ),
    # spiking form
    "sign": (
        Good,
        form(on_learn=f"w -= {HEBB}"),
        "spiking_form: after presentation 1 .*with the opposite sign: the two forms",
    ),
    "other equation": (
        Good,
        form(on_learn=f"w += {HEBB}*clip(w, 0, 1)"),
        r"after presentation 1 its weights differ by [\d.e-]+ from",
    ),
    "parameter missing": (
        Good,
        form(on_learn=f"w += {HEBB}*amplitude"),
        "spiking_form: on_learn uses amplitude, which is no variable, no signal and no parameter",
    ),
    "signal missing": (Good, form(on_learn="w += learning_rate*reward_post"), "on_learn uses reward_post"),
    "no assignment": (Good, form(on_learn="print(w)"), "on_learn holds 'print.*it takes assignments"),
    "no code": (Good, form(on_learn="w +="), "on_learn cannot be read"),
    "units": (Good, form(on_learn=f"w += {HEBB}*dt"), "on_learn mixes units in w [+] "),
    "mixed units": (Good, form(on_learn=f"w = {HEBB}*dt"), "on_learn gives w a value in other units"),
    "equations": (Good, form(post="trace = 1", on_learn=f"w += {HEBB}"), "post has equations that Brian2 cannot read"),
    "declared twice": (
        Good,
        form(post="gain : 1", on_learn=f"w += {HEBB}"),
        "post declares gain, which is a parameter or a signal too",
    ),
    "in time": (
        Good,
        form(post="dtrace/dt = -trace/(10*ms) : 1", on_learn=f"w += {HEBB}"),
        "trace cannot decay in time",
    ),
    "unnamed state": (
        Remembering,
        form(
            post="trace : 1",
            on_learn="w += learning_rate*trace_post*pre_nudged_pre",
            after_learn_post="trace = 0.5*trace + post_nudged",
        ),
        "states lacks post.trace",
    ),
    "unknown state": (
        Good,
        form(post="trace : 1", on_learn=f"w += {HEBB}", states={"trace": "post.trace"}),
        "states has 'trace', which initial_state does not have",
    ),
    "other state": (
        Remembering,
        form(
            post="trace : 1",
            on_learn="w += learning_rate*trace_post*pre_nudged_pre",
            after_learn_post="trace = 0.4*trace + post_nudged",
            states={"trace": "post.trace"},
        ),
        "the state trace differs from that of next_state",
    ),
    "form raises": (Good, {"spiking_form": lambda self: 1 / 0}, "spiking_form fails with ZeroDivisionError"),
}


def broken(base: type, changes: dict) -> type:
    return dataclass(frozen=True)(type("Broken", (base,), dict(changes)))


def the_line(rule) -> str:
    with pytest.raises(SpikedtpError) as caught:
        check_rule(rule)
    message = str(caught.value)
    assert "\n" not in message and len(message) < 500
    return message


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_rule_is_named(name):
    base, changes, wanted = BROKEN[name]
    message = the_line(broken(base, changes)(0.1))
    assert message.startswith("Broken.")
    assert re.search(wanted, message), message


def test_a_class_without_its_decorator_is_named():
    class Undecorated(Good):
        more: float = 1.0

    assert the_line(Undecorated(0.1)).startswith("Undecorated.more is no field: write @dataclass(frozen=True)")


@pytest.mark.parametrize("rule", [None, "BTSP", BTSP, Factors(())])
def test_something_else_is_no_rule(rule):
    assert the_line(rule).startswith("check_rule takes a learning rule such as MyRule(learning_rate=0.1), got ")


def test_a_covariance_rule_and_one_without_a_spiking_form_pass():
    @dataclass(frozen=True)
    class Covariance(LearningRule):
        mean: float = 0.2
        silent_inputs_keep_weights: ClassVar[bool] = False

        def factors(self, signals, state):
            return Factors(((self.learning_rate * (signals.post_nudged - self.mean), signals.pre_nudged - self.mean),))

    check_rule(Covariance(0.1))


# --- broken rules in time steps ---------------------------------------------------------------------------------------


def stepping(change):
    """A stepper that does something to what STDP's gives."""

    def stepper(self, dt):
        step = STDP.stepper(self, dt)
        return lambda weight, state, row: change(step, weight, state, row)

    return {"stepper": stepper}


def in_place_step(step, weight, state, row):
    weight += 0.1
    return step(weight, state, row)


STDP_FORM = STDP().spiking_form()
TIMED = {
    "wrong shape": (stepping(lambda step, w, state, row: (w.T, state)), r"stepper's weight has the shape \(3, 4\)"),
    "no pair": (
        stepping(lambda step, w, state, row: w),
        r"stepper's step gives a ndarray: it must be \(weight, state\)",
    ),
    "not finite": (stepping(lambda step, w, state, row: (w / 0, state)), "stepper's weight is not finite"),
    "float32": (
        stepping(lambda step, w, state, row: (w.astype(np.float32), state)),
        "stepper's weight is float32 where",
    ),
    "in place": (stepping(in_place_step), "stepper's step writes into weight in place"),
    "state grows": (
        stepping(lambda step, w, state, row: (w, {**state, "more": row.pre})),
        "stepper's state has .*'more'",
    ),
    "rate of 0": (stepping(lambda step, w, state, row: (w + 0.1, step(w, state, row)[1])), "at a learning rate of 0"),
    "never learns": (
        stepping(lambda step, w, state, row: (w, step(w, state, row)[1])),
        "stepper changed no weight in 60",
    ),
    "raises": (stepping(lambda step, w, state, row: 1 / 0), "stepper's step fails with ZeroDivisionError"),
    "reward undeclared": ({"stepper": MSTDP.stepper}, "needs_modulator is False, and it is so that the modulator"),
    "reward declared": ({"needs_modulator": True}, "needs_modulator is True, and it is not so"),
    "flag": ({"needs_spikes": 1}, "needs_spikes is 1: it must be True or False"),
    "silent declared": ({"silent_inputs_keep_weights": False}, "silent_inputs_keep_weights is False, and it is so"),
    "sign": (
        {"spiking_form": lambda self: replace(STDP_FORM, on_pre="w -= learning_rate*p_minus_post")},
        r"spiking_form: in step \d+ of 1. ms its weights differ by",
    ),
    "decay": (
        {"spiking_form": lambda self: replace(STDP_FORM, pre="dp_plus/dt = -p_plus/tau_minus/2 : 1")},
        "spiking_form: in step .* the state p_plus differs|weights differ",
    ),
    "not linear": (
        {"spiking_form": lambda self: replace(STDP_FORM, pre="dp_plus/dt = -p_plus**2/tau_plus : 1")},
        "the equations of p_plus are not linear",
    ),
    "other units": (
        {"spiking_form": lambda self: replace(STDP_FORM, pre="dp_plus/dt = (1 - p_plus)/tau_plus**2 : 1")},
        "dp_plus/dt has other units|mixes units",
    ),
    "event-driven": (
        {"spiking_form": lambda self: replace(STDP_FORM, synapse="dz/dt = -z/tau_plus : 1 (event-driven)")},
        "synapse.z is event-driven",
    ),
    "state of no place": (
        {"spiking_form": lambda self: replace(STDP_FORM, states={"zeta": "cell.zeta"})},
        "'cell' is no place",
    ),
    "pair form": (
        {"pair_form": lambda self: replace(STDP.pair_form(self), learning_rate=1.0)},
        "pair_form gives weights that differ",
    ),
    "pair form of another kind": ({"pair_form": lambda self: 3}, "pair_form gives a int"),
}


@pytest.mark.parametrize("name", TIMED)
def test_a_broken_rule_in_time_steps_is_named(name):
    changes, wanted = TIMED[name]
    rule = broken(STDP, {"pair_form": lambda self: None, **changes})()
    assert re.search(wanted, the_line(rule)), the_line(rule)


def test_a_rule_in_time_steps_of_ones_own_passes():
    """One trace, its own units, an exponential decay written out; a parameter in Hz."""

    @dataclass(frozen=True)
    class Trace(UrbanczikSenn):
        phi_max: Hz = parameter(100 * Hz, above=0 * Hz)
        tau_l: second = parameter(15 * ms, above=0 * ms)

    check_rule(Trace())


# --- biases -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "wanted"),
    [
        (lambda self, plateau, gradient: 0.1 * plateau, "at a learning rate of 0"),
        (lambda self, plateau, gradient: self.learning_rate * plateau[..., :2], "update has the shape"),
        (lambda self, plateau, gradient: self.learning_rate * gradient, "update fails with TypeError"),
    ],
)
def test_a_broken_bias_rule_is_named(change, wanted):
    assert wanted in the_line(broken(BiasRule, {"update": change})(0.1))


def test_local_backprop_needs_its_source():
    check_rule(LocalBackprop(0.1, source="H2E"))
