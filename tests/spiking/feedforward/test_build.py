"""A feedforward network checks its time step."""

from __future__ import annotations

import numpy as np
import pytest
from brian2 import ms

from spikedtp.errors import SpikedtpError
from spikedtp.neurons import LIF
from spikedtp.spiking import learn_readout, run_feedforward


def test_feedforward_networks_check_their_time_step():
    raster, weights = np.ones((1, 20, 3)), [np.ones((3, 2)), np.ones((2, 2))]
    wrong = LIF(t_refractory=1.5 * ms)
    with pytest.raises(SpikedtpError, match="t_refractory"):
        run_feedforward(weights, raster, hidden=wrong, device="runtime")
    with pytest.raises(SpikedtpError, match="t_refractory"):
        learn_readout(weights, raster, [0], [0], hidden=wrong, device="runtime")
