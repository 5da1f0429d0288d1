"""The cell with a spiking soma: what its dendritic state is, and its time constants."""

from dataclasses import replace

import numpy as np
import pytest
from brian2 import Hz, ms, pF
from neurons.linear_cells import run_linear

from spikedtp.errors import SpikedtpError
from spikedtp.neurons import PoissonInput, TwoCompartmentLIF


def test_lif_dendritic_state_does_not_see_somatic_resets():
    """Without dendritic input the state stays at 0 on average, however often the soma fires."""
    cell = TwoCompartmentLIF()
    results, _ = run_linear(cell, np.arange(420), [[0.5]], dt=1 * ms, compartment="soma")
    soma, dend = results.traces["v_soma"][0, 100:, 0], results.traces["v_dend"][0, 100:, 0]
    events, _ = results.spikes["cells"]
    assert len(events) > 20
    ratio = float(cell.g_coupling / cell.g_dend)
    rest = float(cell.v_rest)
    state = ((dend - rest) + ratio * (dend - soma)) / float(cell.unit_voltage)
    naive = (dend - rest) / float(cell.unit_voltage)
    assert abs(state.mean()) < 0.05 * abs(naive.mean())


@pytest.mark.parametrize(("compartment", "expected"), [("dend", 0.04 * 2.3), ("soma", 0.0)])
def test_lif_dendritic_state_at_rest_is_the_dendrites_own_input(compartment, expected):
    """A constant input below the somatic threshold: leak and coupling cancel out of what is read."""
    cell = TwoCompartmentLIF()
    results, _ = run_linear(cell, np.arange(420), [[0.04]], dt=1 * ms, compartment=compartment)
    assert len(results.spikes["cells"][0]) == 0
    assert results.vectors["dendrite_nudged"][0, 0] == pytest.approx(expected, abs=2e-4)
    above_rest = results.traces["v_soma"][0, -1, 0] - float(cell.v_rest)
    assert above_rest > 1e-3
    assert results.vectors["soma_nudged"][0, 0] == pytest.approx(above_rest / 0.08, rel=1e-5)


def test_lif_time_constants_include_the_coupling():
    """300 pF over 7 nS and 200 pF over 12 nS: Euler steps must be shorter than both."""
    cell = TwoCompartmentLIF(t_refractory=0 * ms)
    cell.check_time_step(16.6 * ms)
    with pytest.raises(SpikedtpError, match=r"tau_dend = 16.66.* ms must be longer than the time step"):
        cell.check_time_step(16.7 * ms)
    with pytest.raises(SpikedtpError, match=r"tau_soma = 42.8.* ms must be longer"):
        replace(cell, c_dend=800 * pF).check_time_step(42.9 * ms)
    with pytest.raises(SpikedtpError, match=r"tau_eligibility = 60. ms must be longer"):
        PoissonInput(max_rate=10 * Hz).check_time_step(60 * ms)
