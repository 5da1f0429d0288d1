"""Cells with membranes of their own: against a second implementation, and their f-I curve against what it should be."""

import numpy as np
import pytest
from brian2 import Hz, Network, SpikeMonitor, ms, prefs

from spikedtp.equations.adaptive_firing import GAIN, OFFSET
from spikedtp.errors import SpikedtpError
from spikedtp.neurons import MembraneCell, MembraneUnit, check_cell
from spikedtp.neurons.random_numbers import RANDOM_NUMBERS

#: What a closed loop gives to the cell.
GIVEN = "nudging : 1 (shared)\nacting : 1"


def spikes_of(cell, drive, rate, n_steps, **started):
    """(n_steps, n) bool: spikes of cells whose somatic current is held at `drive`, and the cells."""
    prefs.codegen.target = "numpy"
    given = f"{GIVEN}\nheld : 1 (constant)\ninhibited : 1 (constant)"
    group = cell.group(len(drive), equations=given, dt=1 * ms, name="membranes", method="euler")
    group.unit_rate = rate
    current = "i_soma" if cell.synapses == "currents" else "excited_soma"
    also = "\ninhibited_soma = inhibited" if "inhibited_soma" in started else ""
    group.run_regularly(f"{current} = held{also}", when="before_thresholds", order=-1)
    group.held, group.inhibited = started.pop("excited_soma", drive), started.pop("inhibited_soma", 0.0)
    for name, values in started.items():
        group.state(name)[:] = values
    seen = SpikeMonitor(group)
    net = Network(group, *group.contained_objects, seen)
    net.run(n_steps * ms)
    raster = np.zeros((n_steps, len(drive)), bool)
    raster[np.round(seen.t / ms).astype(int), seen.i] = True
    return raster


def second_implementation(cell, drive, rate, n_steps, v):
    """The docstring's equations, for a drive that does not change and without noise."""
    dt, tau, tau_a, rest = 1.0, *(float(t / ms) for t in (cell.tau_membrane, cell.tau_adaptation, cell.t_refractory))
    theta, jump = cell.threshold_membrane, 1 / (rate * tau_a / 1000)
    gain, offset = GAIN[cell.conductances] * (1 + rate * theta * tau / 1000), OFFSET * (jump + theta)
    opening = drive / (cell.v_excitation - 1) / theta
    v, a, free_from = v.copy(), np.zeros_like(v), np.zeros(len(v), int)
    raster = np.zeros((n_steps, len(v)), bool)
    for k in range(n_steps):
        a *= np.exp(-dt / tau_a)
        if cell.synapses == "currents":
            moved = v + (1 - np.exp(-dt / tau)) * (theta + gain * drive - offset - a - v)
        else:
            leak = 1 + gain * opening  # an implicit step: what is left of the old voltage, and where it is drawn to
            moved = (v * tau / dt + leak * theta + gain * drive - offset - a) / (tau / dt + leak)
        v = np.where(k >= free_from, moved, v)
        fires = (v >= theta) & (k >= free_from)
        raster[k] = fires
        v, a, free_from[fires] = v - theta * fires, a + jump * fires, k + 1 + round(rest)
    return raster


@pytest.mark.parametrize("synapses", ["currents", "conductances"])
def test_spikes_are_those_of_a_second_implementation(synapses):
    rng, theta = np.random.default_rng(3), 0.2
    cell = MembraneCell(
        noise=0.0, threshold_membrane=theta, synapses=synapses, tau_membrane=15 * ms, t_refractory=2 * ms
    )  # fmt: skip
    drive, v = rng.uniform(-0.2, 4, 60), rng.uniform(0, theta, 60)
    drive = drive.clip(0) if synapses == "conductances" else drive
    found = spikes_of(cell, drive, 80 * Hz, 400, membrane=v)
    wanted = second_implementation(cell, drive, 80.0, 400, v)
    assert found.sum() > 1000
    assert (found != wanted).mean() < 1e-3  # rounding moves a spike to the next step here and there
    assert np.abs(found.sum(0) - wanted.sum(0)).max() <= 1


ACTIVITIES = np.array([0.05, 0.1, 0.2, 0.5, 1.0, 1.5])


def rates_at(cell, unit_rate, activities, inhibition=0.0, n_cells=60):
    """Firing rates in units of activity, of `n_cells` cells for each activity."""
    drive = np.repeat(activities, n_cells)
    started = {"excited_soma": drive + inhibition, "inhibited_soma": -inhibition} if inhibition else {}
    raster = spikes_of(cell, drive, unit_rate * Hz, 2500, **started)[500:]
    return raster.mean(0).reshape(len(activities), -1).mean(1) * 1000 / unit_rate


@pytest.mark.parametrize("case", range(6))
def test_rate_follows_the_activity(case):
    """To within 12 % and one spike in a second, in random cells. A cell that is not driven hardly fires."""
    rng = np.random.default_rng(case)
    unit_rate = rng.uniform(50, 120)
    cell = MembraneCell(
        tau_adaptation=rng.uniform(60, 150) * ms, tau_membrane=rng.uniform(10, 20) * ms,
        threshold_membrane=rng.uniform(0.01, 0.05), t_refractory=rng.integers(3) * ms,
    )  # fmt: skip
    found = rates_at(cell, unit_rate, np.append(ACTIVITIES, [0, -0.2]))
    wanted = ACTIVITIES
    assert (np.abs(found[:-2] - wanted) < 0.12 * wanted + 1 / unit_rate).all(), found[:-2] / wanted
    assert found[-2] < 0.01
    assert found[-1] == 0


def test_without_noise_small_activities_are_silent():
    cell = MembraneCell(noise=0.0)
    offset = OFFSET * (1 / 6 + cell.threshold_membrane)
    below, above = rates_at(cell, 100, np.array([0.5, 1.5]) * offset)
    assert below == 0
    assert above > 0.2 * offset


@pytest.mark.parametrize("inhibition", [0.0, 1.0, 4.0])
def test_rate_follows_the_activity_with_conductances(inhibition):
    """Open synapses that cancel draw the membrane to its threshold, and must not make it fire."""
    cell = MembraneCell(synapses="conductances")
    found = rates_at(cell, 100, np.append(ACTIVITIES, 0.0), inhibition)
    np.testing.assert_allclose(found[:-1], ACTIVITIES, rtol=0.15)
    assert found[-1] < 0.01


@pytest.mark.parametrize("case", range(5))
def test_near_zero_rates_do_not_depend_on_what_is_open(case):
    """Those of the same cell with currents, in random cells and with any inhibition that cancels."""
    rng = np.random.default_rng(case)
    unit_rate, inhibition, small = rng.uniform(25, 100), 10 ** rng.uniform(-2, 1), np.array([0.02, 0.05, 0.1])
    settings = dict(tau_membrane=rng.uniform(10, 20) * ms, threshold_membrane=rng.uniform(0.01, 0.05))
    wanted = rates_at(MembraneCell(**settings), unit_rate, small, n_cells=200)
    found = rates_at(MembraneCell(**settings, synapses="conductances"), unit_rate, small, inhibition, n_cells=200)
    np.testing.assert_allclose(found, wanted, rtol=0.2, atol=0.005)


def test_dendrites_stay_between_their_reversal_potentials():
    """Whatever opens, and the mean of currents where little does: excitation and inhibition from 1e-3 to 1e6."""
    prefs.codegen.target = "numpy"
    rng, cell = np.random.default_rng(0), MembraneCell(synapses="conductances")
    given = f"{GIVEN}\nopens : 1 (constant)\nshuts : 1 (constant)"
    group = cell.group(300, equations=given, dt=1 * ms, name="dendrites", method="euler")
    group.run_regularly("excited_dend = opens\ninhibited_dend = -shuts", when="before_thresholds", order=-1)
    opens, shuts = 10 ** rng.uniform(-3, 6, (2, 300))
    group.opens, group.shuts, group.v_dend = opens, shuts, rng.uniform(-2, 3, 300)
    net = Network(group, *group.contained_objects)
    net.run(20 * ms)
    assert (np.abs(group.v_dend - 0.5) <= 2.5).all()
    net.run(400 * ms)
    ends = (opens - shuts) / (1 + opens / cell.v_excitation_dend - shuts / cell.v_inhibition_dend)
    np.testing.assert_allclose(group.v_dend, ends, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("opening", [None, 0.0, 3.0])
def test_noise_has_the_stated_size(opening):
    """Cells far below threshold: standard deviation, and correlation over one time constant of the membrane.

    With conductances it is that of the membrane times its conductance, for any opening.
    """
    prefs.codegen.target = "numpy"
    cell = MembraneCell(noise=0.5, synapses="currents" if opening is None else "conductances")
    group = cell.group(400, equations=f"{GIVEN}\nhalf : 1", dt=1 * ms, name="noisy", method="euler")
    group.unit_rate, group.bias = 100 * Hz, -3
    if opening is None:
        group.i_soma = -3
    else:  # excitation and inhibition that cancel
        held = "excited_soma = half\ninhibited_soma = -half"
        group.run_regularly(held, when="before_thresholds", order=-1)
        gain = GAIN[True] * (1 + 100 * cell.threshold_membrane * float(cell.tau_membrane / ms) / 1000)
        each = 1 / (cell.v_excitation - 1) + 1 / (1 - cell.v_inhibition)
        group.half = opening * cell.threshold_membrane / each / gain
    net = Network(group, *group.contained_objects)
    net.run(200 * ms)
    before = np.array(group.membrane[:])
    net.run(20 * ms)
    after = np.array(group.membrane[:])
    jump = 1 / (100 * float(cell.tau_adaptation / ms) / 1000)
    sd = 0.5 * OFFSET * (jump + cell.threshold_membrane)
    assert after.std() * (1 + (opening or 0.0)) == pytest.approx(sd, rel=5 / np.sqrt(2 * 400))
    assert np.corrcoef(before, after)[0, 1] == pytest.approx(np.exp(-1), abs=5 / np.sqrt(400))


def test_kicks_are_independent():
    """Mean 0, variance 1, and no correlation between cells or steps beyond what chance leaves."""
    kick, rng = RANDOM_NUMBERS["kick"].pyfunc, np.random.default_rng(0)
    n, steps = 500, 2000
    kicks = np.array([kick(np.arange(n), int(rng.random() * 2147483647)) for _ in range(steps)])
    assert abs(kicks.mean()) < 4 / np.sqrt(kicks.size)
    assert kicks.var() == pytest.approx(1, abs=0.01)
    among = np.corrcoef(kicks.T)[np.triu_indices(n, 1)] * np.sqrt(steps)
    assert among.std() == pytest.approx(1, abs=0.02)
    assert np.abs(among).max() < 6
    later = (kicks[1:] * kicks[:-1]).mean(0) * np.sqrt(steps)
    assert np.abs(later).max() < 5


def test_contract():
    for cell in (MembraneCell(), MembraneCell(noise=0.0), MembraneCell(synapses="conductances")):
        assert check_cell(cell) == ("closed",)
        assert isinstance(cell.unit(), MembraneUnit)
        assert cell.unit().synapses == cell.synapses


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"noise": -0.1}, "MembraneCell.noise must be at least 0"),
        ({"threshold_membrane": 0.0}, "threshold_membrane must be above 0"),
        ({"tau_membrane": 20}, "tau_membrane must be a quantity"),
        ({"v_inhibition": 0.5}, "v_inhibition must be at most 0"),
        ({"input_firing": "noise"}, "input_firing"),
        ({"synapses": "channels"}, "synapses"),
    ],
)
def test_mistakes(wrong, message):
    with pytest.raises(SpikedtpError, match=message):
        MembraneCell(**wrong)
