"""E-prop in a recurrent network of LIF cells. Inputs are Poisson spikes, and the class is read from leaky outputs.

Both forms of e-prop have the same spiking cells and the same numbers (docs/eprop.md), so there is one row, in spikes.
It is trained with steps on arrays.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import torch
from brian2 import ms
from eprop_images import RULE, STEPS, TASKS, accuracy, image_network, poisson

from rivals.task import Task, cpu_per_sample, found
from spikedtp import EPropNetwork
from spikedtp.plasticity import EProp
from spikedtp.rate.backprop_clone import angle
from spikedtp.rate.online import sample_order

__all__ = ["backpropagated", "measured", "time_of"]


def measured(rule: str, form: str, seed: int, task: Task) -> dict[str, Any]:
    """Train a network and ask it: see `rivals.task.found`. The weights are the last ones, as learning rates fall."""
    data, rng = task.material, np.random.default_rng([seed, 5])
    network, order = _network(task, seed), sample_order(len(data.train_y), task.samples, seed)
    curve, part, early = [(0, _accuracy(network, data, seed))], task.probe_every, {}
    for first in range(0, task.samples, part):
        shown = order[first : first + part]
        _learn(network, data, shown, task, rng)
        curve.append((first + len(shown), _accuracy(network, data, seed)))
        if first + len(shown) == task.early:
            early = _changes(network, task, seed)
    test = _accuracy(network, task.whole, seed) if task.tested else None
    return found(curve=curve, validation=curve[-1][1], test=test, simulated_ms=STEPS, **early)


def time_of(rule: str, form: str, task: Task) -> float:
    """Processor time for one training sample in ms, of a network that begins to learn."""
    data, rng = task.material, np.random.default_rng(5)

    def learn(n: int) -> None:
        _learn(_network(task, 1), data, rng.integers(len(data.train_y), size=n), task, rng)

    return cpu_per_sample(learn)


def _network(task: Task, seed: int) -> EPropNetwork:
    _, _, batch, rate, _ = TASKS[task.kind]
    n_in, n_out = task.material.train_x.shape[1], task.material.train_t.shape[1]
    updates = -(-task.samples // batch)
    return image_network(n_in, n_out, updates, seed=seed, cells=task.hidden[0], feedback="random", learning_rate=rate)


def _learn(network: EPropNetwork, data: Any, shown: np.ndarray, task: Task, rng: np.random.Generator) -> None:
    """A few hundred images at a time, whose spikes fit into memory; the last update may be about fewer images."""
    batch = TASKS[task.kind][2]
    for first in range(0, len(shown), 40 * batch):
        part = shown[first : first + 40 * batch]
        for some in np.split(part, [len(part) // batch * batch]):
            if len(some):
                spikes = poisson(data.train_x[some], rng)
                network.learn(spikes, data.train_t[some], batch_size=min(batch, len(some)))


def _accuracy(network: EPropNetwork, data: Any, seed: int) -> float:
    return accuracy(network, data, np.random.default_rng([seed, 7]))


def _changes(network: EPropNetwork, task: Task, seed: int) -> dict[str, float]:
    """Angle to backpropagation through time with the same pseudo-derivative, and spikes of inputs and cells."""
    data, rng = task.material, np.random.default_rng([seed, 11])
    shown = poisson(data.test_x[: task.compared], rng)
    plain = replace(RULE, optimizer="gradient_descent", learning_rate=1.0)
    angles, spikes = [], []
    for x, target in zip(shown, data.test_t, strict=False):
        weights = [np.array(w, dtype=float) for w in (network.w_in, network.w_rec, network.w_out)]
        one = EPropNetwork(plain, *weights, feedback=network.feedback)
        spikes.append(one.learn(x[None], target[None]).spikes.sum() + x.sum())
        slopes = backpropagated(RULE, *weights, x, target)
        made = (one.w_in - weights[0], one.w_rec - weights[1])
        angles.append(np.nanmean([angle(change, -slope) for change, slope in zip(made, slopes, strict=True)]))
    return {"angle": float(np.mean(angles)), "spikes": float(np.mean(spikes))}


class _Spike(torch.autograd.Function):
    """A spike, whose derivative is the pseudo-derivative of piecewise linear form."""

    @staticmethod
    def forward(ctx, above, free, height, width):
        ctx.save_for_backward(height * free * torch.clamp(1 - above.abs() / width, min=0))
        return (above >= 0).to(above) * free

    @staticmethod
    def backward(ctx, slope):
        return slope * ctx.saved_tensors[0], None, None, None


def backpropagated(
    rule: EProp, w_in: np.ndarray, w_rec: np.ndarray, w_out: np.ndarray, x: np.ndarray, target: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Gradients of the cross-entropy of one sample with respect to `w_in` and `w_rec`, through all of time.

    The reset is not differentiated, as in e-prop.
    """
    recurrent, given = (torch.tensor(w, dtype=torch.float64, requires_grad=True) for w in (w_rec, w_in))
    out, images = torch.tensor(w_out, dtype=torch.float64), torch.tensor(x, dtype=torch.float64)
    keep, leak = (float(np.exp(-1 * ms / tau)) for tau in (rule.tau_m, rule.tau_readout))
    arrives, reads = (
        1.0 if kind == "unit" else 1 - kept for kind, kept in ((rule.spike_arrival, keep), (rule.readout_arrival, leak))
    )
    n = len(w_in)
    v, z, waits, u = torch.zeros(n).double(), torch.zeros(n).double(), torch.zeros(n), torch.zeros(len(w_out)).double()
    loss, label = torch.zeros(()).double(), int(np.argmax(target))
    for k in range(len(x)):
        waits = torch.clamp(waits - 1, min=0)
        v = keep * v + arrives * (given @ images[k] + recurrent @ z) - rule.v_threshold * z.detach()
        z = _Spike.apply(v - rule.v_threshold, (waits == 0).to(v), rule.height, rule.width)
        waits = torch.where(z > 0, float(rule.t_refractory / ms), waits)
        u = leak * u + reads * (out @ z)
        if k >= len(x) - round(float(rule.learning_window / ms)):
            loss = loss - torch.log_softmax(u, 0)[label]
    loss.backward()
    slope = recurrent.grad.numpy().copy()
    np.fill_diagonal(slope, 0)
    return given.grad.numpy(), slope
