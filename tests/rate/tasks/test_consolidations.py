"""Consolidations in networks against second implementations: autograd on the whole loss, and loops over synapses."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch
import yaml
from rate.small_circuit import config, sample

from spikedtp import load_rate_network
from spikedtp.circuit import Circuit, Population, Projection, read_circuit
from spikedtp.errors import SpikedtpError
from spikedtp.plasticity import (
    Backprop,
    Bounds,
    DendriticState,
    ElasticRate,
    ElasticWeights,
    ElasticWeightsRate,
    SynapticIntelligence,
    SynapticIntelligenceRate,
)

TASKS = ((0, 3), (1, 2))
LEARNED = ("H1E_InputE", "H2E_H1E", "OutputE_H2E")


def layered(rule, kept, sizes=(5, 7, 6, 4), tasks=None):
    names = ("Input", "H1", "H2", "Output")
    cells = tuple(
        Population(name, "E", n, "linear" if name == "Input" else "relu") for name, n in zip(names, sizes, strict=True)
    )
    projections = tuple(
        Projection(f"{post}E", f"{pre}E", rule=rule, consolidation=kept, weight_init="scaled_kaiming")
        for post, pre in zip(names[1:], names, strict=False)
    )
    return Circuit(cells, projections, name="layered", task_classes=tasks)


def shown(network, seed, n):
    x, _ = sample(network, seed, n)
    labels = np.random.default_rng([seed, 1]).integers(network.circuit.output.size, size=n)
    return x, np.eye(network.circuit.output.size, dtype=np.float32)[labels]


class Reference:
    """A layered perceptron in torch (float64), whose loss has the penalties of all tasks as sums."""

    def __init__(self, weights, rate, kept, tasks):
        self.w = [torch.tensor(w, dtype=torch.float64, requires_grad=True) for w in weights]
        self.start = [w.detach().clone() for w in self.w]
        self.rate, self.kept, self.tasks, self.task = rate, kept, tasks, 0
        self.past, self.seen = [], []  # (importance, weights) of every task; samples of this one
        zeros = [torch.zeros_like(w) for w in self.w]
        self.path, self.omega, self.fisher = zeros, [z.clone() for z in zeros], [z.clone() for z in zeros]

    def loss(self, x, t):
        a = torch.tensor(x, dtype=torch.float64)
        for w in self.w:
            a = torch.relu(w @ a)
        part = slice(None) if self.tasks is None else list(self.tasks[self.task])
        return ((a - torch.tensor(t, dtype=torch.float64))[part] ** 2).mean()

    def slowed(self, importance):
        k = self.kept
        return torch.clamp(1 - (1 - k.least) * (importance - k.threshold) / k.width, k.least, 1)

    def step(self, x, t):
        self.seen.append((x, t))
        gradient = torch.autograd.grad(self.loss(x, t), self.w)
        whole = gradient
        if hasattr(self.kept, "strength") and self.past:
            penalty = sum((f * (w - b) ** 2).sum() for past in self.past for f, b, w in zip(*past, self.w, strict=True))
            whole = torch.autograd.grad(self.loss(x, t) + self.kept.strength * penalty, self.w)
        for k, w in enumerate(self.w):
            slow = self.slowed(self.importance()[k]) if hasattr(self.kept, "least") and self.task else 1
            change = -self.rate * slow * whole[k]
            self.path[k] = self.path[k] - gradient[k] * change
            with torch.no_grad():
                w += change

    def importance(self):
        return self.omega if hasattr(self.kept, "damping") else self.fisher

    def end_task(self):
        now = [w.detach().clone() for w in self.w]
        if hasattr(self.kept, "damping"):
            for k, w in enumerate(now):
                self.omega[k] = torch.relu(
                    self.omega[k] + self.path[k] / ((w - self.start[k]) ** 2 + self.kept.damping)
                )
            self.past = [(list(self.omega), now)]
        else:
            squares = [torch.autograd.grad(self.loss(*one), self.w) for one in self.seen]
            means = [sum(g[k] ** 2 for g in squares) / len(squares) for k in range(len(now))]
            self.past.append((means, now))
            self.fisher = [f + m for f, m in zip(self.fisher, means, strict=True)]
        self.start, self.seen, self.path = now, [], [torch.zeros_like(w) for w in now]
        self.task += 1


@pytest.mark.parametrize("tasks", [None, TASKS], ids=["all", "by class"])
@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize(
    "kept",
    [
        ElasticWeights(strength=3.0, n_samples=50),
        SynapticIntelligence(strength=0.4, damping=0.01),
        ElasticWeightsRate(threshold=0.0005, width=0.005, least=0.2, n_samples=50),
        SynapticIntelligenceRate(threshold=0.05, width=0.4, least=0.1, damping=0.01),
    ],
    ids=lambda kept: type(kept).__name__,
)
def test_backprop_against_autograd_on_the_whole_loss(kept, seed, tasks):
    network = load_rate_network(layered(Backprop(0.3), kept, tasks=tasks), seed=seed)
    plain = load_rate_network(layered(Backprop(0.3), None, tasks=tasks), seed=seed)
    reference = Reference([network.weights[name] for name in LEARNED], 0.3, kept, tasks)
    for task in range(2 if tasks else 3):
        for x, t in zip(*shown(network, 10 * seed + task, 25), strict=True):
            network.train_step(x, t)
            plain.train_step(x, t)
            reference.step(x, t)
        for name, wanted in zip(LEARNED, reference.w, strict=True):
            np.testing.assert_allclose(network.weights[name], wanted.detach(), rtol=2e-4, atol=2e-5)
            if task == 0:  # before the first boundary nothing is different, to the last bit
                assert (network.weights[name] == plain.weights[name]).all()
        for each in (network, plain, reference):
            each.end_task()
    kept_something = [np.abs(network.weights[name] - plain.weights[name]).max() for name in LEARNED]
    assert max(kept_something) > 1e-3  # or the test would see nothing


@pytest.mark.parametrize("kept", [SynapticIntelligence(0.3, 0.01), ElasticWeights(2.0, 40)], ids=["SI", "EWC"])
@pytest.mark.parametrize("seed", [1, 2])
def test_dendritic_target_propagation(tmp_path, kept, seed):
    """The changes of a network without consolidation at the same weights, and the equations around them."""
    path = tmp_path / "small.yaml"
    path.write_text(yaml.safe_dump(config("BP_like_2E"), sort_keys=False))
    circuit = read_circuit(path)
    rate = 0.05
    wrapped = tuple(
        Projection(**{**vars(p), "consolidation": kept}) if isinstance(p.rule, DendriticState) else p
        for p in circuit.projections
    )
    network = load_rate_network(Circuit(**{**vars(circuit), "projections": wrapped}), seed=seed)
    plain = load_rate_network(circuit, seed=seed)
    names = [p.name for p in wrapped if p.consolidation is not None]
    omega = {name: np.zeros(weight.shape) for name, weight in network.weights.items()}
    penalties = {name: [] for name in names}
    for task in range(3):
        path_integral = {name: 0.0 for name in names}
        begun, samples = network.weights, list(zip(*shown(network, 7 * seed + task, 12), strict=True))
        for x, t in samples:
            plain.load_state_dict(network.state_dict())
            before, own = network.weights, plain.weight_updates(x, t, constrained=False)
            network.train_step(x, t)
            for name in names:
                u, w = own[name].astype(float) / rate, before[name].astype(float)
                pull = sum(-2 * kept.strength * f * (w - a) for f, a in penalties[name])
                wanted = w + rate * (u + pull)
                Bounds(*circuit.projection(name).bounds).apply(wanted)
                np.testing.assert_allclose(network.weights[name], wanted, rtol=1e-4, atol=1e-6)
                path_integral[name] = path_integral[name] + u * (network.weights[name] - w)
        plain.load_state_dict(network.state_dict())
        network.end_task()
        for name in names:
            now = network.weights[name].astype(float)
            if isinstance(kept, SynapticIntelligence):
                way = now - begun[name]
                omega[name] = np.maximum(omega[name] + path_integral[name] / (way**2 + kept.damping), 0)
                penalties[name] = [(omega[name], now)]
            else:
                squares = [(plain.weight_updates(x, t, constrained=False)[name] / rate) ** 2 for x, t in samples]
                penalties[name] = [*penalties[name], (np.mean(squares, axis=0), now)]
    assert any(f.max() > 0.01 for f, _ in penalties["OutputE_H2E"])


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_elastic_rates_synapse_by_synapse(tmp_path, seed):
    options = {"elr_threshold": 0.6, "elr_width": 0.3, "elr_scale": 0.8, "elr_min": 0.05, "dep_ratio": 0.7}
    values = config("BTSP_ELR_CL", options)
    path = tmp_path / "elastic.yaml"
    path.write_text(yaml.safe_dump(values, sort_keys=False))
    network = load_rate_network(path, seed=seed)
    assert network.circuit.projection("H2E_H1E").consolidation == ElasticRate(0.6, 0.3, 0.8, 0.05)
    name, r = "OutputE_H2E", network.circuit.projection("OutputE_H2E").rule
    m = np.ones(network.circuit.shape(name))

    def q(e):
        def raw(z):
            return 1 / (1 + np.exp(-(z - r.dep_th) * 2 / r.dep_width))

        return (raw(e) - raw(0.0)) / (raw(1.0) - raw(0.0))

    for x, t in zip(*shown(network, seed, 15), strict=True):
        seen, w = network.present(x, t).signals[name], network.weights[name].astype(float)
        network.train_step(x, t)
        for i in range(len(w)):
            for j in range(w.shape[1]):
                e, p = float(np.clip(seen.pre_nudged[j], 0, 1)), float(seen.plateau[i])
                toward = (r.w_max - w[i, j]) * e - w[i, j] * r.dep_ratio * q(e)
                wanted = max(w[i, j] + r.learning_rate * m[i, j] * (max(p, 0) * toward + min(p, 0) * e), 0)
                assert np.isclose(network.weights[name][i, j], wanted, rtol=1e-4, atol=1e-6)
                if e > 0:
                    far = (abs(toward) / (e + r.dep_ratio * q(e)) - 0.6) / 0.3
                    m[i, j] += max(p, 0) * e * 0.8 * (2 * min(max(far, 0), 1) - 1)
                    m[i, j] = min(max(m[i, j], 0.05), 1)
        np.testing.assert_allclose(network.rule_state[name]["elasticity"], m, rtol=1e-3, atol=1e-4)
    assert m.min() < 0.95


def test_nothing_of_it_is_shared_and_looking_changes_nothing():
    network = load_rate_network(layered(Backprop(0.3), ElasticWeights(2.0, n_samples=5)), seed=1)
    samples = list(zip(*shown(network, 1, 9), strict=True))
    for x, t in samples[:6]:
        network.train_step(x, t)
    twin = copy.deepcopy(network)
    network.weight_updates(*samples[6])
    network.present(*samples[6])
    for each in (network, twin):
        for x, t in samples[6:]:
            each.train_step(x, t)
        each.end_task()
        each.train_step(*samples[0])
    for name in LEARNED:
        assert (network.weights[name] == twin.weights[name]).all()
        assert (network.rule_state[name]["importance"] == twin.rule_state[name]["importance"]).all()
    network.reset_rules()
    assert network.task == 0 and not network.rule_state[LEARNED[0]]["importance"].any()


def test_refused():
    circuit = layered(Backprop(0.3), ElasticWeights(n_samples=5))
    other = Projection(**{**vars(circuit.projections[0]), "consolidation": ElasticWeights(n_samples=6)})
    with pytest.raises(SpikedtpError, match=r"layered: n_samples must be the same .* 6 \(H1E_InputE\), 5 \(OutputE"):
        load_rate_network(Circuit(circuit.populations, (other, *circuit.projections[1:]), name="layered"))
    network = load_rate_network(layered(Backprop(0.3), None, tasks=TASKS), seed=1)
    for _ in TASKS:
        network.end_task()
    (x,), (t,) = shown(network, 1, 1)
    network.predict(x, among=(1, 2))
    with pytest.raises(SpikedtpError, match="all 2 tasks of layered have ended"):
        network.train_step(x, t)


def test_only_the_present_task_is_instructed():
    """Output cells of other tasks keep their weights; the answer of a task is among its classes."""
    circuit = layered(DendriticState(0.3, top_layer_only=True), None, tasks=TASKS)
    fixed = tuple(Projection(**{**vars(p), "rule": None}) for p in circuit.projections[:2])
    circuit = Circuit(circuit.populations, (*fixed, circuit.projections[2]), task_classes=TASKS)
    network = load_rate_network(circuit, seed=3)
    for task, own in enumerate(TASKS):
        before = network.weights["OutputE_H2E"]
        x, t = shown(network, task, 10)
        assert not network.present(x[0], t[0]).plateau["OutputE"][list(TASKS[1 - task])].any()
        for one in zip(x, t, strict=True):
            network.train_step(*one)
        changed = (network.weights["OutputE_H2E"] != before).any(axis=1)
        assert not changed[list(TASKS[1 - task])].any() and changed[list(own)].any()
        assert set(network.predict(x, among=own)) <= set(own)
        network.end_task()
