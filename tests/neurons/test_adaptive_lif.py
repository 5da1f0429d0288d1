"""The contract in all its forms; what the networks of a circuit give to its synapses; adaptation and noise."""

from __future__ import annotations

import numpy as np
import pytest
from brian2 import Network, SpikeMonitor, StateMonitor, mmolar, ms, mV, nS, pA, pF, seed
from neurons.in_loops import spikes_in_networks
from neurons.linear_cells import run_linear

from spikedtp import SpikedtpError
from spikedtp.neurons import (
    AdaptiveLIF,
    BurstPoissonInCircuit,
    NaudInCircuit,
    NMDAPlateau,
    TwoCompartmentLIF,
    check_cell,
)

FORMS = {
    "conductances": {},
    "rising": {"tau_rise_ampa": 1 * ms, "tau_rise_gaba": 10 * ms},
    "NMDA": {"nmda_share": 0.5},
    "currents": {"synapses": "currents"},
    "adaptation and noise": {
        "b": 20 * pA,
        "noise_sd_soma": 10 * pA,
        "noise_sd_dend": 10 * pA,
        "noise_mean_dend": 5 * pA,
    },
}


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_its_contract(form):
    assert check_cell(AdaptiveLIF(**form)) == ("open", "closed")


@pytest.mark.parametrize("compartment", ["soma", "dend"])
@pytest.mark.parametrize("form", [{"synapses": "currents"}, {}, {"tau_rise_ampa": 2 * ms}, {"nmda_share": 0.4}])
def test_a_spike_of_a_circuit_carries_the_charge_of_the_other_cell(form, compartment):
    """Weak excitation at rest: the same area of the voltages as those of `TwoCompartmentLIF`."""
    form = form | {"magnesium": 0 * mmolar, "tau_nmda": 40 * ms}  # the charge of NMDA is counted without its block
    areas = []
    for cell in (TwoCompartmentLIF(), AdaptiveLIF(**form)):
        results, _ = run_linear(cell, [0], [[1e-3]], dt=0.5 * ms, compartment=compartment)
        areas.append(
            [np.sum(results.traces[v][0, :, 0] - float(cell.v_rest), dtype=float) for v in ("v_soma", "v_dend")]
        )
    np.testing.assert_allclose(areas[1], areas[0], rtol=5e-3)


def test_a_weight_below_0_inhibits_through_gaba(numpy_target):
    cells = AdaptiveLIF().group(1, dt=0.5 * ms, name="inhibited")
    cells.run_regularly("input_dend += -2*int(t_in_timesteps == 2)", when="synapses", dt=0.5 * ms)
    seen = StateMonitor(cells, ["gaba_dend", "ampa_dend", "v_dend"], record=True, dt=0.5 * ms)
    Network(cells, seen).run(20 * ms, namespace={})
    assert seen.gaba_dend_.max() > 0 == seen.ampa_dend_.max()
    assert -0.08 < seen.v_dend_.min() < -0.071


def test_reset_and_refractory_time(numpy_target):
    """The voltage is at its reset from the spike until the refractory time has passed, and moves in the next step."""
    cells = AdaptiveLIF(t_refractory=1 * ms, g_coupling=0 * nS).group(1, dt=0.25 * ms, name="refractory")
    cells.i_soma = 500 * pA
    seen = StateMonitor(cells, "v_soma", record=True, dt=0.25 * ms, when="before_synapses", order=1)
    spikes = SpikeMonitor(cells)
    Network(cells, seen, spikes).run(30 * ms, namespace={})
    first = round(float(spikes.t_[0]) / 0.25e-3)
    assert np.all(seen.v_soma_[0, first : first + 5] == -0.068) and seen.v_soma_[0, first + 5] > -0.068


def test_noise_is_drawn_anew_and_seeded(numpy_target):
    found = []
    for start in (1, 1, 2):
        seed(start)
        cells = AdaptiveLIF(noise_sd_soma=30 * pA).group(3, dt=0.5 * ms, name=f"noisy_{len(found)}")
        Network(cells).run(20 * ms, namespace={})
        found.append(cells.v_soma_[:].copy())
    assert np.array_equal(found[0], found[1]) and not np.any(found[0] == found[2])
    assert len(set(found[0])) == 3


def test_without_noise_no_numbers_are_drawn():
    assert "randn" not in AdaptiveLIF().declaration().update


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"synapses": "currents", "nmda_share": 0.3}, "AdaptiveLIF.nmda_share = 0.3 needs NMDA, and synapses="),
        ({"synapses": "voltages"}, "unknown synapses of AdaptiveLIF 'voltages': known are conductances, currents"),
        ({"synapses": None}, "unknown synapses of AdaptiveLIF 'None'"),
        ({"v_reset": -60 * mV}, r"AdaptiveLIF.v_reset = -60. mV must be below v_threshold = -60. mV"),
        ({"nmda_share": 1.5}, "AdaptiveLIF.nmda_share must be at most 1.0, got 1.5"),
    ],
)
def test_what_cannot_be_is_refused(changes, words):
    with pytest.raises(SpikedtpError, match=words):
        AdaptiveLIF(**changes)


def test_a_time_step_too_long_is_refused():
    with pytest.raises(SpikedtpError, match=r"AdaptiveLIF.tau_dend = .* must be longer than the time step dt = 1. ms"):
        AdaptiveLIF(c_dend=10 * pF).group(1, dt=1 * ms)
    with pytest.raises(SpikedtpError, match=r"AdaptiveLIF.t_refractory = 2. ms must be a whole number of time steps"):
        AdaptiveLIF().group(1, dt=0.3 * ms)


@pytest.mark.parametrize(
    "cell",
    [
        AdaptiveLIF(nmda_share=0.5, b=5 * pA, noise_sd_soma=10 * pA),
        AdaptiveLIF(synapses="currents"),
        NMDAPlateau(),
        NaudInCircuit(),
        BurstPoissonInCircuit(),
    ],
    ids=["adaptive", "currents", "NMDA", "Naud", "Burst-Poisson"],
)
def test_cells_fire_in_every_network(cell):
    assert min(spikes_in_networks(cell).values()) >= 4
