"""A network from torch, and its loop in plain numpy."""

import numpy as np

DEVICES = ("runtime", "cpp_standalone")
ALPHA = float(np.exp(-0.2))
T, N_IN, N_HID, N_OUT = 40, 20, 8, 3


def loop(weights, x, alpha=ALPHA, threshold=1.0):
    """The equations, a step at a time, written as they are in the paper."""
    w1, w2 = weights
    n, steps, _ = x.shape
    v, s, o = np.zeros((n, w1.shape[1])), np.zeros((n, w1.shape[1])), np.zeros((n, w2.shape[1]))
    spikes, outputs = [], []
    for k in range(steps):
        spikes.append(s)
        outputs.append(o)
        o = alpha * o + s @ w2
        v, s = (alpha * v + x[:, k] @ w1) * (1 - s), (v > threshold).astype(float)
    return np.stack(spikes, axis=1).astype(bool), np.stack(outputs, axis=1)
