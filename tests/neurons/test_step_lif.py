"""Factors for a time step, and the resets in any Brian2 network (against loops: tests/spiking/feedforward)."""

import numpy as np
import pytest
from brian2 import Network, NeuronGroup, SpikeMonitor, StateMonitor, Synapses, ms, prefs

from spikedtp import SpikedtpError
from spikedtp.neurons import StepLI, StepLIF
from spikedtp.neurons.step_lif import RESETS, step_decay
from spikedtp.spiking import Connection, Layer, LayeredNetwork, run_layers


def test_factors_of_time_constants():
    assert step_decay(5 * ms, 1 * ms, "exact") == np.exp(-0.2)
    np.testing.assert_allclose(step_decay([5, 10] * ms, 1 * ms, "euler"), [0.8, 0.9], rtol=1e-15)
    assert step_decay(1 * ms, 1 * ms, "euler") == 0  # the shortest
    for tau, method, words in (
        (0.5 * ms, "euler", "time constant of 0.5 ms is below the time step dt = 1. ms"),
        (-1 * ms, "exact", "time constants must be above 0"),
        (0 * ms, "exact", "time constants must be above 0"),
        (5 * ms, "rk4", "unknown method 'rk4'"),
    ):
        with pytest.raises(SpikedtpError, match=words):
            step_decay(tau, 1 * ms, method)


@pytest.fixture(autouse=True)
def without_a_compiler(monkeypatch):
    monkeypatch.setitem(prefs, "codegen.target", "numpy")


def traces(cell, n_steps=12):
    """v at the end of each step, and the steps of spikes, of one cell that takes 0.8 in every step."""
    source = NeuronGroup(1, "", threshold="True", reset="", dt=1 * ms)
    group = cell.group(1, dt=1 * ms)
    synapses = Synapses(source, group, on_pre="input_soma_post += 0.8", dt=1 * ms)
    synapses.connect()
    v = StateMonitor(group, "v_soma", record=True, when="end", dt=1 * ms)
    monitors = [v, SpikeMonitor(group)] if isinstance(cell, StepLIF) else [v]
    Network(source, group, synapses, *monitors).run(n_steps * ms)
    fired = np.round(monitors[1].t / ms).astype(int).tolist() if len(monitors) > 1 else []
    return v.v_soma[0], fired


@pytest.mark.parametrize("reset", RESETS)
def test_in_a_network_of_ones_own_a_spike_comes_at_the_start_of_the_next_step(reset):
    """Brian2 tests thresholds before spikes arrive: the same train as in networks of layers, one step later."""
    cell = StepLIF(beta=0.7, alpha=0.3, threshold=1.1, v_reset=0.1, reset=reset)
    _, fired = traces(cell)
    network = LayeredNetwork(1, [Layer("a", cell, [Connection("input", [[0.8]])])])
    inside = np.flatnonzero(run_layers(network, np.ones((1, 12, 1)), device="runtime").output)
    assert len(fired) > 3 and fired == [step + 1 for step in inside if step < 11]


def test_an_integrator_is_its_recursion():
    cell = StepLI(beta=0.7, alpha=0.3, input_gain=0.5, current_gain=2.0, drift=0.1, v_start=-0.2)
    v, expected, i = -0.2, [], 0.0
    for _ in range(12):
        i = 0.3 * i + 0.5 * 0.8
        v = 0.7 * v + 2 * i + 0.1
        expected.append(v)
    np.testing.assert_allclose(traces(cell)[0], expected, rtol=1e-12)
