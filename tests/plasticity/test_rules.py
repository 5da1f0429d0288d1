"""Each rule against its equation, synapse by synapse, and what must hold for all of them."""

from __future__ import annotations

import math
from dataclasses import FrozenInstanceError, fields

import numpy as np
import pytest
import torch

from spikedtp.errors import SpikedtpError
from spikedtp.plasticity import (
    BIAS_RULES,
    BTSP,
    LDS,
    RULES,
    DendriticLoss,
    DendriticState,
    HebbWeightNorm,
    Oja,
    Signals,
    SupervisedBCM,
    TemporalContrastHebb,
    TopDownHebb,
    make_bias_rule,
    make_rule,
)

N_POST, N_PRE = 5, 4


def c(x):
    return min(max(x, 0.0), 1.0)


def pm(x):
    return min(max(x, -1.0), 1.0)


def signals(seed=0, n_post=N_POST, n_pre=N_PRE, **replaced):
    rng = np.random.default_rng(seed)

    def draw(n, low=-0.2, high=1.6):
        return rng.uniform(low, high, n).astype(np.float32)

    values = {
        "pre_settled": draw(n_pre),
        "pre_settled_previous": draw(n_pre),
        "post_settled": np.maximum(draw(n_post, -0.8, 1.6), 0),
        "dendrite_settled": draw(n_post, -2, 2),
        "pre_nudged": draw(n_pre),
        "post_nudged": np.maximum(draw(n_post), 0),
        "plateau": draw(n_post, -1, 1),
    }
    return Signals(**{**values, **replaced})


def q(x, th=0.01, width=0.01):
    raw = lambda e: 1 / (1 + math.exp(-(2 / width) * (e - th)))  # noqa: E731
    return (raw(x) - raw(0)) / (raw(1) - raw(0))


def btsp(s, i, j, w, past_pre, past_plateau, w_max=1.5, kappa=0.4, dep=0.7):
    up = lambda e: (w_max - w) * e - w * dep * q(e)  # noqa: E731
    now, past = c(s.pre_nudged[j]), c(past_pre[j])
    p, p_past = max(s.plateau[i], 0), max(past_plateau[i], 0)
    return p * up(now) + p * up(kappa * past) + p_past * up(kappa * now) + min(s.plateau[i], 0) * now


PAST_PRE = np.array([0.3, 1.4, 0.0, 0.02], dtype=np.float32)
PAST_PLATEAU = np.array([-0.5, 0.3, 0.9, 0.0, 0.1], dtype=np.float32)
THETA = np.array([0.2, 0.5, 0.9, 1.3, 0.1], dtype=np.float32)
BTSP_STATE = {"past_pre": PAST_PRE, "past_plateau": PAST_PLATEAU}

CASES = {
    "dendritic state": (DendriticState(2.0), {}, lambda s, i, j, w: 2 * s.plateau[i] * c(s.pre_nudged[j])),
    "settled pre": (
        DendriticState(2.0, forward_only=True),
        {},
        lambda s, i, j, w: 2 * s.plateau[i] * c(s.pre_settled[j]),
    ),
    "one pass": (DendriticState(2.0, one_pass=True), {}, lambda s, i, j, w: 2 * s.plateau[i] * c(s.pre_settled[j])),
    "dendritic loss": (
        DendriticLoss(0.5, sign=-1),
        {},
        lambda s, i, j, w: -0.5 * pm(s.dendrite_settled[i]) * c(s.pre_settled_previous[j]),
    ),
    "hebb": (
        HebbWeightNorm(0.5, sign=-1, forward_only=True),
        {},
        lambda s, i, j, w: -0.5 * s.post_settled[i] * s.pre_settled[j],
    ),
    "hebb nudged": (HebbWeightNorm(0.5), {}, lambda s, i, j, w: 0.5 * s.post_nudged[i] * s.pre_nudged[j]),
    "hebb clipped": (
        HebbWeightNorm(0.5, clipped=True),
        {},
        lambda s, i, j, w: 0.5 * c(s.post_nudged[i]) * c(s.pre_nudged[j]),
    ),
    "supervised bcm": (
        SupervisedBCM(0.5, theta_tau=10.0, k=0.7),
        {"theta": THETA},
        lambda s, i, j, w: 0.5 * s.post_nudged[i] * (s.post_nudged[i] - THETA[i]) * c(s.pre_nudged[j]),
    ),
    "temporal contrast": (
        TemporalContrastHebb(0.5),
        {},
        lambda s, i, j, w: (
            0.5
            * (
                (c(s.post_nudged[i]) if s.post_settled[i] > 0 else 0) * c(s.pre_nudged[j])
                - c(s.post_settled[i]) * c(s.pre_settled[j])
            )
        ),
    ),
    "temporal contrast, no gate": (
        TemporalContrastHebb(0.5, relu_gate=False),
        {},
        lambda s, i, j, w: (
            0.5 * (c(s.post_nudged[i]) * c(s.pre_nudged[j]) - c(s.post_settled[i]) * c(s.pre_settled[j]))
        ),
    ),
    "top-down product": (
        TopDownHebb(0.5),
        {},
        lambda s, i, j, w: (
            0.5 * (c(s.post_nudged[i]) * c(s.pre_nudged[j]) - c(s.post_settled[i]) * c(s.pre_settled[j]))
        ),
    ),
    "top-down settled": (
        TopDownHebb(0.5, form="settled"),
        {},
        lambda s, i, j, w: 0.5 * c(s.post_settled[i]) * pm(s.pre_nudged[j] - s.pre_settled[j]),
    ),
    "top-down nudged": (
        TopDownHebb(0.5, form="nudged"),
        {},
        lambda s, i, j, w: 0.5 * c(s.post_nudged[i]) * pm(s.pre_nudged[j] - s.pre_settled[j]),
    ),
    "btsp": (
        BTSP(0.5, w_max=1.5, temporal_discount=0.4, dep_ratio=0.7),
        BTSP_STATE,
        lambda s, i, j, w: 0.5 * btsp(s, i, j, w, PAST_PRE, PAST_PLATEAU),
    ),
    "oja": (
        Oja(0.5),
        {},
        lambda s, i, j, w: 0.5 * (c(s.post_nudged[i]) * c(s.pre_nudged[j]) - c(s.post_nudged[i]) ** 2 * w),
    ),
}


def weights(seed=1):
    return np.random.default_rng(seed).uniform(0, 1.2, (N_POST, N_PRE)).astype(np.float32)


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("library", ["numpy", "torch"])
def test_equation(case, library):
    rule, state, equation = CASES[case]
    seen, weight = signals(), weights()
    expected = np.array([[equation(seen, i, j, weight[i, j]) for j in range(N_PRE)] for i in range(N_POST)])
    assert np.abs(expected).max() > 0.05
    if library == "torch":
        seen = Signals(**{k: None if v is None else torch.from_numpy(v) for k, v in vars(seen).items()})
        state = {k: torch.from_numpy(v) for k, v in state.items()}
        weight = torch.from_numpy(weight)
    np.testing.assert_allclose(np.asarray(rule.update(seen, weight, state)), expected, rtol=2e-5, atol=2e-6)


@pytest.mark.parametrize("case", CASES)
def test_batches_are_their_samples(case):
    rule, state, _ = CASES[case]
    each = [signals(seed) for seed in range(3)]
    batch = Signals(
        **{
            f.name: None if f.name == "gradient" else np.stack([getattr(s, f.name) for s in each])
            for f in fields(Signals)
        }
    )
    together = rule.update(batch, weights(), state)
    assert together.shape == (3, N_POST, N_PRE)
    for one, found in zip(each, together, strict=True):
        np.testing.assert_allclose(found, rule.update(one, weights(), state), rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("case", CASES)
def test_no_activity_no_change(case):
    rule, _, _ = CASES[case]
    zero = Signals(
        **{
            f.name: None if f.name == "gradient" else np.zeros(N_PRE if "pre" in f.name else N_POST, np.float32)
            for f in fields(Signals)
        }
    )
    assert not rule.update(zero, weights(), rule.initial_state(N_POST, N_PRE)).any()


@pytest.mark.parametrize("case", CASES)
def test_no_presynaptic_activity_no_change(case):
    """Silent inputs keep their weights, whatever the postsynaptic side does, unless the rule declares otherwise."""
    rule, _, _ = CASES[case]
    silent = {name: np.zeros(N_PRE, np.float32) for name in ("pre_settled", "pre_settled_previous", "pre_nudged")}
    change = rule.update(signals(**silent), weights(), rule.initial_state(N_POST, N_PRE))
    assert bool(change.any()) == (case == "oja") == (not rule.silent_inputs_keep_weights)


@pytest.mark.parametrize("case", CASES)
def test_change_is_proportional_to_the_learning_rate(case):
    rule, state, _ = CASES[case]
    double = type(rule)(**{**vars(rule), "learning_rate": 2 * rule.learning_rate})
    one, two = (r.update(signals(), weights(), state) for r in (rule, double))
    np.testing.assert_allclose(two, 2 * one, rtol=1e-5, atol=1e-7)


def test_bcm_threshold():
    rule = SupervisedBCM(0.5, theta_tau=10.0, k=0.7)
    np.testing.assert_allclose(rule.initial_state(N_POST, N_PRE)["theta"], 0.7)
    seen = signals()
    after = rule.next_state(seen, {"theta": THETA})["theta"]
    np.testing.assert_allclose(after, THETA + (-THETA + seen.post_nudged**2 / 0.7) / 10, rtol=1e-6)
    state = rule.initial_state(N_POST, N_PRE)
    at_rest = signals(post_nudged=np.full(N_POST, 0.7, np.float32))
    for _ in range(50):
        state = rule.next_state(at_rest, state)
    np.testing.assert_allclose(state["theta"], 0.7, rtol=1e-5)
    assert np.abs(rule.update(at_rest, weights(), state)).max() < 1e-6


def test_btsp_remembers_one_sample():
    rule = BTSP(0.5, temporal_discount=0.5)
    fresh = rule.initial_state(N_POST, N_PRE)
    first, second = signals(0), signals(1)
    state = rule.next_state(first, fresh)
    assert not fresh["past_pre"].any() and state["past_pre"].any()
    with_past, without = (rule.update(second, weights(), s) for s in (state, fresh))
    assert np.abs(with_past - without).max() > 1e-3
    forgetful = BTSP(0.5, temporal_discount=0.0)
    np.testing.assert_array_equal(
        forgetful.update(second, weights(), state), forgetful.update(second, weights(), fresh)
    )


def test_btsp_fixed_point():
    """Repeated pairing ends where potentiation and depression balance: (w_max - w) E = w q(E)."""
    rule = BTSP(0.2, w_max=2.0, temporal_discount=0.0)
    eligibility = np.array([0.012, 0.1, 0.5, 1.0], dtype=np.float32)
    seen = signals(pre_nudged=eligibility, plateau=np.ones(N_POST, np.float32))
    weight = weights()
    for _ in range(4000):
        weight = weight + rule.update(seen, weight, rule.initial_state(N_POST, N_PRE))
    expected = [2.0 * e / (e + q(e)) for e in eligibility]
    np.testing.assert_allclose(weight, np.tile(expected, (N_POST, 1)), rtol=1e-3)


def test_oja_normalises():
    rule = Oja(0.05)
    weight = weights()
    pre = np.array([0.2, 0.4, 0.1, 0.3], dtype=np.float32)
    for _ in range(3000):
        post = (weight @ pre).clip(0, 1).astype(np.float32)
        weight = weight + rule.update(signals(pre_nudged=pre, post_nudged=post), weight, {})
    np.testing.assert_allclose(np.linalg.norm(weight, axis=1), 1, rtol=1e-3)


LEGACY = {
    "BP_like_2L": DendriticState,
    "BP_like_2E": DendriticState,
    "Top_Layer_BP_like_2L": DendriticState,
    "DendriticLoss_6": DendriticLoss,
    "Hebb_WeightNorm": HebbWeightNorm,
    "Hebb_WeightNorm_4": HebbWeightNorm,
    "Hebbian_Temporal_Contrast": TemporalContrastHebb,
    "Top_Down_Hebbian_Temporal_Contrast_1": TopDownHebb,
    "Top_Down_Hebbian_Temporal_Contrast_3": TopDownHebb,
    "BTSP_19": BTSP,
    "Ojas_rule": Oja,
}


def test_legacy_names():
    for name, rule in LEGACY.items():
        assert type(make_rule(name, learning_rate=0.1)) is rule
    assert LDS is DendriticState
    assert make_rule("BP_like_2E", learning_rate=0.1).nudge == "one-pass"
    assert make_rule("BP_like_2L", learning_rate=0.1).nudge == "equilibrated"
    assert make_rule("Top_Layer_BP_like_2L", learning_rate=0.1).nudge == "output-only"
    assert make_rule("Hebb_WeightNorm_4", learning_rate=0.1).clipped
    assert make_rule("Top_Down_Hebbian_Temporal_Contrast_1", learning_rate=0.1).form == "product"
    assert make_rule("Top_Down_Hebbian_Temporal_Contrast_1", learning_rate=0.1, forward_only=True).form == "settled"
    assert make_rule("Top_Down_Hebbian_Temporal_Contrast_3", learning_rate=0.1).form == "nudged"
    assert type(make_rule("Supervised_BCM_4", learning_rate=0.1, theta_tau=5, k=1)) is SupervisedBCM
    assert make_rule("Backprop_DendriticLoss", learning_rate=0.1, source="H1.E").source == "H1E"
    assert [
        make_rule(n, learning_rate=1).relu_gate for n in ("BTSP_19", "Hebbian_Temporal_Contrast", "BP_like_2L")
    ] == [
        True,
        True,
        False,
    ]
    seen = np.ones(3, np.float32)
    np.testing.assert_allclose(make_bias_rule("DendriticLossBias", learning_rate=0.5).update(seen, None), 0.5)
    np.testing.assert_allclose(make_bias_rule("Backprop", learning_rate=0.5).update(None, seen), -0.5)


@pytest.mark.parametrize(
    ("name", "kwargs", "words"),
    [
        ("BP_like_9", {}, "unknown learning rule 'BP_like_9': known are .*BP_like_2L"),
        ("BP_like_2L", {"learning_rate": -1}, "DendriticState: learning_rate must be a number of at least 0, got -1"),
        ("BP_like_2L", {"learning_rate": float("nan")}, "learning_rate"),
        ("BP_like_2L", {"learning_rate": "fast"}, "learning_rate"),
        ("BP_like_2L", {"learning_rate": 1, "rate": 2}, "unknown parameter of BP_like_2L 'rate'"),
        ("BP_like_2L", {"learning_rate": 1, "stochastic": True}, "stochastic"),
        ("BP_like_2L", {"learning_rate": 1, "max_pop_fraction": 1.5}, "max_pop_fraction .* at most 1, got 1.5"),
        ("BP_like_2L", {"learning_rate": 1, "relu_gate": 1}, "relu_gate must be true or false"),
        ("DendriticLoss_6", {"learning_rate": 1, "sign": 2}, "sign must be 1 or -1, got 2"),
        ("Supervised_BCM_4", {"learning_rate": 1, "k": 1}, "needs theta_tau"),
        ("Supervised_BCM_4", {"learning_rate": 1, "k": 0, "theta_tau": 1}, "k must be a number above 0"),
        ("BTSP", {"learning_rate": 1, "temporal_discount": 2}, "temporal_discount"),
        ("TopDownHebb", {"learning_rate": 1, "form": "both"}, "form must be one of"),
        ("Top_Down_Hebbian_Temporal_Contrast_3", {"learning_rate": 1, "forward_only": True}, "forward_only"),
    ],
)
def test_mistakes_are_named(name, kwargs, words):
    with pytest.raises(SpikedtpError, match=words):
        make_rule(name, **kwargs)
    with pytest.raises(SpikedtpError, match="unknown bias learning rule"):
        make_bias_rule("none", learning_rate=1)


def test_rules_are_frozen_and_documented():
    with pytest.raises(FrozenInstanceError):
        DendriticState(0.1).learning_rate = 2
    for rule in (*RULES.values(), *BIAS_RULES.values()):
        assert rule.legacy_names and "Parameters" in rule.__doc__
