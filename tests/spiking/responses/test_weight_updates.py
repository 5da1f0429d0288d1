"""Weight changes of an unknown projection are refused."""

import pytest
from spiking.figure3_samples import TARGET, X

from spikedtp.errors import SpikedtpError
from spikedtp.spiking import simulate


def test_weight_changes_of_an_unknown_projection(figure3):
    network, _, _ = figure3
    updates = simulate(network, X, TARGET, population="H2E", device="runtime", record=()).weight_updates
    assert "H2E_H1E" in updates and "H2E_OutputE" not in updates
    assert updates.get("H2E_H1E").shape == (1, 2, 500) and updates.get("H2E_OutputE") is None
    with pytest.raises(SpikedtpError, match="unknown projection of this simulation 'H2E_OutputE': known are H2E_H1E"):
        updates["H2E_OutputE"]
