"""BCM's bound and decay."""

import numpy as np
from brian2 import ms

from spikedtp import replay
from spikedtp.plasticity import BCM


def test_bcm_bound_and_decay_hold():
    post, pre = 3 * np.ones((4000, 1)), np.ones((4000, 1))
    alternating = post * (np.arange(4000) % 40 < 2)[:, None]
    bounded = replay(BCM(w_bound=1.0, tau_w=400 * ms), pre, alternating, 0.2).w
    assert 0.9 < bounded.max() <= 1.0
    assert replay(BCM(tau_w=400 * ms), pre, alternating, 0.2).w.max() > 1.5
    decayed = replay(BCM(w_decay=0.5), pre, 0 * post, 0.8).w[:, 0, 0]
    np.testing.assert_allclose(decayed, 0.8 * (1 - 0.5 / 40) ** np.arange(4001), rtol=1e-12)
