"""Rules that act once per presentation: each way of breaking the contract is named in one line."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pytest
from plasticity.contract.broken_rules import broken, the_line

from spikedtp.plasticity import (
    Factors,
    LearningRule,
    SpikingForm,
    check_rule,
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
        r"update fails with AttributeError: .*nothing.* \(test_presentations.py, line \d+\)",
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


def test_a_covariance_rule_and_one_without_a_spiking_form_pass():
    @dataclass(frozen=True)
    class Covariance(LearningRule):
        mean: float = 0.2
        silent_inputs_keep_weights: ClassVar[bool] = False

        def factors(self, signals, state):
            return Factors(((self.learning_rate * (signals.post_nudged - self.mean), signals.pre_nudged - self.mean),))

    check_rule(Covariance(0.1))
