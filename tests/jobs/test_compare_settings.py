"""Settings of a comparison that replace a rule of the circuit."""

from spikedtp.circuit import read_circuit
from spikedtp.configuration import CompareConfiguration
from spikedtp.jobs.compare_settings import make_network
from spikedtp.jobs.data import circuit_and_data
from spikedtp.plasticity import Oja


def test_another_rule_keeps_the_circuits_learning_rate():
    rules = {"H2E_H1E": "Oja", "H2E_H2SomaI": {"name": "Oja", "learning_rate": 0.5}}
    settings = CompareConfiguration.of({"rules": rules})
    circuit = make_network(settings, circuit_and_data(settings, ("test",))).circuit
    learning_rate = read_circuit("digits_dtp").projection("H2E_H1E").rule.learning_rate
    assert circuit.projection("H2E_H1E").rule == Oja(learning_rate)
    assert circuit.projection("H2E_H2SomaI").rule == Oja(0.5)
