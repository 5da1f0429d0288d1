"""Reward learning goes where reward is."""

import numpy as np

from spikedtp.plasticity.rewarded_choice import RewardedChoice


def test_the_rule_climbs_the_reward():
    """The expected change is the gradient of the expected reward, whatever the expectation."""
    rng = np.random.default_rng(0)
    rule, trace = RewardedChoice(learning_rate=1.0, gain=0.7), rng.random(4)
    w = rng.normal(size=(3, 4))

    def p(w):
        z = np.exp(rule.gain * (w @ trace))
        return z / z.sum()

    for expected in (0.0, 0.4):
        mean = sum(p(w)[c] * rule.update(trace, w @ trace, c, float(c == 1), expected) for c in range(3))
        gradient, h = np.zeros_like(w), 1e-6
        for index in np.ndindex(*w.shape):
            step = np.zeros_like(w)
            step[index] = h
            gradient[index] = (p(w + step)[1] - p(w - step)[1]) / (2 * h)
        np.testing.assert_allclose(mean, gradient, atol=1e-8)
