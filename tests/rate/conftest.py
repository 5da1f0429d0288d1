"""A second implementation of the presentation for tests: float64, one cell type at a time, nothing shared with rate/.

Written from the definition of the two phases, as plainly as possible; slow.
"""

from __future__ import annotations

import math
import sys
import types

import numpy as np
import pytest
import torch
import yaml
from rate.watched_reads import _hook

from spikedtp.errors import SpikedtpError
from spikedtp.rate import load_rate_network
from spikedtp.rate.checkpoints import read_weights


def activate(population, value):
    if population.activation == "srelu":
        lower, upper = population.activity_bounds
        return np.clip(population.slope * value, lower, np.inf if upper is None else upper)
    return np.maximum(value, 0.0) if population.activation == "relu" else value


class Slow:
    """State of every population by name; `history` keeps the activity after each step.

    `later`: (step, weights) from a step on, where they are not `weights`.
    """

    later = None

    def __init__(self, circuit, weights, biases):
        self.circuit = circuit
        self.w = {name: weight.astype(np.float64) for name, weight in weights.items()}
        self.b = {name: bias.astype(np.float64) for name, bias in biases.items()}

    def transmitted(self, p, in_sweep=False):
        """What a projection transmits now; before the presentation nothing was sent."""
        if p.pre == self.circuit.input.name:
            return self.now[p.pre] if in_sweep or self.steps > p.delay else np.zeros_like(self.now[p.pre])
        back = 0 if in_sweep else p.delay
        if p.direction == "F" and back == 0:
            return self.now[p.pre]
        back += p.direction == "R"
        sent = self.sent[p.pre]
        return sent[len(sent) - back] if back <= len(sent) else np.zeros_like(self.now[p.pre])

    def drive(self, population, compartment, phases, in_sweep=False):
        total = np.zeros(population.size)
        for p in self.circuit.projections:
            if p.post == population.name and p.compartment == compartment and p.update_phase in phases:
                total += self.w[p.name] @ self.transmitted(p, in_sweep)
        return total

    def step(self, population, phases):
        name = population.name
        change = -self.state[name] + self.b[name] + self.drive(population, "soma", phases)
        self.state[name] = self.state[name] + change / self.circuit.tau

    def settle(self, x):
        circuit = self.circuit
        self.state = {p.name: self.b[p.name].copy() for p in circuit.populations[1:]}
        self.now = {p.name: activate(p, self.state[p.name]) for p in circuit.populations[1:]}
        self.now[circuit.input.name] = np.asarray(x, dtype=np.float64)
        self.sent = {name: [] for name in self.now}
        self.history = []
        for self.steps in range(1, circuit.forward_steps + 1):
            if self.later is not None and self.steps == self.later[0]:
                self.w = self.later[1]
            for name, activity in self.now.items():
                self.sent[name].append(activity)
            for population in circuit.populations[1:]:
                self.step(population, "FA")
                self.now[population.name] = activate(population, self.state[population.name])
            self.history.append(dict(self.now))
        self.settled, self.settled_before = dict(self.now), {name: sent[-1] for name, sent in self.sent.items()}
        self.settled_sent = {p.name: self.transmitted(p) for p in circuit.projections}
        self.settled_sent_before = {p.name: self.sent[p.pre][-1 - p.delay] for p in circuit.projections}
        self.dendrite = {p.name: self.drive(p, "dend", "FBA") for p in circuit.populations[1:]}

    def error(self, population, target):
        rule = self.rules[population.name]
        if population.name == self.circuit.output.name:
            e = np.clip(target - self.now[population.name], -1, 1)
        else:
            e = np.clip(self.drive(population, "dend", "FBA", in_sweep=True), -1, 1)
        settled = self.settled[population.name]
        if rule.relu_gate:
            e = np.where(settled == 0, 0.0, e)
        if population.name == self.circuit.output.name:
            return e
        if getattr(rule, "neg_rate_th", None) is not None:
            e = np.where((e < 0) & (settled <= rule.neg_rate_th), 0.0, e)
        n = math.ceil(rule.max_pop_fraction * len(e))
        positive = sorted((i for i in range(len(e)) if e[i] > 0), key=lambda i: -e[i])[:n]
        negative = sorted((i for i in range(len(e)) if e[i] < 0), key=lambda i: e[i])[:n]
        return np.array([e[i] if i in positive or i in negative else 0.0 for i in range(len(e))])

    def nudge(self, target, kind, everyone=False):
        circuit = self.circuit
        self.rules = {
            p.post: p.rule for p in reversed(circuit.projections) if p.rule is not None and p.rule.nudge != "none"
        }
        self.plateau = {}
        layers = list(circuit.layers.values())[1:]
        layers = layers[:-2:-1] if kind == "output-only" else layers[::-1]
        for step in range(1 if kind == "one-pass" else circuit.forward_steps):
            for layer in layers:
                for population in layer:
                    if step == 0 and population.name in self.rules:
                        self.plateau[population.name] = self.error(population, target)
                if kind == "one-pass":
                    for population in layer:
                        if population.name in self.plateau:
                            name = population.name
                            self.sent[name].append(self.now[name])
                            self.now[name] = activate(population, self.state[name] + self.plateau[name])
                    continue
                for population in layer:
                    self.sent[population.name].append(self.now[population.name])
                for population in layer:
                    phases = {p.update_phase for p in circuit.projections if p.post == population.name}
                    if everyone or population.name == circuit.output.name or phases & {"A", "B"}:
                        self.step(population, "FAB")
                        nudge = self.plateau.get(population.name, 0.0)
                        self.now[population.name] = activate(population, self.state[population.name] + nudge)
            self.history.append(dict(self.now))
        self.nudged_sent = {p.name: self.transmitted(p, in_sweep=kind == "one-pass") for p in circuit.projections}


@pytest.fixture(scope="session")
def slow_circuit():
    """The class `Slow`."""
    return Slow


@pytest.fixture(scope="session")
def watched(tmp_path_factory):
    """One good read of every kind, so that no lazy import is mistaken for the file's doing."""
    folder = tmp_path_factory.mktemp("warm")
    torch.save({"a": torch.ones(2)}, folder / "a.pt")
    torch.save({"a": torch.ones(2)}, folder / "b.pt", _use_new_zipfile_serialization=False)
    np.savez(folder / "c.npz", a=np.ones(2, np.float32))
    for name in ("a.pt", "b.pt", "c.npz"):
        read_weights(folder / name)
    with pytest.raises(SpikedtpError):
        read_weights(folder / "none.pt")
    for codec in ("cp437", "raw_unicode_escape", "unicode_escape"):  # of zipfile's names, and of text in pickles
        "".encode(codec)
    load_rate_network("digits_dtp").predict(np.zeros((1, 64)))
    sys.addaudithook(_hook)


def _fake(module: str, name: str, value):
    value.__module__, value.__qualname__, value.__name__ = module, name, name
    return value


def _module_class(name: str, **extra):
    return _fake("EIANN._network", name, type(name, (torch.nn.Module,), extra))


@pytest.fixture
def eiann(monkeypatch):
    """Stand-ins for the packages whose names are in an EIANN pickle; only here while the pickle is made."""
    network, rules, inner, outer = (
        types.ModuleType(name) for name in ("EIANN._network", "EIANN.rules.base_classes", "dill._dill", "dill")
    )
    for name in ("Network", "Projection", "Population", "Layer"):
        setattr(network, name, _module_class(name))
    rules.LearningRule = _fake("EIANN.rules.base_classes", "LearningRule", type("LearningRule", (), {}))
    for name in ("_create_function", "_create_code", "_create_cell", "_load_type", "_create_type", "_import_module"):
        setattr(inner, name, _fake("dill._dill", name, lambda *a, **k: None))
    outer._dill = inner
    for module in (types.ModuleType("EIANN"), types.ModuleType("EIANN.rules"), network, rules, outer, inner):
        monkeypatch.setitem(sys.modules, module.__name__, module)
    return types.SimpleNamespace(network=network, rules=rules, dill=inner)


@pytest.fixture
def network_of(tmp_path):
    def make(values, seed=3):
        path = tmp_path / "circuit.yaml"
        path.write_text(yaml.safe_dump(values, sort_keys=False))
        return load_rate_network(path, seed=seed)

    return make
