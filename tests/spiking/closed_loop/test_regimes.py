"""Whole settings by name: they learn, and other settings beside them are refused."""

import numpy as np
import pytest
from spiking.closed_loop.short_presentations import SMALL

from spikedtp.configuration import TrainConfiguration
from spikedtp.errors import SpikedtpError
from spikedtp.rate import load_rate_network
from spikedtp.spiking import SpikingNetwork, regime


def test_it_learns(digits):
    network = load_rate_network(SMALL)
    spiking_network = SpikingNetwork(network, **regime("physiological", network.circuit))
    before = {name: w.copy() for name, w in spiking_network.weights.items()}
    spiking_network.train(digits.train_x, digits.train_t, np.arange(2))
    assert np.abs(spiking_network.weights["OutputE_H2E"] - before["OutputE_H2E"]).max() > 1e-4


def test_no_such_regime():
    with pytest.raises(SpikedtpError, match="physiological"):
        regime("physiologic", load_rate_network(SMALL).circuit)
    with pytest.raises(SpikedtpError, match=r"network\.circuit"):
        regime("physiological", "digits_dtp")


def test_other_settings_contradict_it():
    """Random ones of those that it has of its own: one line that names them all."""
    others = {
        "unit_rate": 50, "unit_rates": {"H1E": 20}, "spikers": 2, "settle": 300, "read": 100, "dt": 0.5,
        "firing": "lif", "cell": {"tau_soma": "30*ms"}, "phases": {"latch": True},
    }  # fmt: skip
    rng = np.random.default_rng(1)
    for _ in range(12):
        chosen = rng.choice([*others], rng.integers(1, 4), replace=False)
        with pytest.raises(SpikedtpError) as error:
            TrainConfiguration.of({"mode": "spiking", "regime": "physiological"} | {n: others[n] for n in chosen})
        assert "\n" not in str(error.value)
        assert all(name in str(error.value) for name in chosen)
    with pytest.raises(SpikedtpError, match="about spikes"):
        TrainConfiguration.of({"regime": "physiological"})
    saved = TrainConfiguration.of({"mode": "spiking"}).saved()
    assert "regime" not in saved  # earlier results keep their bytes
