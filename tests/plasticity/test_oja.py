"""Oja's rule normalises the weights of a cell."""

from __future__ import annotations

import numpy as np
from plasticity.presentation_signals import signals, weights

from spikedtp.plasticity import Oja


def test_oja_normalises():
    rule = Oja(0.05)
    weight = weights()
    pre = np.array([0.2, 0.4, 0.1, 0.3], dtype=np.float32)
    for _ in range(3000):
        post = (weight @ pre).clip(0, 1).astype(np.float32)
        weight = weight + rule.update(signals(pre_nudged=pre, post_nudged=post), weight, {})
    np.testing.assert_allclose(np.linalg.norm(weight, axis=1), 1, rtol=1e-3)
