"""AdEx against its equations in plain arithmetic, and its rheobase against theory."""

import numpy as np
import pytest
from brian2 import Network, SpikeMonitor, StateMonitor, TimedArray, ms, pA

from spikedtp import SpikedtpError
from spikedtp.neurons import AdEx, check_cell

#: g_leak (nS), tau_m (ms), slope, onset, reset, refractory steps, a (nS), b (pA), tau_w (ms): published.
PUBLISHED = {
    "PV": (10, 10, 2, -70 + 20 + 2, -55, 10, 0, 0, 5),
    "SOM": (5, 20, 4, -70 + 25 / 5.5 + 4 - 4 * np.log(1.1), -65, 20, 0.5, 10, 500),
}


def by_hand(kind, currents, kicks, dt=0.1):
    """Voltages after each step (mV) and steps of spikes."""
    g_leak, tau, slope, onset, reset, refractory, a, b, tau_w = PUBLISHED[kind]
    v, w, g_e, g_i, left, course, spikes = -70.0, 0.0, 0.0, 0.0, 0, [], []
    for step, (current, kick) in enumerate(zip(currents, kicks, strict=True)):
        drive = g_e * (0 - v) + g_i * (-80 - v)
        g_e, g_i = g_e * np.exp(-dt / 5), g_i * np.exp(-dt / 10)
        change = (-70 - v + slope * np.exp((v - onset) / slope) + drive) / tau + (current - w) / (g_leak * tau)
        new = np.clip(v + dt * change, -80, 20)
        w += dt / tau_w * (a * (v + 70) - w)
        v = new
        if left:
            left, v = left - 1, -70.0
        if v > 0:
            spikes.append(step)
            v, w, left = reset, w + b, refractory
        g_e, g_i = g_e + kick[0], g_i + kick[1]
        course.append(v)
    return np.array(course), spikes


@pytest.mark.parametrize("kind", ["PV", "SOM"])
def test_every_step_by_hand(kind, numpy_target):
    rng, n = np.random.default_rng(5), 3000
    kicks = (rng.random((n, 2)) < 0.02) * (0.6, 0.3)
    currents = np.full(n, 60.0 if kind == "SOM" else 260.0)
    course, spikes = by_hand(kind, currents, kicks)
    names = {"kick_e": TimedArray(kicks[:, 0], dt=0.1 * ms), "kick_i": TimedArray(kicks[:, 1], dt=0.1 * ms)}
    cell = AdEx.kind(kind).group(1, dt=0.1 * ms, name="adex", namespace=names)
    cell.i_soma = currents[0] * pA
    kicked = cell.run_regularly("g_exc_soma += kick_e(t)\ng_inh_soma += kick_i(t)", when="synapses", dt=0.1 * ms)
    seen, fired = StateMonitor(cell, "v_soma", record=True, when="end", dt=0.1 * ms), SpikeMonitor(cell)
    Network(cell, kicked, seen, fired).run(n * 0.1 * ms, namespace={})
    assert len(spikes) > 3 and np.round(fired.t_ / 1e-4).astype(int).tolist() == spikes
    np.testing.assert_allclose(seen.v_soma_[0] * 1e3, course, atol=1e-6)


@pytest.mark.parametrize(("kind", "rheobase"), [("PV", 200.0), ("SOM", 25.0)])
def test_the_published_rheobase(kind, rheobase, numpy_target):
    cells = AdEx.kind(kind).group(2, dt=0.1 * ms, name="rheobase")
    cells.i_soma = np.array([0.98, 1.02]) * rheobase * pA
    cells.w_soma = "a*(v_onset + v_slope*log(1 + a/g_leak) - v_rest)"  # its adaptation there, which is slow to come
    fired = SpikeMonitor(cells)
    Network(cells, fired).run(1000 * ms, namespace={})
    assert fired.count[0] == 0 < fired.count[1]


def test_its_contract():
    assert check_cell(AdEx()) == ()


def test_an_unknown_kind_is_refused():
    with pytest.raises(SpikedtpError, match="PV"):
        AdEx.kind("VIP")
