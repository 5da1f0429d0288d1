"""E-prop in plain steps on arrays: what cells and read-outs do, and the gradients, with intervals side by side.

All arrays are time first here: ``(steps, intervals, cells)``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from scipy.sparse import csr_array

from spikedtp.plasticity.eprop import filtered
from spikedtp.spiking.eprop.task import Network

__all__ = ["errors_of", "gradients_of", "outputs_of", "respond"]

#: Steps whose input arrives in one product of matrices: few enough that they stay in the processor's cache.
BLOCK = 64
CELL_VARIABLES = ("v", "adaptation", "psi")


def respond(
    network: Network, weights: Mapping[str, np.ndarray], x: np.ndarray, record: tuple[str, ...] = ()
) -> dict[str, Any]:
    """What the cells and the read-outs do with the input spikes `x`.

    Returns
    -------
    dict
        ``spikes`` (bool), ``u`` of the read-outs, ``inputs`` as a sparse matrix, and what `record` names of ``v``,
        ``adaptation`` and ``psi``.
    """
    rule, at, precision = network.rule, network.at, weights["out"].dtype
    (steps, batch, _), n_rec, n_out = x.shape, *weights["out"].shape[::-1]
    beta = network.beta.astype(precision)
    into_cells, to_outputs = np.ascontiguousarray(at.zeta * weights["in"].T), at.zeta_out * weights["out"].T
    recurrent = at.zeta * weights["rec"].T
    np.fill_diagonal(recurrent, -rule.v_threshold)  # a spike of its own resets a cell
    kept = {name: np.empty((steps, batch, n_rec), precision) for name in record if name in CELL_VARIABLES}
    u, raster = np.empty((steps, batch, n_out), precision), np.empty((steps, batch, n_rec), dtype=bool)
    above, adaptation, z, product = (np.zeros((batch, n_rec), precision) for _ in range(4))
    above -= rule.v_threshold  # voltages are measured from the threshold of cells that do not adapt
    distance, spikes = (np.empty((BLOCK, batch, n_rec), precision) for _ in range(2))
    ready, last = np.ones(distance.shape, dtype=bool), np.full(above.shape, -at.refractory, dtype=np.int32)
    adapts, inputs = bool(beta.any()) or "adaptation" in kept, _events(x, precision)
    for first in range(0, steps, BLOCK):
        drive = (inputs[first * batch : (first + BLOCK) * batch] @ into_cells).reshape(-1, batch, n_rec)
        drive -= (1 - at.alpha) * rule.v_threshold
        n = len(drive)
        for k in range(n):
            np.matmul(z, recurrent, out=product)
            above *= at.alpha
            above += drive[k]
            above += product
            if adapts:
                adaptation *= at.rho
                adaptation += z
                np.multiply(adaptation, beta, out=product)
                np.subtract(above, product, out=distance[k])
            else:
                distance[k] = above
            fires = raster[first + k]
            np.greater_equal(distance[k], 0, out=fires)
            if at.refractory:
                np.less_equal(last, first + k - at.refractory, out=ready[k])
                fires &= ready[k]
                np.copyto(last, first + k, where=fires)
            z = spikes[k]
            z[...] = fires
            for name, now in (("v", above), ("adaptation", adaptation)):
                if name in kept:
                    kept[name][first + k] = now
        u[first : first + n] = (spikes[:n].reshape(n * batch, n_rec) @ to_outputs).reshape(n, batch, n_out)
        if "psi" in kept:
            np.multiply(rule.psi(distance[:n]), ready[:n], out=kept["psi"][first : first + n])
    if "v" in kept:
        kept["v"] += rule.v_threshold
    return {"spikes": raster, "u": filtered(u, at.kappa), "inputs": inputs, **kept}


def errors_of(network: Network, u: np.ndarray, target: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Outputs and errors ``(steps, intervals, n_out)``, and the loss of each interval."""
    y, window = outputs_of(network, u), network.window(len(u))
    error = (y - target).astype(u.dtype, copy=False)
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
    network: Network, found: Mapping[str, Any], error: np.ndarray, signal: np.ndarray
) -> dict[str, np.ndarray]:
    """The sum over intervals of the gradients by the weights, from the learning signals of the last steps."""
    rule, at, spikes, steps = network.rule, network.at, found["spikes"], len(error)
    too_often = (rule.c_reg * (spikes.mean(axis=0) - at.target) / steps).astype(error.dtype)
    into_cells = rule.factors(signal, found["psi"], network.dt, too_often)
    into_outputs = filtered(error[::-1], at.kappa)[::-1]
    fired = _events(spikes, error.dtype)
    sums = {
        "in": found["inputs"].T @ _flat(into_cells),
        # a spike arrives in the next step
        "rec": fired[: -spikes.shape[1]].T @ _flat(into_cells[1:]),
        "out": fired.T @ _flat(into_outputs),
    }
    np.fill_diagonal(sums["rec"], 0)
    return {name: (at.zeta_out if name == "out" else at.zeta) * each.T for name, each in sums.items()}


def _flat(values: np.ndarray) -> np.ndarray:
    return values.reshape(-1, values.shape[-1])


def _events(spikes: np.ndarray, precision: np.dtype) -> csr_array:
    """Spikes ``(steps, intervals, cells)`` as a sparse matrix ``(steps * intervals, cells)``: most are 0."""
    n = spikes.shape[-1]
    events = np.flatnonzero(spikes)
    rows = np.searchsorted(events, np.arange(0, spikes.size + 1, n))
    return csr_array((np.ones(len(events), precision), events % n, rows), shape=(spikes.size // n, n))
