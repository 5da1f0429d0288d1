"""The rate network once more, as a person would write it down in torch: the peer that `rate_training.py` is timed with.

One `mv` for each projection and step, dense weight changes, dictionaries by population. It shares with spikedtp the
description of the circuit and no arithmetic; of the rules it knows those of the MNIST circuits in `models/`.
"""

from __future__ import annotations

import numpy as np
import torch

from spikedtp.circuit import Circuit, Projection
from spikedtp.plasticity import NoAutapses, NormalizeRows, Tied

__all__ = ["PlainTorch"]


class PlainTorch:
    """Online learning of one circuit without biases.

    Parameters
    ----------
    circuit : Circuit
    weights : dict of ndarray, (n_post, n_pre)
        Copied.
    """

    def __init__(self, circuit: Circuit, weights: dict[str, np.ndarray]):
        self.circuit, self.tau, self.n_steps = circuit, circuit.tau, circuit.forward_steps
        self.weights = {name: torch.from_numpy(weight.copy()) for name, weight in weights.items()}
        self.inputs = {p.name: circuit.inputs(p.name) for p in circuit.populations}
        self.above = [p.name for p in circuit.populations[1:]]
        self.downwards = [[p.name for p in ps] for ps in list(circuit.layers.values())[:0:-1]]
        self.output = circuit.output.name
        rules = {p.name: p.rule for p in circuit.projections if p.rule is not None}
        self.kinds = {name: type(rule).__name__ for name, rule in rules.items()}
        self.backprop = "Backprop" in self.kinds.values()
        self.one_pass = any(getattr(rule, "one_pass", False) for rule in rules.values())
        self.instructed = {}  # population -> the rule that nudges it
        for p in circuit.projections:
            if self.kinds.get(p.name) in ("DendriticState", "BTSP", "TemporalContrastHebb", "SupervisedBCM"):
                self.instructed.setdefault(p.post, p.rule)
        self.theta = {p.post: torch.full((self._size(p.post),), p.rule.k) for p in self._ruled("SupervisedBCM")}
        self.past_pre = {p.pre: torch.zeros(self._size(p.pre)) for p in self._ruled("BTSP")}
        self.past_plateau = {p.post: torch.zeros(self._size(p.post)) for p in self._ruled("BTSP")}

    def _size(self, population: str) -> int:
        return self.circuit.population(population).size

    def _ruled(self, kind: str) -> list[Projection]:
        return [p for p in self.circuit.projections if self.kinds.get(p.name) == kind]

    # -- phases ------------------------------------------------------------------------------------------------------

    def train_step(self, x: torch.Tensor, target: torch.Tensor) -> None:
        """Present one image, change the weights, apply bounds and constraints."""
        self.act = {name: torch.zeros(self._size(name)) for name in self.above} | {self.circuit.input.name: x}
        self.prev, self.state = self.act, {name: torch.zeros(self._size(name)) for name in self.above}
        if self.backprop:
            changes = self._gradient_changes(target)
        else:
            for _ in range(self.n_steps):
                self._settle_step()
            self.settled, self.settled_prev = dict(self.act), dict(self.prev)
            self.dendrite = {name: self._dendrite(name) for name in self.above if self._dendritic(name)}
            self.plateau: dict[str, torch.Tensor] = {}
            for step in range(1 if self.one_pass else self.n_steps):
                for layer in self.downwards:
                    self._nudge_layer(layer, target, step)
            changes = {name: self._change(self.circuit.projection(name)) for name in self.kinds}
        for name, change in changes.items():
            self.weights[name] += change
        self._constrain()
        self._remember()

    def _drive(self, name: str, phases: str) -> torch.Tensor:
        total = -self.state[name]
        for p in self.inputs[name]:
            if p.compartment != "dend" and p.update_phase in phases:
                total = total + torch.mv(self.weights[p.name], (self.act if p.direction == "F" else self.prev)[p.pre])
        return total

    def _settle_step(self) -> None:
        self.prev = dict(self.act)
        for name in self.above:
            self.state[name] = self.state[name] + self._drive(name, "FA") / self.tau
            self.act[name] = torch.relu(self.state[name])

    def _dendritic(self, name: str) -> list[Projection]:
        return [p for p in self.inputs[name] if p.compartment == "dend"]

    def _dendrite(self, name: str) -> torch.Tensor:
        return sum(
            torch.mv(self.weights[p.name], (self.act if p.direction == "F" else self.prev)[p.pre])
            for p in self._dendritic(name)
        )

    def _nudge_layer(self, layer: list[str], target: torch.Tensor, step: int) -> None:
        if step == 0:
            for name in layer:
                if name in self.instructed:
                    error = target - self.act[name] if name == self.output else self._dendrite(name)
                    self.plateau[name] = self._gate(error.clamp(-1, 1), name)
        for name in layer:
            self.prev[name] = self.act[name]
        for name in layer:
            nudge = self.plateau.get(name, 0.0)
            if self.one_pass:
                if name in self.plateau:
                    self.act[name] = torch.relu(self.state[name] + nudge)
            elif name == self.output or any(p.update_phase in "AB" for p in self.inputs[name]):
                self.state[name] = self.state[name] + self._drive(name, "FAB") / self.tau
                self.act[name] = torch.relu(self.state[name] + nudge)

    def _gate(self, error: torch.Tensor, name: str) -> torch.Tensor:
        rule, settled = self.instructed[name], self.settled[name]
        if rule.relu_gate:
            error = error * (settled != 0)
        threshold = getattr(rule, "neg_rate_th", None)
        if threshold is not None and name != self.output:
            error = torch.where((error < 0) & (settled <= threshold), torch.zeros(()), error)
        return error

    # -- changes -----------------------------------------------------------------------------------------------------

    def _gradient_changes(self, target: torch.Tensor) -> dict[str, torch.Tensor]:
        last = min(self.circuit.backward_steps, self.n_steps)
        with torch.no_grad():
            for _ in range(self.n_steps - last):
                self._settle_step()
        leaves = {name: self.weights[name].requires_grad_() for name in self.kinds}
        for _ in range(last):
            self._settle_step()
        loss = torch.mean((self.act[self.output] - target) ** 2)
        slopes = torch.autograd.grad(loss, list(leaves.values()))
        for leaf in leaves.values():
            leaf.requires_grad_(False)
        rates = {name: self.circuit.projection(name).rule.learning_rate for name in leaves}
        return {name: -rates[name] * slope for name, slope in zip(leaves, slopes, strict=True)}

    def _change(self, p: Projection) -> torch.Tensor:
        kind, rule, forward = self.kinds[p.name], p.rule, p.direction == "F"
        settled = (self.settled if forward else self.settled_prev)[p.pre]
        nudged = (self.act if forward else self.prev)[p.pre]
        pre, post = nudged.clamp(0, 1), self.act[p.post]
        if kind == "DendriticLoss":
            post = rule.sign * self.dendrite[p.post].clamp(-1, 1)
            return rule.learning_rate * torch.outer(post, self.settled_prev[p.pre].clamp(0, 1))
        if kind == "HebbWeightNorm":
            return rule.sign * rule.learning_rate * torch.outer(self.settled[p.post], settled)
        if kind == "DendriticState":
            pre = settled.clamp(0, 1) if rule.one_pass or rule.forward_only else pre
            return rule.learning_rate * torch.outer(self.plateau[p.post], pre)
        if kind == "SupervisedBCM":
            return rule.sign * rule.learning_rate * torch.outer(post * (post - self.theta[p.post]), pre)
        if kind == "TemporalContrastHebb":
            after = post.clamp(0, 1) * (self.settled[p.post] > 0) if rule.relu_gate else post.clamp(0, 1)
            before = torch.outer(self.settled[p.post].clamp(0, 1), settled.clamp(0, 1))
            return rule.learning_rate * (torch.outer(after, pre) - before)
        return self._btsp(p, pre)

    def _btsp(self, p: Projection, pre: torch.Tensor) -> torch.Tensor:
        rule, weight, plateau = p.rule, self.weights[p.name], self.plateau[p.post]

        def q(x: torch.Tensor) -> torch.Tensor:
            low, high, now = (
                torch.sigmoid((v - rule.dep_th) * 2 / rule.dep_width) for v in (torch.tensor(0.0), torch.tensor(1.0), x)
            )
            return rule.dep_ratio * (now - low) / (high - low)

        def f(e: torch.Tensor) -> torch.Tensor:
            return (rule.w_max - weight) * e - weight * q(e)

        kappa, up = rule.temporal_discount, plateau.clamp(min=0)[:, None]
        change = up * f(pre) + up * f(kappa * self.past_pre[p.pre])
        change = change + self.past_plateau[p.post].clamp(min=0)[:, None] * f(kappa * pre)
        return rule.learning_rate * (change + torch.outer(plateau.clamp(max=0), pre))

    def _constrain(self) -> None:
        for name in self.kinds:
            p, weight = self.circuit.projection(name), self.weights[name]
            if p.bounds.lower is not None or p.bounds.upper is not None:
                weight.clamp_(p.bounds.lower, p.bounds.upper)
            if isinstance(p.constraint, (NoAutapses, NormalizeRows)) and p.recurrent:
                weight.fill_diagonal_(0)
            if isinstance(p.constraint, NormalizeRows):
                total = weight.abs().sum(dim=1, keepdim=True)
                weight /= torch.where(total == 0, torch.ones(()), total)
                weight *= p.constraint.scale
        for p in self.circuit.projections:
            if isinstance(p.constraint, Tied):
                source = self.weights[p.constraint.source]
                copy = p.constraint.sign * p.constraint.scale * (source.T if p.constraint.transpose else source)
                self.weights[p.name].copy_(copy)

    def _remember(self) -> None:
        for p in self._ruled("BTSP"):
            self.past_pre[p.pre] = self.act[p.pre].clamp(0, 1)
            self.past_plateau[p.post] = self.plateau[p.post]
        for post in self.theta:
            rule = self.instructed[post]
            self.theta[post] += (self.act[post] ** 2 / rule.k - self.theta[post]) / rule.theta_tau
