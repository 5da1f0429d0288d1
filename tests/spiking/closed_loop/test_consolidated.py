"""Consolidation in spikes: against the arithmetic of its rate form on the changes that were really made."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

import numpy as np
import pytest
from brian2 import ms

from spikedtp import SpikedtpError, load_rate_network
from spikedtp.circuit import CircuitBuilder, read_circuit
from spikedtp.plasticity import (
    BTSP,
    DendriticState,
    ElasticRate,
    ElasticWeights,
    NormalizeRows,
    SpikingForm,
    SynapticIntelligence,
    SynapticIntelligenceRate,
)
from spikedtp.plasticity.consolidation import Step
from spikedtp.spiking import Phases, SpikingNetwork
from spikedtp.spiking.closed_loop.plan import check_learning

PHASES = Phases(settle=60 * ms, read=40 * ms, nudge=40 * ms, wait=10 * ms)
NAME, RATE = "OutputE_InputE", 0.1
RULES = {
    "DTP": DendriticState(RATE, top_layer_only=True),
    "BTSP": BTSP(RATE, w_max=2.0, temporal_discount=0.0),
}


def network(rule, kept, *, seed=1, device="runtime", **options):
    net = CircuitBuilder("two layers", tau=2, forward_steps=4)
    net.input(7)
    net.layer("Output", 4, rule=RULES.get(rule, rule), consolidation=kept, **options)
    return SpikingNetwork(load_rate_network(net.build(), seed=seed), phases=PHASES, device=device)


def one_step(net, seed):
    """One presentation: the step as `Consolidation.after_step` is told of it, and the state before it."""
    rng = np.random.default_rng(seed)
    x, target = rng.random((1, 7)), np.eye(4)[[seed % 4]]
    rule, before, state = net.circuit.projection(NAME).rule, net.weights[NAME].copy(), dict(net.rule_state[NAME])
    seen = net.respond(x, target, seed=seed).projections[NAME].signals  # the same spikes as in training
    signals = type(seen)(**{f.name: np.squeeze(getattr(seen, f.name)) for f in fields(seen)})
    u = replace(rule, learning_rate=1.0).update(signals, before, state)
    net.train(x, target, [0], seed=seed, schedule="constant")
    return Step(rule, signals, before, net.weights[NAME].copy(), u), state


def stepped(kept, step, state):
    """The weights after a step, by the arithmetic of the rate form."""
    factor, pull = kept.factor(state), kept.pull(state, step.before)
    wanted = (1 if factor is None else factor) * step.change + (0 if pull is None else pull)
    return (step.before + RATE * wanted).clip(0, None)


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("kind", [SynapticIntelligence, SynapticIntelligenceRate])
def test_in_the_first_task_it_only_measures(rule, kind):
    alone, kept = network(rule, None), network(rule, kind())
    for seed in range(3):
        step, state = one_step(kept, seed)
        plain, _ = one_step(alone, seed)
        assert np.array_equal(step.after, plain.after) and (step.after != step.before).any()  # to the last bit
        wanted = kind().after_step(state, step)["path"]
        assert np.allclose(kept.rule_state[NAME]["path"], wanted, rtol=1e-4, atol=1e-6)
    assert (wanted > 0.01).any()


KEPT = {
    "drawn": ("DTP", SynapticIntelligence(strength=0.7)),
    "drawn BTSP": ("BTSP", SynapticIntelligence(strength=0.7)),
    "slowed": ("DTP", SynapticIntelligenceRate(threshold=0.2, width=0.5, least=0.1)),
    "elastic": ("BTSP", ElasticRate(threshold=0.05, width=0.3, scale=0.4)),
}


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("name", KEPT)
def test_steps_are_those_of_the_rate_form(name, seed):
    rule, kept = KEPT[name]
    net, rng = network(rule, kept, seed=seed), np.random.default_rng(seed)
    drawn = {"importance": rng.random((4, 7)), "anchor": net.weights[NAME] + 0.3 * rng.random((4, 7))}
    drawn |= {"elasticity": rng.uniform(0.2, 0.9, (4, 7)), "tasks": np.array(1)}
    state = net.rule_state[NAME]
    net.rule_state[NAME] = state | {k: np.asarray(v, state[k].dtype) for k, v in drawn.items() if k in state}
    for more in range(2):
        step, state = one_step(net, 10 * seed + more)
        assert np.allclose(step.after, stepped(kept, step, state), rtol=1e-5, atol=1e-6)
        assert np.abs(step.after - (step.before + RATE * step.change).clip(0, None)).max() > 1e-3  # it does something
        for key, wanted in kept.after_step(kept.own(state), step).items():
            assert np.allclose(net.rule_state[NAME][key], wanted, rtol=1e-4, atol=2e-6), key


@pytest.mark.slow
def test_compiled():
    rule, kept = KEPT["drawn"]
    x, y = np.random.default_rng(1).random((12, 7)), np.arange(12) % 4
    for device in ("runtime", "cpp_standalone"):
        net = network(rule, kept, device=device)
        for _ in range(2):
            net.train(x, np.eye(4)[y], np.arange(12), seed=1, schedule="constant")
            net.end_task()
        state = net.rule_state[NAME]
        assert (state["anchor"] == net.weights[NAME]).all() and state["importance"].max() > 0.1, device
        assert int(state["tasks"]) == 2 and (state["path"] == 0).all()


@dataclass(frozen=True)
class Replaces(DendriticState):
    """A rule that sets the weight."""

    def spiking_form(self):
        return SpikingForm(on_learn="w = w + learning_rate*plateau_post*pre_nudged_pre")


@pytest.mark.parametrize(
    ("rule", "kept", "options", "line"),
    [
        ("DTP", ElasticWeights(), {}, "ElasticWeights, which asks for samples of a task again at its end"),
        (Replaces(RATE), SynapticIntelligence(), {}, "Replaces does not add to w in its on_learn"),
    ],
)
def test_what_cannot_be_consolidated_in_spikes(rule, kept, options, line):
    net = network(rule, kept, **options)
    net.predict(np.full((1, 7), 0.3))  # it answers
    for call in (lambda: one_step(net, 0), net.end_task):
        with pytest.raises(SpikedtpError, match=line):
            call()
    assert net.task == 0


def test_not_with_a_constraint():
    net = network("DTP", SynapticIntelligence())
    projections = [replace(p, constraint=NormalizeRows(1.0)) if p.name == NAME else p for p in net.circuit.projections]
    rate = load_rate_network(replace(net.circuit, projections=tuple(projections)), seed=1)
    with pytest.raises(SpikedtpError, match="has the constraint NormalizeRows, which acts after the step"):
        one_step(SpikingNetwork(rate, phases=PHASES, device="runtime"), 0)


@pytest.mark.parametrize("kept", [None, SynapticIntelligence()])
def test_circuits_with_all_kinds_of_projections(kept):
    circuit = read_circuit("digits_dtp")
    projections = [
        replace(p, consolidation=kept) if isinstance(p.rule, DendriticState) else p for p in circuit.projections
    ]
    check_learning(replace(circuit, projections=tuple(projections)))
