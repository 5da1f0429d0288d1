"""The burst cells with the inputs of a circuit: the cells themselves are the same, a time step later."""

from __future__ import annotations

import numpy as np
import pytest
from brian2 import Network, SpikeMonitor, StateMonitor, TimedArray, ms, mV, nA, seed

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


def test_what_cannot_be_is_refused():
    with pytest.raises(SpikedtpError, match=r"NaudInCircuit.unit_voltage must be a quantity in V"):
        NaudInCircuit(unit_voltage=80)
    with pytest.raises(SpikedtpError, match="NaudInCircuit: voltages must be in the order v_inh <= v_rest"):
        NaudInCircuit(v_rest=-40 * mV)
