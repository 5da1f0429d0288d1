"""Settings that replace a rule of the circuit, or say how a network spikes."""

from brian2 import Hz
from jobs.short_training import settings as of_training

from spikedtp.circuit import read_circuit
from spikedtp.configuration import CompareConfiguration
from spikedtp.jobs.data import circuit_and_data
from spikedtp.jobs.settings import in_spikes, make_network
from spikedtp.plasticity import Oja
from spikedtp.rate import load_rate_network


def test_another_rule_keeps_the_circuits_learning_rate():
    rules = {"H2E_H1E": "Oja", "H2E_H2SomaI": {"name": "Oja", "learning_rate": 0.5}}
    settings = CompareConfiguration.of({"rules": rules})
    circuit = make_network(settings, circuit_and_data(settings, ("test",))).circuit
    learning_rate = read_circuit("digits_dtp").projection("H2E_H1E").rule.learning_rate
    assert circuit.projection("H2E_H1E").rule == Oja(learning_rate)
    assert circuit.projection("H2E_H2SomaI").rule == Oja(0.5)


def test_rates_and_spikers_are_of_training():
    network = load_rate_network("digits_btsp", seed=0)
    asked = of_training("spiking", unit_rates={"H1E": 200}, spikers={"H1SomaI": 9})
    spec, default = (in_spikes(network, each).spec for each in (asked, of_training("spiking")))
    assert (spec.unit_rates["H1E"], default.unit_rates["H1E"]) == (200 * Hz, 450 * Hz)
    assert spec.unit_rates["OutputE"] == 450 * Hz
    assert set(default.spikers.values()) == {4} and dict(spec.spikers) == {**default.spikers, "H1SomaI": 9}
