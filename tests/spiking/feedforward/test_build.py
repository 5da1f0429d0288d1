"""A feedforward network checks its time step."""

from __future__ import annotations

import numpy as np
import pytest
from brian2 import ms
from spiking.conditions import needs_compiler
from spiking.probe_cells import N_IN, STEPS, N, in_feedforward

from spikedtp.errors import SpikedtpError
from spikedtp.neurons import LIF, LeakyReadout, TwoCompartmentLIF
from spikedtp.spiking import learn_readout, run_feedforward


def test_feedforward_networks_check_their_time_step():
    raster, weights = np.ones((1, 20, 3)), [np.ones((3, 2)), np.ones((2, 2))]
    wrong = LIF(t_refractory=1.5 * ms)
    with pytest.raises(SpikedtpError, match="t_refractory"):
        run_feedforward(weights, raster, hidden=wrong, device="runtime")
    with pytest.raises(SpikedtpError, match="t_refractory"):
        learn_readout(weights, raster, [0], [0], hidden=wrong, device="runtime")


def test_cells_without_a_threshold_are_outputs_alone():
    with pytest.raises(SpikedtpError, match="LeakyReadout lacks threshold"):
        in_feedforward(LeakyReadout())


@pytest.mark.parametrize(
    "device", ["runtime", pytest.param("cpp_standalone", marks=[needs_compiler, pytest.mark.slow])]
)
def test_refractory_cells_do_not_bring_their_state_into_the_next_presentation(device):
    """Spikes to the very end leave cells refractory; then each presentation of the same spikes is the same again."""
    raster = np.ones((STEPS, N_IN), bool)
    response = run_feedforward(
        [np.ones((N_IN, N)), np.eye(N)], np.array([raster] * 3), hidden=TwoCompartmentLIF(t_refractory=7 * ms),
        device=device,
    )  # fmt: skip
    spikes = response.hidden_spikes
    assert spikes[0, -7:].any()
    for later in spikes[1:]:
        np.testing.assert_array_equal(later, spikes[0])
