"""The burst cells with the inputs of a circuit: the cells themselves are the same, a time step later."""

from __future__ import annotations

import numpy as np
import pytest
from brian2 import Hz, Network, SpikeMonitor, StateMonitor, TimedArray, ms, mV, nA, nS, pA, seed

from spikedtp import SpikedtpError
from spikedtp.neurons import BurstPoisson, BurstPoissonInCircuit, NaudCell, NaudInCircuit, check_cell

PAIRS = [(NaudCell, NaudInCircuit), (BurstPoisson, BurstPoissonInCircuit)]


@pytest.mark.parametrize("kind", [NaudInCircuit, BurstPoissonInCircuit])
def test_their_contract(kind):
    assert check_cell(kind()) == ("open", "closed")


@pytest.mark.parametrize(("plain", "in_circuit"), PAIRS)
def test_the_same_cell_under_the_same_conductances(plain, in_circuit, numpy_target):
    """Weights that arrive at `input_*` are conductances with the charge that the docstring says."""
    dt, n = 0.1 * ms, 1500
    rng = np.random.default_rng(3)
    weights = rng.normal(0.3, 0.6, (n, 2)) * (rng.random((n, 2)) < 0.05)
    cell = in_circuit()
    charge = 80e-3 * 2.3 * 1e-3
    up, down = charge / (70e-3 * 5e-3), charge / (30e-3 * 10e-3)
    given = {"given_soma": TimedArray(weights[:, 0], dt=dt), "given_dend": TimedArray(weights[:, 1], dt=dt)}
    runs = []
    for model in (plain(), cell):
        seed(5)
        group = model.group(1, dt=dt, name=f"pair_{len(runs)}", namespace=given)
        group.i_soma = 0.3 * nA
        code = "input_soma += given_soma(t)\ninput_dend += given_dend(t)"
        if model is not cell:
            code = "\n".join(
                f"g_exc_{c} += {up!r}*clip(given_{c}(t), 0, inf)\ng_inh_{c} += {down!r}*clip(-given_{c}(t), 0, inf)"
                for c in ("soma", "dend")
            )
        kicks = group.run_regularly(code, when="synapses", dt=dt)
        seen = StateMonitor(group, ["v_soma", "v_dend"], record=True, dt=dt, when="end")
        spikes = SpikeMonitor(group)
        Network(group, kicks, seen, spikes).run(n * dt, namespace={})
        runs.append((np.round(spikes.t_ / 1e-4).astype(int), seen.v_dend_[0]))
    (plain_spikes, plain_dend), (spikes, dend) = runs
    assert len(spikes) > 4
    # these cells look for spikes before they step, so all comes a step later; bursts are drawn from the same numbers
    assert (plain_spikes + 1)[: len(spikes)].tolist() == spikes.tolist()
    np.testing.assert_allclose(dend, plain_dend, atol=1e-12)


@pytest.mark.parametrize(("plain", "in_circuit"), PAIRS)
def test_they_have_the_constants_of_the_plain_cells(plain, in_circuit):
    assert plain().quantities().items() <= in_circuit().quantities().items()


@pytest.mark.parametrize("kind", [NaudInCircuit, BurstPoissonInCircuit])
def test_what_is_read_of_a_soma_is_its_rate(kind, numpy_target):
    """1 on average at the unit rate."""
    seed(1)
    cells = kind(unit_rate=30 * Hz, i_background=700 * pA).group(4, dt=0.5 * ms, name=f"read_{kind.__name__}")
    assert (cells.i_soma_[:] == 700e-12).all()
    network, spikes = Network(cells), SpikeMonitor(cells, record=False)
    seen = StateMonitor(cells, "somatic_activity", record=True, dt=0.5 * ms, when="end")
    network.add(spikes, seen)
    network.run(2000 * ms, namespace={})
    rate = spikes.count[:] / 2  # Hz; what is left of the last spikes is a part of 50 ms of 2 s
    assert (rate > 10).all()
    np.testing.assert_allclose(seen.somatic_activity.mean(axis=1), rate / 30, rtol=0.05)


def test_spikes_that_travel_back_are_not_read_as_input(numpy_target):
    """Without the active current the dendrite feels nothing else here, and its state stays at 0."""
    passive = dict(g_active_dend=0 * pA, g_active_soma=0 * pA, a_dend=0 * nS, i_background=600 * pA)
    cells = NaudInCircuit(**passive).group(2, dt=0.1 * ms, name="travels_back")
    seen = StateMonitor(cells, ["v_dend", "dendritic_state"], record=True, dt=0.1 * ms, when="end")
    network = Network(cells, seen)
    network.run(300 * ms, namespace={})
    assert seen.v_dend_.max() > -0.050 and np.abs(seen.dendritic_state).max() < 1e-9
    cells.g_exc_dend = 2.0
    network.run(20 * ms, namespace={})
    assert seen.dendritic_state[:, -200:].max() > 0.3


def test_units_of_the_two_compartments(numpy_target):
    """A conductance has the charge that the unit of its own compartment says."""
    found = []
    for unit in (40, 80):
        cells = BurstPoissonInCircuit(unit_voltage=80 * mV, unit_voltage_dend=unit * mV)
        group = cells.group(1, dt=0.1 * ms, name=f"units_{unit}")
        group.input_soma = group.input_dend = 1
        Network(group).run(0.1 * ms, namespace={})
        found.append((group.g_exc_soma_[0], group.g_exc_dend_[0]))
    (soma, half), (same, whole) = found
    assert soma == same == whole == 2 * half > 0


def test_steps_with_which_a_soma_may_run_away_are_told(caplog):
    with caplog.at_level("WARNING"):
        NaudInCircuit().check_time_step(0.5 * ms)
        assert not caplog.messages
        NaudInCircuit().check_time_step(1 * ms)
    (said,) = caplog.messages
    assert said.startswith("NaudInCircuit at dt = 1. ms: a soma runs away where its conductances exceed 31 leaks")


def test_what_cannot_be_is_refused():
    with pytest.raises(SpikedtpError, match=r"NaudInCircuit.unit_voltage must be a quantity in V"):
        NaudInCircuit(unit_voltage=80)
    with pytest.raises(SpikedtpError, match="NaudInCircuit: voltages must be in the order v_inh <= v_rest"):
        NaudInCircuit(v_rest=-40 * mV)
