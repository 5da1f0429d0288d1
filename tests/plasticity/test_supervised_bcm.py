"""The threshold of the supervised BCM rule."""

from __future__ import annotations

import numpy as np
from plasticity.presentation_signals import N_POST, N_PRE, THETA, signals, weights

from spikedtp.plasticity import SupervisedBCM


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
