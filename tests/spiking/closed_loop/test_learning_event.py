"""Learning events are the rules applied to what was read."""

from dataclasses import dataclass, replace

import numpy as np
import pytest
from spiking.closed_loop.short_presentations import spiking

from spikedtp.circuit import CircuitBuilder, read_circuit
from spikedtp.plasticity import (
    Bounds,
    DendriticLoss,
    DendriticState,
    Factors,
    HebbWeightNorm,
    LearningRule,
    Mask,
    ReceptiveFields,
    SpikingForm,
    Tied,
)
from spikedtp.rate import load_rate_network
from spikedtp.spiking.closed_loop.spiking_network import SpikingNetwork

CIRCUITS = ("digits_dtp", "digits_btsp", "digits_supervised_bcm", "digits_temporal_contrast", "digits_hebb_weight_norm")


def expected_step(network: SpikingNetwork, signals, rate_factor: float):
    """One learning event by the rate forms of the rules and the constraints of the rate network."""
    circuit, before = network.circuit, network.weights
    after, state = {name: w.astype(np.float64) for name, w in before.items()}, {}
    for p in circuit.projections:
        if p.rule is not None:
            change = p.rule.update(signals[p.name], before[p.name].astype(np.float64), network.rule_state[p.name])
            after[p.name] += rate_factor * change[0, 0]
            Bounds(*p.bounds).apply(after[p.name])
            state[p.name] = p.rule.next_state(signals[p.name], network.rule_state[p.name])
    for p in circuit.projections:
        if p.rule is not None and p.constraint is not None and not isinstance(p.constraint, Tied):
            mask = {"mask": network.masks[p.name]} if p.name in network.masks else {}
            p.constraint.apply(after[p.name], **mask, recurrent=p.recurrent)
    for p in circuit.projections:
        if isinstance(p.constraint, Tied):
            after[p.name] = p.constraint.value(after)
    return after, state


@pytest.mark.parametrize("circuit", CIRCUITS)
def test_learning_events_are_the_rules_applied_to_what_was_read(circuit, digits):
    order, seed = np.array([4, 7, 9]), 5
    network, schedule = spiking(circuit), (lambda index, total: (1.0, 0.5, 0.25)[index])
    for k in range(2):  # the second event sees what the rules remember of the first
        signals = network.respond(digits.train_x[order[k]], digits.train_t[order[k]], seed=seed, first_sample=k).signals
        after, state = expected_step(network, signals, schedule(k, 3))
        network.train(digits.train_x, digits.train_t, order[: k + 1], seed=seed, start=k, schedule=schedule)
        changed = 0
        for name, w in after.items():
            tolerance = 1e-5 * np.abs(w).max()
            np.testing.assert_allclose(network.weights[name], w, rtol=1e-5, atol=tolerance, err_msg=name)
            changed += np.any(w != load_rate_network(circuit).weights[name])
        for name, values in state.items():
            for key, value in values.items():
                np.testing.assert_allclose(network.rule_state[name][key], value.squeeze(), rtol=1e-4, atol=1e-6)
        assert changed >= 4, "hardly anything learned: the test shows nothing"


@dataclass(frozen=True)
class Powers(LearningRule):
    """Learning rates in a power and in a quotient: their schedule must reach the whole of them."""

    def factors(self, signals, state):
        size = self.learning_rate**2 / (1 + self.learning_rate)
        return Factors(((size * signals.post_settled, signals.pre_settled),))

    def spiking_form(self):
        return SpikingForm(on_learn="w += learning_rate**2*post_settled_post*pre_settled_pre/(1 + learning_rate)")


@pytest.mark.parametrize("factor", [1.0, 0.5])
def test_a_schedule_reaches_the_whole_learning_rate(factor, digits):
    rule = Powers(learning_rate=0.3)
    circuit = read_circuit("digits_dtp").with_rules({"OutputE_H2E": rule})
    network = spiking(circuit)
    before = network.weights["OutputE_H2E"].astype(np.float64)
    response = network.respond(digits.train_x[4], digits.train_t[4], seed=5)
    signals = response.signals["OutputE_H2E"]
    network.train(digits.train_x, digits.train_t, np.array([4]), seed=5, schedule=lambda index, total: factor)
    change = replace(rule, learning_rate=0.3 * factor).update(signals, before, {})[0, 0]
    p = circuit.projection("OutputE_H2E")
    expected = before + change
    Bounds(*p.bounds).apply(expected)
    assert np.abs(change).max() > 1e-4
    np.testing.assert_allclose(network.weights["OutputE_H2E"], expected, rtol=1e-5, atol=1e-6)


def sparse_circuit():
    """Every kind of mask, on projections of every kind."""
    lds = DendriticState(0.2, one_pass=True)
    net = CircuitBuilder("sparse", tau=3, forward_steps=15)
    net.input(64)
    net.layer("H1", 20, rule=lds, constraint=ReceptiveFields(3))
    net.interneurons("H1", "SomaI", 6)
    rule = {"rule": DendriticLoss(0.4, sign=-1), "probability": 0.6}
    mask = Mask.random(6, 6, 0.5, seed=4, scale=2.0)
    e = {"rule": HebbWeightNorm(0.5, 1), "constraint": Mask.random(6, 20, 0.4, scale=3.0)}
    net.interneurons("H1", "DendI", 6, onto_e=rule, from_e=e,
                     recurrent={"rule": HebbWeightNorm(0.5, -1), "constraint": mask})  # fmt: skip
    net.layer("Output", 10, rule=lds, probability=0.5)
    net.feedback("H1", tied=0.7)
    return net.build()


def test_synapses_that_do_not_exist_do_not_learn(device, digits):
    """Masks and receptive fields, also normalised, by the rate forms of rules and constraints."""
    network, rate = spiking(sparse_circuit(), device), load_rate_network(sparse_circuit())
    x, target = digits.train_x[4], digits.train_t[4]
    response = network.respond(x, target, seed=5)
    after, _ = expected_step(network, response.signals, 1.0)
    network.train(x[None], target[None], np.array([0]), seed=5, schedule="constant")
    assert set(network.masks) == {"H1E_InputE", "H1E_H1DendI", "H1DendI_H1E", "H1DendI_H1DendI", "OutputE_H1E"}
    for name, w in after.items():
        np.testing.assert_allclose(network.weights[name], w, rtol=1e-5, atol=1e-5 * np.abs(w).max(), err_msg=name)
    for name, exists in network.masks.items():
        assert 0 < exists.sum() < exists.size
        assert not network.weights[name][~exists].any() and not response.weight_updates.of(name)[~exists].any()
        assert np.any(network.weights[name] != rate.weights[name]), name
    tied = network.weights["H1E_OutputE"] == 0
    assert tied[~network.masks["OutputE_H1E"].T].all()
    rate.load_state_dict(network.state_dict())  # within the masks
    for name, mask in network.masks.items():
        np.testing.assert_array_equal(rate.masks[name], mask)
