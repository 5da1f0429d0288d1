"""Steps of the rate model of Burstprop, for samples side by side: each lane has a state, and all share the weights.

The prediction is a relaxation with a constant input. So the input's product with the weights is computed once, and once
all rates are constant the averages have a closed form. While weights learn, the changes of a sample are kept as outer
products that have not been added yet. None of this is an approximation.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.special import expit

from spikedtp.plasticity.burst_rates import BurstpropRates
from spikedtp.plasticity.signals import Array

__all__ = ["Changes", "Lanes"]

TINY = 1e-30  # keeps the ratio of two averages at 1/2 where there were no events


class Changes:
    """What the teaching of one sample in each lane adds to weights and biases, in units of the learning rate."""

    def __init__(self, n_layers: int):
        self.post: list[list[Array]] = [[] for _ in range(n_layers)]
        self.pre: list[list[Array]] = [[] for _ in range(n_layers)]
        self.bias: list[list[Array]] = [[] for _ in range(n_layers)]

    def add(self, layer: int, post: Array, pre: Array, bias: Array) -> None:
        for where, values in ((self.post, post), (self.pre, pre), (self.bias, bias)):
            where[layer].append(values)

    def seen(self, layer: int, pre: Array, scale: float) -> Array:
        """What the changes so far add to the input of a layer from `pre`, (lanes, n_post)."""
        total: Array = 0.0
        for post, before, bias in zip(self.post[layer], self.pre[layer], self.bias[layer], strict=True):
            total = total + (pre @ before.T) @ post + bias.sum(axis=0)
        return scale * total


class Lanes:
    """States of all units in a number of lanes, ``(lanes, units)``, layer after layer."""

    def __init__(self, sizes: Sequence[int], n: int, dtype: type, rule: BurstpropRates):
        ends = np.cumsum(sizes[1:])
        self.parts = [slice(int(end) - size, int(end)) for end, size in zip(ends, sizes[1:], strict=True)]
        self.rule, self.n_hidden, units = rule, int(ends[-1]) - sizes[-1], int(ends[-1])
        self.e: Array = np.zeros((n, units), dtype)
        self.b, self.e_bar, self.b_bar, self.z = (self.e.copy() for _ in range(4))
        self.p, self.u = self.e + self.e.dtype.type(0.5), self.e[:, : self.n_hidden].copy()

    def __len__(self) -> int:
        return len(self.e)

    def predict(self, x: Array, weights: list[Array], biases: list[Array], feedback: list[Array]) -> Array:
        """Run the prediction; returns what the input gives to the first layer, ``(lanes, n)``."""
        rule, given = self.rule, x @ weights[0].T + biases[0]
        at_once = abs(rule.tau_z - rule.dt) < 1e-9 and abs(rule.tau_u - rule.dt) < 1e-9
        self.p[:, self.n_hidden :] = 0.5
        # signals go up and down again one layer in a step; the averages are late by one more
        moving = min(2 * len(weights) - 1, rule.n_prediction) if at_once else rule.n_prediction
        inputs = np.empty_like(self.z)
        inputs[:, self.parts[0]] = given
        for step in range(moving):
            for layer in range(1, len(weights)):
                if not at_once or step <= layer:
                    inputs[:, self.parts[layer]] = self._events(layer - 1) @ weights[layer].T + biases[layer]
            self._step(inputs, feedback)
        keep = (1 - rule.dt / rule.tau_avg) ** (rule.n_prediction - moving)
        if keep < 1:
            for average, now in ((self.e_bar, self.e), (self.b_bar, self.b)):
                average -= now
                average *= keep
                average += now
        return given

    def settle(self) -> None:
        """Averages as after an infinite prediction."""
        self.e_bar[:], self.b_bar[:] = self.e, self.b

    def teach(
        self, x: Array, given: Array, target: Array, weights: list[Array], biases: list[Array], feedback: list[Array],
        rate: float,
    ) -> Changes:  # fmt: skip
        """Run the teaching. `rate` is that of the changes that the network feels meanwhile; 0 holds weights fixed."""
        rule, changes, inputs = self.rule, Changes(len(weights)), np.empty_like(self.z)
        first, n_hidden = self.parts[0], self.n_hidden
        inputs[:, first] = given
        alike = x @ x.T if rate else None
        hidden_rate = self.e.dtype.type(rule.hidden_rate)
        for _ in range(rule.n_teaching):
            before = self.e.copy()
            signal = (self.p - (self.b_bar + 0.5 * TINY) / (self.e_bar + TINY)) * before
            signal[:, :n_hidden] *= hidden_rate
            post = signal
            if rule.homeostasis and rule.hidden_rate:
                post = signal.copy()
                post[:, :n_hidden] -= hidden_rate * rule.homeostasis * rule.too_high(before[:, :n_hidden])
            for layer in range(1, len(weights)):
                below = before[:, self.parts[layer - 1]]
                inputs[:, self.parts[layer]] = below @ weights[layer].T + biases[layer]
                if rate:
                    inputs[:, self.parts[layer]] += changes.seen(layer, below, rate)
            self.p[:, n_hidden:] = rule.taught(self.e_bar[:, n_hidden:], target)
            self._step(inputs, feedback)
            for layer, part in enumerate(self.parts):
                pre = before[:, self.parts[layer - 1]] if layer else x
                changes.add(layer, post[:, part], pre, signal[:, part])
            if rate:
                inputs[:, first] += rate * (alike @ post[:, first] + signal[:, first].sum(axis=0))
        return changes

    def _events(self, layer: int) -> Array:
        return self.e[:, self.parts[layer]]

    def _step(self, inputs: Array, feedback: list[Array]) -> None:
        """One step of all rates and averages; `inputs` are those of the values before it."""
        rule, n_hidden = self.rule, self.n_hidden
        back, sent = np.empty_like(self.u), self.b
        if rule.balanced:
            sent = sent.copy()
            sent[:, n_hidden:] -= sent[:, n_hidden:].mean(axis=1, keepdims=True)
        for layer, b in enumerate(feedback):
            back[:, self.parts[layer]] = sent[:, self.parts[layer + 1]] @ b.T
        move = self.e.dtype.type(rule.dt / rule.tau_avg)
        self.e_bar += move * (self.e - self.e_bar)
        self.b_bar += move * (self.b - self.b_bar)
        self.z += self.z.dtype.type(rule.dt / rule.tau_z) * (inputs - self.z)
        out = self.z[:, n_hidden:]
        np.exp(self.z[:, :n_hidden], out=self.e[:, :n_hidden])
        top = np.exp(out - out.max(axis=1, keepdims=True))
        self.e[:, n_hidden:] = top / top.sum(axis=1, keepdims=True)
        self.u += self.u.dtype.type(rule.dt / rule.tau_u) * (self.u.dtype.type(rule.beta) * back - self.u)
        expit(self.u, out=self.p[:, :n_hidden])
        np.multiply(self.p, self.e, out=self.b)
