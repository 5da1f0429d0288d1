"""Burstprop: layers of units with event rates and burst probabilities, and the same in ensembles of spiking cells."""

from __future__ import annotations

from typing import Any

import burstprop_ensembles
import burstprop_mnist
import numpy as np

from rivals.task import Task, cpu_per_sample, found
from spikedtp.plasticity import BurstpropRates
from spikedtp.rate import BurstpropNetwork
from spikedtp.rate.backprop_clone import angle
from spikedtp.rate.online import sample_order
from spikedtp.spiking import BurstpropEnsembles

__all__ = ["measured", "time_of"]

#: Data -> rule, hidden units, scale of the feedback, and samples side by side. Those of digits learn in ensembles, too.
SETTINGS = {
    "digits": (burstprop_ensembles.RULE, burstprop_ensembles.HIDDEN, 1.0, 1),
    "mnist": (
        BurstpropRates(**burstprop_mnist.MODELS["random"][2], homeostasis=0.5, tau_w=20.0),
        200,
        3.0,
        burstprop_mnist.BATCH,
    ),
}
CELLS, UNIT = 100, 100  # of each unit in spikes; ms, the time that is 1 in the rule
Network = BurstpropNetwork | BurstpropEnsembles


def measured(rule: str, form: str, seed: int, task: Task) -> dict[str, Any]:
    """Train a network and ask it: see `rivals.task.found`. In spikes the probes on the way are asked in rate."""
    data, order = task.material, sample_order(len(task.material.train_y), task.samples, seed)
    rate = _network(task, seed)
    learner: Network = _spiking(rate, seed, task) if form == "spiking" else rate
    part, curve, early = task.probe_every, [(0, _accuracy(rate, data.test_x, data.test_y))], {}
    total, n = [np.zeros_like(a, dtype=float) for a in (*rate.weights, *rate.biases)], 0
    for first in range(0, task.samples, part):
        done, shown = min(first + part, task.samples), order[first : first + part]
        _learn(learner, data.train_x[shown], data.train_y[shown], task)
        curve.append((done, _accuracy(_with(rate, learner), data.test_x, data.test_y)))
        if done == task.early:
            early = _changes(_with(_network(task, seed), learner), form, seed, task)
        if done > task.samples - max(task.samples // 5, 1):
            total, n = [a + b for a, b in zip(total, (*learner.weights, *learner.biases), strict=True)], n + 1
    layers = len(rate.weights)
    _set(rate, [a / n for a in total[:layers]], [a / n for a in total[layers:]])
    asked: Network = _spiking(rate, seed, task) if form == "spiking" else rate
    validation = _accuracy(asked, data.test_x, data.test_y)
    test = _accuracy(asked, task.whole.test_x, task.whole.test_y) if task.tested else None
    return found(curve=curve, validation=validation, test=test, **early)


def time_of(rule: str, form: str, task: Task) -> float:
    """Processor time for one training sample in ms, of a network that begins to learn."""
    data, order = task.material, sample_order(len(task.material.train_y), task.samples, 1)

    def learn(n: int) -> None:
        rate, shown = _network(task, 1), np.resize(order, n)
        learner: Network = _spiking(rate, 1, task) if form == "spiking" else rate
        _learn(learner, data.train_x[shown], data.train_y[shown], task)

    return cpu_per_sample(learn)


def _network(task: Task, seed: int) -> BurstpropNetwork:
    rule, hidden, scale, _ = SETTINGS[task.kind]
    sizes = (task.material.train_x.shape[1], hidden, task.material.train_t.shape[1])
    return BurstpropNetwork(sizes, rule=rule, feedback="random", feedback_scale=scale, seed=seed)


def _learn(learner: Network, x: np.ndarray, y: np.ndarray, task: Task) -> None:
    side_by_side = SETTINGS[task.kind][3]
    learner.train(x, y, **({"batch_size": side_by_side} if isinstance(learner, BurstpropNetwork) else {}))


def _spiking(rate: BurstpropNetwork, seed: int, task: Task) -> BurstpropEnsembles:
    return burstprop_ensembles.ensembles_of(rate, CELLS, UNIT, seed, task.device)


def _set(rate: BurstpropNetwork, weights: list[np.ndarray], biases: list[np.ndarray]) -> BurstpropNetwork:
    for here, there in ((rate.weights, weights), (rate.biases, biases)):
        for own, other in zip(here, there, strict=True):
            own[...] = other
    return rate


def _with(rate: BurstpropNetwork, learner: Network) -> BurstpropNetwork:
    """The rate form with what was learned."""
    return rate if learner is rate else _set(rate, learner.weights, learner.biases)


def _accuracy(network: Network, x: np.ndarray, y: np.ndarray) -> float:
    return float((network.predict(x) == y).mean())


def _changes(rate: BurstpropNetwork, form: str, seed: int, task: Task) -> dict[str, float]:
    """Changes of single validation samples: against backprop and against the rate form."""
    data = task.material
    x, y = data.test_x[: task.compared], data.test_y[: task.compared]
    down, own = rate.gradients(x, y).weights[:-1], rate.delta_w(x, y).weights[:-1]
    if form == "rate":
        return {"angle": float(np.nanmean(_angles(own, down)))}
    spiking = _spiking(rate, seed, task)
    draws = [spiking.delta_w(x, y, first=k * len(x)).weights[:-1] for k in range(task.repeats)]
    pairs = [(a, b) for k, a in enumerate(draws) for b in draws[k + 1 :]]
    alike, repeated = (
        np.cos(np.radians(np.concatenate(of_pairs)))
        for of_pairs in ([_angles(draw, own) for draw in draws], [_angles(*pair) for pair in pairs])
    )
    return {
        "angle": float(np.mean([np.nanmean(_angles(draw, down)) for draw in draws])),
        "cosine": float(np.median(alike)),
        # of two draws: noise alone leaves its root between a draw and what is expected
        "ceiling": float(np.sqrt(np.median(repeated).clip(0))),
        "simulated_ms": (rate.rule.prediction + rate.rule.teaching) * UNIT,
    }


def _angles(a: list[np.ndarray], b: list[np.ndarray]) -> list[float]:
    """Of each layer and sample, in degrees."""
    return [angle(p, q) for these, those in zip(a, b, strict=True) for p, q in zip(these, those, strict=True)]
