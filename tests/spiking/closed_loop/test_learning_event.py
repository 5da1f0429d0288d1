"""Learning events are the rules applied to what was read."""

import numpy as np
import pytest
from spiking.closed_loop.short_presentations import spiking

from spikedtp.plasticity import Bounds, Tied
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
            p.constraint.apply(after[p.name], recurrent=p.recurrent)
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
