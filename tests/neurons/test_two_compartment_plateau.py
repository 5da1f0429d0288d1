"""The cell with plateau potentials: when they begin and end, what they do to both compartments, and what is refused."""

from dataclasses import replace

import numpy as np
import pytest
from brian2 import Network, StateMonitor, ms, mV, nS, prefs, seed

from spikedtp.errors import SpikedtpError
from spikedtp.neurons import TwoCompartmentLIF, TwoCompartmentPlateau, check_cell

CELL = TwoCompartmentPlateau()


def run(cell, code, duration=1500, dt=1 * ms):
    """Plateau, dendrite and soma (mV) in each step of a cell whose input is set by `code`."""
    target, prefs.codegen.target = prefs.codegen.target, "numpy"
    try:
        seed(1)
        group = cell.group(1, dt=dt)
        if code:
            group.run_regularly(code, when="synapses", dt=dt)
        names = ("plateau", "v_dend", "v_soma") if isinstance(cell, TwoCompartmentPlateau) else ("v_dend", "v_soma")
        monitor = StateMonitor(group, names, record=True, dt=dt, when="end")
        Network(group, monitor).run(duration * ms)
    finally:
        prefs.codegen.target = target
    return [np.asarray(getattr(monitor, name))[0] for name in names]


def begins(plateau):
    return np.flatnonzero(np.diff(plateau, prepend=0) > 0)


@pytest.mark.parametrize("dt", [1, 0.5, 0.1])
def test_a_plateau_lasts_300_ms_whatever_the_step(dt):
    plateau, dend, soma = run(CELL, "input_dend = 60*int(abs(t - 200*ms) < dt/4)*ms/dt*0.1", 800, dt * ms)
    assert plateau.sum() * dt == pytest.approx(300) and len(begins(plateau)) == 1
    assert abs(begins(plateau)[0] * dt - 200) <= 2
    late = slice(round(400 / dt), round(499 / dt))  # steady by then, but for the soma's spikes
    expected = (-700 + 2 * soma[late].mean() * 1e3 + 20 * 0) / 32
    assert dend[late].mean() * 1e3 == pytest.approx(expected, abs=0.1)
    spikes = np.flatnonzero(np.diff(soma) < -5e-3)
    assert len(spikes) > 3 and (plateau[spikes] == 1).mean() > 0.7  # it makes the soma fire
    np.testing.assert_allclose([dend[-1], soma[-1]], -0.07, atol=1e-3)


def test_there_is_a_pause_between_plateaus():
    plateau, *_ = run(CELL, "input_dend = 1", 2000)  # strong input all the time
    starts = begins(plateau)
    assert len(starts) == 4 and (np.diff(starts) >= 500).all() and (np.diff(starts) <= 502).all()


def test_without_a_plateau_it_is_the_cell_without():
    code = "input_dend = 0.15*int(rand() < 0.3)\ninput_soma = 0.3*int(rand() < 0.3)"
    plateau, *ours = run(CELL, code)
    assert plateau.max() == 0 and (np.diff(ours[1]) < -5e-3).sum() > 3
    np.testing.assert_allclose(ours, run(TwoCompartmentLIF(), code), atol=1e-12)


def test_the_contract():
    check_cell(CELL)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"t_plateau": 0 * ms}, "TwoCompartmentPlateau.t_plateau must be above 0. s"),
        ({"t_plateau": 300}, "TwoCompartmentPlateau.t_plateau must be a quantity in s"),
        ({"t_pause": -1 * ms}, "TwoCompartmentPlateau.t_pause must be at least 0. s"),
        ({"g_plateau": 0 * nS}, "TwoCompartmentPlateau.g_plateau must be above 0. S"),
        (
            {"v_plateau_threshold": -80 * mV},
            "v_plateau_threshold = -80. mV must lie between v_rest = -70. mV and v_plateau",
        ),
        (
            {"v_plateau": -45 * mV},
            "v_plateau_threshold = -40. mV must lie between v_rest = -70. mV and v_plateau = -45. mV",
        ),
        ({"v_reset": -50 * mV}, "TwoCompartmentPlateau.v_reset = -50. mV must be below v_threshold"),
    ],
)
def test_mistakes_are_named(given, words):
    with pytest.raises(SpikedtpError, match=words):
        TwoCompartmentPlateau(**given)


def test_its_time_step():
    with pytest.raises(
        SpikedtpError, match=r"t_plateau = 300\. ms must be a whole number of time steps of dt = 0\.7 ms"
    ):
        replace(CELL, t_refractory=0 * ms).check_time_step(0.7 * ms)
    with pytest.raises(SpikedtpError, match=r"tau_plateau = 6\.25 ms must be longer than the time step"):
        replace(CELL, t_refractory=0 * ms).check_time_step(7 * ms)
