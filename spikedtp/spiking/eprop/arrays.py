"""E-prop in plain steps on arrays: what cells and read-outs do, and the gradients, with intervals side by side.

All arrays are time first here: ``(steps, intervals, cells)``.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from scipy.sparse import csr_array

from spikedtp.plasticity.eprop import filtered
from spikedtp.spiking.eprop.task import Network

__all__ = ["errors_of", "gradients_of", "outputs_of", "respond"]

#: Steps whose input arrives in one product of matrices: few enough that they stay in the processor's cache.
BLOCK = 64


def respond(
    network: Network, weights: Mapping[str, np.ndarray], x: np.ndarray, record: tuple[str, ...] = ()
) -> dict[str, np.ndarray]:
    """What the cells and the read-outs do with the input spikes `x`.

    Returns
    -------
    dict
        ``spikes`` (bool), ``u`` of the read-outs, and what `record` names of ``v``, ``adaptation`` and ``psi``.
    """
    rule, at, beta = network.rule, network.at, network.beta
    (steps, batch, _), n_rec, n_out = x.shape, *weights["out"].shape[::-1]
    into_cells, to_outputs = at.zeta * weights["in"].T, at.zeta_out * weights["out"].T
    recurrent = at.zeta * weights["rec"].T - rule.v_threshold * np.eye(n_rec)  # a spike of its own resets a cell
    kept = {name: np.empty((steps, batch, n_rec)) for name in record if name in ("v", "adaptation", "psi")}
    found = {"spikes": np.empty((steps, batch, n_rec), dtype=bool), "u": np.empty((steps, batch, n_out)), **kept}
    v, a, z, arriving, threshold = (np.zeros((batch, n_rec)) for _ in range(5))
    distance, spikes = (np.empty((BLOCK, batch, n_rec)) for _ in range(2))
    ready, last = np.ones(distance.shape, dtype=bool), np.full(v.shape, -at.refractory)
    adapts = beta.any() or "adaptation" in kept
    threshold += rule.v_threshold
    for first in range(0, steps, BLOCK):
        block = slice(first, first + BLOCK)
        drive = x[block].astype(float) @ into_cells
        for k in range(len(drive)):
            np.matmul(z, recurrent, out=arriving)
            v *= at.alpha
            v += drive[k]
            v += arriving
            if adapts:
                a *= at.rho
                a += z
                np.multiply(a, beta, out=threshold)
                threshold += rule.v_threshold
            np.subtract(v, threshold, out=distance[k])
            fires = distance[k] >= 0
            if at.refractory:
                np.less_equal(last, first + k - at.refractory, out=ready[k])
                fires &= ready[k]
                np.copyto(last, first + k, where=fires)
            z = spikes[k]
            z[...] = fires
            for name, now in (("v", v), ("adaptation", a)):
                if name in kept:
                    kept[name][first + k] = now
        z = z.copy()  # the next block begins with it, and writes over this one
        n = len(drive)
        found["spikes"][block], found["u"][block] = spikes[:n], spikes[:n] @ to_outputs
        if "psi" in kept:
            kept["psi"][block] = rule.psi(distance[:n])
            kept["psi"][block] *= ready[:n]
    found["u"] = filtered(found["u"], at.kappa)
    return found


def errors_of(network: Network, u: np.ndarray, target: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Outputs and errors ``(steps, intervals, n_out)``, and the loss of each interval."""
    y, window = outputs_of(network, u), network.window(len(u))
    error = y - target
    error[: len(u) - window] = 0
    if network.rule.loss == "cross_entropy":
        inside = u[len(u) - window :]
        largest = inside.max(axis=-1, keepdims=True)
        log_y = inside - largest - np.log(np.exp(inside - largest).sum(axis=-1, keepdims=True))
        return y, error, -(target[len(u) - window :] * log_y).sum(axis=(0, 2)) / window
    return y, error, 0.5 * (error**2).sum(axis=0).mean(axis=-1)


def outputs_of(network: Network, u: np.ndarray) -> np.ndarray:
    """The outputs of read-outs whose voltages are `u`."""
    if network.rule.loss == "mean_squared_error":
        return u
    y = np.exp(u - u.max(axis=-1, keepdims=True))
    return y / y.sum(axis=-1, keepdims=True)


def gradients_of(
    network: Network, x: np.ndarray, found: Mapping[str, np.ndarray], error: np.ndarray, signal: np.ndarray
) -> dict[str, np.ndarray]:
    """The sum over intervals of the gradients by the weights, from the learning signals of the last steps."""
    rule, at, spikes, steps = network.rule, network.at, found["spikes"], len(x)
    too_often = rule.c_reg * (spikes.mean(axis=0) - at.target) / steps
    into_cells = rule.factors(signal, found["psi"], network.dt, too_often)
    into_outputs = filtered(error[::-1], at.kappa)[::-1]
    fired, given = _events(spikes), _events(x)
    sums = {
        "in": given.T @ _flat(into_cells),
        # a spike arrives in the next step
        "rec": fired[: -spikes.shape[1]].T @ _flat(into_cells[1:]),
        "out": fired.T @ _flat(into_outputs),
    }
    np.fill_diagonal(sums["rec"], 0)
    return {name: (at.zeta_out if name == "out" else at.zeta) * each.T for name, each in sums.items()}


def _flat(values: np.ndarray) -> np.ndarray:
    return values.reshape(-1, values.shape[-1])


def _events(spikes: np.ndarray) -> csr_array:
    """Spikes ``(steps, intervals, cells)`` as a sparse matrix ``(steps * intervals, cells)``: most are 0."""
    n = spikes.shape[-1]
    events = np.flatnonzero(spikes)
    rows = np.searchsorted(events, np.arange(0, spikes.size + 1, n))
    return csr_array((np.ones(len(events)), events % n, rows), shape=(spikes.size // n, n))
