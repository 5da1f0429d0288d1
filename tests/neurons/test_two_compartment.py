"""The impulse responses that the linear cell declares are those of a simulation."""

import numpy as np
import pytest
from brian2 import ms
from neurons.linear_cells import run_linear

from spikedtp.neurons import PoissonInput, TwoCompartment


@pytest.mark.parametrize("dt", [1 * ms, 0.4 * ms], ids=str)
def test_impulse_responses_are_the_simulated_ones(dt):
    cell = TwoCompartment()
    dend, timeline = run_linear(cell, [30], [[1.0]], dt=dt)
    soma, _ = run_linear(cell, [30], [[1.0]], dt=dt, compartment="soma")
    declared = cell.impulse_responses(timeline.n_steps, dt)
    trace = PoissonInput().impulse_responses(timeline.n_steps, dt)["trace", "spike"]
    assert dend.vectors["trace_nudged"][0, 0] == pytest.approx(trace[timeline.n_steps - 1 - 30], rel=1e-5)
    n = timeline.n_steps - 30
    np.testing.assert_allclose(dend.traces["v_dend"][0, 30:, 0], declared["dendrite", "dend"][:n], atol=1e-7)
    np.testing.assert_allclose(dend.traces["v_soma"][0, 30:, 0], declared["soma", "dend"][:n], atol=1e-7)
    np.testing.assert_allclose(soma.traces["v_soma"][0, 30:, 0], declared["soma", "soma"][:n], atol=1e-7)
