"""`check_rule`: every shipped rule keeps the contract, and what is no rule is named in one line."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType

import pytest
from brian2 import ms
from plasticity.contract.broken_rules import the_line

from spikedtp.plasticity import (
    BCM,
    BIAS_RULES,
    BTSP,
    MSTDP,
    MSTDPET,
    RULES,
    STDP,
    TIMED_RULES,
    DendriticLoss,
    DendriticState,
    Factors,
    HebbWeightNorm,
    Oja,
    SupervisedBCM,
    TemporalContrastHebb,
    TopDownHebb,
    TripletSTDP,
    check_rule,
)

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
    text = (Path(__file__).parents[3] / "experiments" / "notebooks" / "02_your_own_rule.py").read_text()
    notebook = ModuleType("notebook")
    monkeypatch.setitem(sys.modules, "notebook", notebook)
    exec(text[: text.index("rule = MultiplicativeDepression")], vars(notebook))
    check_rule(notebook.MultiplicativeDepression(0.03))


@pytest.mark.parametrize("rule", [None, "BTSP", BTSP, Factors(())])
def test_something_else_is_no_rule(rule):
    assert the_line(rule).startswith("check_rule takes a learning rule such as MyRule(learning_rate=0.1), got ")
