"""Plateaus from conductances: what the cell says of itself, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest
from brian2 import Network, SpikeMonitor, StateMonitor, mmolar, ms, mV, nS

from spikedtp import SpikedtpError
from spikedtp.neurons import NMDAPlateau, check_cell


def test_its_contract():
    assert check_cell(NMDAPlateau()) == ("open", "closed")


def test_the_turns_of_the_curve_by_hand():
    """Jahr and Stevens' block and the rectifier on a grid, written down anew."""
    v = np.arange(-83, -2, 1e-4)
    open_share, kir = 1 / (1 + np.exp(-0.062 * v) / 3.57), 12 / (1 + np.exp((v + 80) / 10))
    g = ((2 + 2 * 5 / 7) * (v + 70) + kir * (v + 90)) / (open_share * -v)
    up, down = np.flatnonzero(np.diff(np.sign(np.diff(g)))) + 1
    found = NMDAPlateau().bistability()
    assert [float(x / nS) for x in (found.g_up, found.g_down)] == pytest.approx([g[up], g[down]], rel=1e-7)
    assert [float(x / mV) for x in (found.v_up, found.v_down)] == pytest.approx([v[up], v[down]], abs=2e-3)
    high = v[down:][np.argmin(np.abs(g[down:] - 30))]
    assert float(NMDAPlateau().height(30 * nS) / mV) == pytest.approx(high, abs=1e-3)
    assert float(NMDAPlateau().holding(-50 * mV) / nS) == pytest.approx(np.interp(-50, v, g), rel=1e-6)


def test_it_begins_at_rest(numpy_target):
    cells = NMDAPlateau().group(1, dt=0.5 * ms, name="resting_plateau_cell")
    soma, dend = cells.v_soma_[0], cells.v_dend_[0]
    Network(cells).run(50 * ms, namespace={})
    assert cells.v_soma_[0] == pytest.approx(soma, abs=1e-9) and cells.v_dend_[0] == pytest.approx(dend, abs=1e-9)
    assert cells.in_plateau[0] == 0


def test_a_plateau_makes_the_soma_fire_and_inhibition_ends_it(numpy_target):
    cells = NMDAPlateau(v_threshold=-62 * mV).group(2, dt=0.5 * ms, name="ended_plateaus")
    cells.nmda_dend = 120 * nS
    cells.run_regularly("gaba_dend += 300*nS*i*int(t_in_timesteps == 160)", when="synapses", dt=0.5 * ms)
    seen, spikes = StateMonitor(cells, "in_plateau", record=True, dt=0.5 * ms), SpikeMonitor(cells)
    Network(cells, seen, spikes).run(300 * ms, namespace={})
    long, short = seen.in_plateau.sum(axis=1) / 2
    assert long > 200 and 75 < short < 130
    assert spikes.count[0] > spikes.count[1] > 0


@pytest.mark.parametrize("changes", [{"g_kir": 0 * nS}, {"magnesium": 0 * mmolar}, {"g_dend": 30 * nS}])
def test_without_two_states_it_says_so(changes):
    with pytest.raises(SpikedtpError, match="NMDAPlateau: each NMDA conductance has one steady voltage, so there are"):
        NMDAPlateau(**changes).bistability()


def test_no_height_below_the_end_of_plateaus():
    with pytest.raises(SpikedtpError, match=r"there is no plateau at 12. nS, but from 12.3448.* nS on"):
        NMDAPlateau().height(12 * nS)
    assert NMDAPlateau().duration(12 * nS) == 0 * ms


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"synapses": "currents"}, "a plateau needs NMDA, so synapses must be 'conductances': use AdaptiveLIF"),
        ({"v_kir": -60 * mV}, r"NMDAPlateau.v_kir = -60. mV must be below v_rest = -70. mV: it is potassium's"),
        ({"v_plateau": 10 * mV}, r"NMDAPlateau.v_plateau = 10. mV must lie between v_rest = -70. mV and v_nmda = 0. V"),
        ({"v_plateau": -75 * mV}, "must lie between v_rest"),
        ({"g_kir": -1 * nS}, r"NMDAPlateau.g_kir must be at least 0. S"),
        ({"g_kir": 12}, r"NMDAPlateau.g_kir must be a quantity in S"),
    ],
)
def test_what_cannot_be_is_refused(changes, words):
    with pytest.raises(SpikedtpError, match=words):
        NMDAPlateau(**changes)
