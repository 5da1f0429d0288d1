"""Small networks with any options of e-prop."""

from __future__ import annotations

import numpy as np
from brian2 import ms

from spikedtp.plasticity import EProp

__all__ = ["drawn"]


def drawn(seed):
    """A small network with any options, its input and target, and the options of `run_eprop`."""
    rng = np.random.default_rng(seed)
    n_in, n, n_out, intervals, steps = *rng.integers(2, 7, 2), int(rng.integers(2, 4)), 4, int(rng.integers(30, 60))
    w_rec = rng.normal(0, 0.4, (n, n))
    np.fill_diagonal(w_rec, 0)
    x = rng.random((intervals, steps, n_in)) < 0.2
    x[:, 0] = False
    pick = {name: str(rng.choice(known)) for name, known in EProp.CHOICES.items()}
    target = rng.normal(size=(intervals, steps, n_out))
    if pick["loss"] == "cross_entropy":
        target = np.eye(n_out)[rng.integers(n_out, size=(intervals, steps))]
    rule = EProp(
        **pick, tau_m=rng.uniform(5, 30) * ms, v_threshold=0.3 if pick["spike_arrival"] == "unit" else 0.03,
        width=0.4 if pick["spike_arrival"] == "unit" else 0.05, t_refractory=int(rng.integers(0, 4)) * ms,
        beta=0.1 * rng.random(n) if rng.random() < 0.6 else 0.0, tau_adaptation=50 * ms, tau_readout=12 * ms,
        c_reg=float(rng.choice([0.0, 5.0])), learning_window=None if rng.random() < 0.5 else 20 * ms,
        average_gradient=bool(rng.random() < 0.5), learning_rate=0.01, learning_rate_decay=0.9, feedback_decay=0.05,
        w_min=-0.5 if rng.random() < 0.5 else None, w_max=0.4 if rng.random() < 0.5 else None,
    )  # fmt: skip
    options = {
        "feedback": ("symmetric", "random", "adaptive")[seed % 3],
        "batch_size": int(rng.choice([1, 2])),
        "seed": 5,
        "learns": (("in", "rec", "out"), ("in", "rec", "out"), ("out",), ("in", "rec"))[seed % 4],
    }
    options["record"] = ("v", "adaptation", "psi", "learning_signal")
    return (rule, rng.normal(0, 0.5, (n, n_in)), w_rec, rng.normal(0, 0.5, (n_out, n)), x, target), options
