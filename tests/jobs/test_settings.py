"""Settings that replace a rule of the circuit, or say how a network spikes."""

from dataclasses import replace

import pytest
from brian2 import Hz, mM, nS, pA
from jobs.short_training import settings as of_training

from spikedtp.circuit import read_circuit
from spikedtp.configuration import CompareConfiguration
from spikedtp.errors import SpikedtpError
from spikedtp.jobs.data import circuit_and_data
from spikedtp.jobs.settings import cell_of, in_spikes, make_network, with_rules
from spikedtp.jobs.train import run_training
from spikedtp.neurons import CELLS, AdaptiveLIF
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


def test_parameters_without_a_name_change_the_circuits_own_rule():
    circuit = read_circuit("digits_dtp")
    old = circuit.projection("H2E_H1E").rule
    found = with_rules(circuit, {"H2E_H1E": {"learning_rate": 0.5, "relu_gate": False}})
    assert found.projection("H2E_H1E").rule == replace(old, learning_rate=0.5, relu_gate=False)
    others = [p for p in found.projections if p.name != "H2E_H1E"]
    assert others == [p for p in circuit.projections if p.name != "H2E_H1E"]
    for wrong, message in (
        ({"H2E_H1E": {"tau": "20*ms"}}, "unknown parameter in rules.H2E_H1E of DendriticState 'tau'"),
        ({"H2E_H1E": {"max_pop_fraction": 2}}, "max_pop_fraction"),
        ({"H2E_H2SomaI": {"learning_rate": 0.5}}, "the circuit has no rule there: give its name too"),
    ):
        with pytest.raises(SpikedtpError, match=message):
            with_rules(circuit, wrong)


@pytest.mark.parametrize("mode", ["rate", "spiking"])
def test_training_learns_by_the_rules_of_the_settings(mode, tmp_path, few_test_images):
    """What is not allowed to learn keeps its initial weights; without it they change."""
    still = {"rules": {"H2E_H1E": {"learning_rate": 0.0}}}
    fresh = load_rate_network("digits_btsp", seed=3).state_dict()["module_dict.H2E_H1E.weight"]
    for name, changes in (("still", still), ("free", {})):
        run_training(of_training(mode, **changes), tmp_path / name)
        weights = load_rate_network("digits_btsp", tmp_path / name / "weights.pt").state_dict()
        assert bool((weights["module_dict.H2E_H1E.weight"] == fresh).all()) == (name == "still")
    assert "rules" not in (tmp_path / "free" / "config.yaml").read_text()


IN_LOOPS = {
    "open": "AdaptiveLIF BurstPoissonInCircuit NMDAPlateau NaudInCircuit TwoCompartment TwoCompartmentLIF "
    "TwoCompartmentPlateau",
    "closed": "AdaptiveLIF BurstPoissonInCircuit MembraneCell NMDAPlateau NaudInCircuit NudgedCell TwoCompartment "
    "TwoCompartmentLIF",
}


@pytest.mark.parametrize("loop", IN_LOOPS)
def test_cells_of_a_loop_by_name(loop):
    names = IN_LOOPS[loop].split()
    for name in CELLS.shipped():
        if name in names:
            assert cell_of({"name": name}, loop) == CELLS[name]()
            continue
        with pytest.raises(SpikedtpError, match=f"unknown cell '{name}': known are .*TwoCompartment, TwoComp"):
            cell_of({"name": name}, loop)
    with pytest.raises(SpikedtpError, match=f"unknown cell 'LIF': known are .*{', '.join(names)}"):
        cell_of({"name": "LIF"}, loop)


def test_parameters_of_cells_with_units():
    settings = {"name": "AdaptiveLIF", "b": "20*pA", "g_soma": "4*nS", "magnesium": "2*mM", "synapses": "currents"}
    assert cell_of(settings, "closed") == AdaptiveLIF(b=20 * pA, g_soma=4 * nS, magnesium=2 * mM, synapses="currents")
    for wrong, message in (
        ({"b": "20*pX"}, "unknown unit in 20.pX 'pX': known are A, F, Hz, "),
        ({"b": "20"}, r"AdaptiveLIF.b must be a quantity in A \(such as 0.A\), got 20"),
        ({"g_soma": "-4*nS"}, "AdaptiveLIF.g_soma must be above 0"),
    ):
        with pytest.raises(SpikedtpError, match=message):
            cell_of({"name": "AdaptiveLIF"} | wrong, "open")
