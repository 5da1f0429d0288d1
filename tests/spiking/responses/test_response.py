"""What was not recorded is named."""

import pytest
from spiking.figure3_samples import TARGET, X

from spikedtp.errors import SpikedtpError
from spikedtp.spiking import simulate


def test_what_was_not_recorded_is_named(figure3):
    network, _, _ = figure3
    response = simulate(network, X, TARGET, population="H2E", device="runtime", record=("spikes",))
    with pytest.raises(SpikedtpError, match=r"'v_soma' was not recorded \(recorded: spikes\)"):
        response.v_soma  # noqa: B018
