"""BTSP: what it remembers of the presentation before, and where repeated pairing ends."""

from __future__ import annotations

import numpy as np
from plasticity.presentation_signals import N_POST, N_PRE, q, signals, weights

from spikedtp.plasticity import BTSP


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
