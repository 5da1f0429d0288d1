"""E-prop in plain steps on arrays: all intervals of a batch side by side."""

from __future__ import annotations

import numpy as np

from spikedtp.plasticity.eprop import filtered
from spikedtp.spiking.eprop.result import EPropResult
from spikedtp.spiking.eprop.task import Task

__all__ = ["run_arrays"]


def run_arrays(task: Task, record: tuple[str, ...]) -> EPropResult:
    """Run every interval of `task`; the recorded variables are named by `record`."""
    rule, weights = task.rule, {"in": task.w_in, "rec": task.w_rec, "out": task.w_out}
    moments = {name: (np.zeros(w.shape), np.zeros(w.shape)) for name, w in weights.items()}
    b, kept = task.b, {name: [w] for name, w in weights.items()}
    parts: dict[str, list[np.ndarray]] = {name: [] for name in ("spikes", "output", "losses", *record)}
    for update, first in enumerate(range(0, len(task.x), task.batch_size), start=1):
        x, target = (each[first : first + task.batch_size].swapaxes(0, 1) for each in (task.x, task.target))
        x = x.astype(float, order="C")
        cells = _cells(task, x, weights["in"], weights["rec"])
        output, error, losses = _readouts(task, cells["spikes"], target, weights["out"])
        cells["learning_signal"] = error @ b.T
        gradients = _gradients(task, x, cells, error)
        for name, w in weights.items():
            weights[name], moments[name] = rule.descend(w, gradients[name], moments[name], update)
        np.fill_diagonal(weights["rec"], 0)  # whatever the limits are: there are no autapses
        if task.feedback == "symmetric":
            b = weights["out"].T
        elif task.feedback == "adaptive":
            b = (b + (weights["out"] - kept["out"][-1]).T) * (1 - rule.feedback_decay)
            weights["out"] = weights["out"] * (1 - rule.feedback_decay)
        for name, w in weights.items():
            kept[name].append(w)
        found = cells | {"spikes": cells["spikes"] > 0, "output": output, "losses": losses}
        for name, values in parts.items():
            values.append(found[name] if name == "losses" else found[name].swapaxes(0, 1))
    joined = {name: np.concatenate(values) for name, values in parts.items()}
    w_in, w_rec, w_out = (np.stack(each) for each in kept.values())
    return EPropResult(
        joined.pop("spikes"), joined.pop("output"), joined.pop("losses"), w_in, w_rec, w_out, b, task.dt, joined
    )


def _cells(task: Task, x: np.ndarray, w_in: np.ndarray, w_rec: np.ndarray) -> dict[str, np.ndarray]:
    """The recurrent cells in each step, ``(steps, batch, n_rec)``."""
    rule, at, beta = task.rule, task.at, task.beta
    drive, recurrent = at.zeta * (x @ w_in.T), at.zeta * w_rec.T
    voltage, adaptation, spikes, psi = (np.zeros(drive.shape) for _ in range(4))
    v, a, z, left = (np.zeros(drive.shape[1:]) for _ in range(4))
    for k in range(len(x)):
        left = np.maximum(left - 1, 0)
        v = at.alpha * v + drive[k] + z @ recurrent - rule.v_threshold * z
        a = at.rho * a + z
        distance, ready = v - (rule.v_threshold + beta * a), left == 0
        psi[k] = rule.psi(distance) * ready
        z = ((distance >= 0) & ready).astype(float)
        left += at.refractory * z
        voltage[k], adaptation[k], spikes[k] = v, a, z
    return {"v": voltage, "adaptation": adaptation, "spikes": spikes, "psi": psi}


def _readouts(
    task: Task, spikes: np.ndarray, target: np.ndarray, w_out: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Outputs and errors ``(steps, batch, n_out)``, and the loss of each interval."""
    rule, at, first = task.rule, task.at, task.n_steps - task.window
    y = u = filtered(at.zeta_out * (spikes @ w_out.T), at.kappa)
    if rule.loss == "cross_entropy":
        from_largest = u - u.max(axis=-1, keepdims=True)
        log_y = from_largest - np.log(np.exp(from_largest).sum(axis=-1, keepdims=True))
        y = np.exp(log_y)
        losses = -(target * log_y)[first:].sum(axis=(0, 2)) / task.window
    else:
        losses = 0.5 * ((y - target) ** 2)[first:].sum(axis=0).mean(axis=-1)
    error = y - target
    error[:first] = 0
    return y, error, losses


def _gradients(task: Task, x: np.ndarray, cells: dict[str, np.ndarray], error: np.ndarray) -> dict[str, np.ndarray]:
    rule, at, spikes = task.rule, task.at, cells["spikes"]
    before = np.zeros_like(spikes)
    before[1:] = spikes[:-1]
    too_often = rule.c_reg * (spikes.mean(axis=0) - at.target) / task.n_steps
    factors = rule.factors(cells["learning_signal"], cells["psi"], task.dt, too_often)
    gradients = {
        "in": _outer(factors, at.zeta * filtered(x, at.alpha)),
        "rec": _outer(factors, at.zeta * filtered(before, at.alpha)),
        "out": _outer(error, at.zeta_out * filtered(spikes, at.kappa)),
    }
    np.fill_diagonal(gradients["rec"], 0)
    return {name: task.gradient_share * gradient for name, gradient in gradients.items()}


def _outer(post: np.ndarray, pre: np.ndarray) -> np.ndarray:
    """The sum of outer products over steps and batch: ``(n_post, n_pre)``."""
    return post.reshape(-1, post.shape[-1]).T @ pre.reshape(-1, pre.shape[-1])
