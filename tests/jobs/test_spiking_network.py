"""Rates and spikers of a spiking network are settings."""

from brian2 import Hz
from jobs.short_training import settings

from spikedtp.jobs.spiking_network import in_spikes
from spikedtp.rate import load_rate_network


def test_rates_and_spikers_are_settings():
    network = load_rate_network("digits_btsp", seed=0)
    asked = settings("spiking", unit_rates={"H1E": 200}, spikers={"H1SomaI": 9})
    spec, default = (in_spikes(network, each).spec for each in (asked, settings("spiking")))
    assert (spec.unit_rates["H1E"], default.unit_rates["H1E"]) == (200 * Hz, 450 * Hz)
    assert spec.unit_rates["OutputE"] == 450 * Hz
    assert set(default.spikers.values()) == {4} and dict(spec.spikers) == {**default.spikers, "H1SomaI": 9}
