"""Each rule against its equation, synapse by synapse, and what must hold for all of them."""

from __future__ import annotations

from dataclasses import FrozenInstanceError, fields

import numpy as np
import pytest
import torch
from plasticity.presentation_signals import N_POST, N_PRE, THETA, q, signals, weights

from spikedtp.plasticity import (
    BIAS_RULES,
    BTSP,
    RULES,
    DendriticLoss,
    DendriticState,
    HebbWeightNorm,
    Oja,
    Signals,
    SupervisedBCM,
    TemporalContrastHebb,
    TopDownHebb,
)


def c(x):
    return min(max(x, 0.0), 1.0)


def pm(x):
    return min(max(x, -1.0), 1.0)


def btsp(s, i, j, w, past_pre, past_plateau, w_max=1.5, kappa=0.4, dep=0.7):
    up = lambda e: (w_max - w) * e - w * dep * q(e)  # noqa: E731
    now, past = c(s.pre_nudged[j]), c(past_pre[j])
    p, p_past = max(s.plateau[i], 0), max(past_plateau[i], 0)
    return p * up(now) + p * up(kappa * past) + p_past * up(kappa * now) + min(s.plateau[i], 0) * now


PAST_PRE = np.array([0.3, 1.4, 0.0, 0.02], dtype=np.float32)
PAST_PLATEAU = np.array([-0.5, 0.3, 0.9, 0.0, 0.1], dtype=np.float32)
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


def test_rules_are_frozen_and_documented():
    with pytest.raises(FrozenInstanceError):
        DendriticState(0.1).learning_rate = 2
    for rule in (*RULES.values(), *BIAS_RULES.values()):
        assert rule.legacy_names and "Parameters" in rule.__doc__
