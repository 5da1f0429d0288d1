"""Given spike trains, and what a rule makes of them."""

import numpy as np

from spikedtp import replay


def spikes(times, steps, dt=1.0):
    """One train, (steps, 1), from times in ms."""
    train = np.zeros((steps, 1))
    train[np.round(np.asarray(times) / dt).astype(int)] = 1
    return train


def total(rule, pre, post, **options):
    return float((lambda w: w[-1] - w[0])(replay(rule, pre, post, 0.0, **options).w)[0, 0])
