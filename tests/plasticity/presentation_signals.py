"""Signals and weights of one presentation, drawn, for the tests of single rules."""

from __future__ import annotations

import math

import numpy as np

from spikedtp.plasticity import Signals

N_POST, N_PRE = 5, 4


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


THETA = np.array([0.2, 0.5, 0.9, 1.3, 0.1], dtype=np.float32)


def weights(seed=1):
    return np.random.default_rng(seed).uniform(0, 1.2, (N_POST, N_PRE)).astype(np.float32)
