"""Counts of a step against renewal theory, and against units that are integrated in finer steps."""

import numpy as np
import pytest

from spikedtp.equations.firing import LEAST_LIF_RATE
from spikedtp.neurons import NudgedCell
from spikedtp.planning.closed_loop.counts import COUNTS, Expected

ROWS, UNIT_RATE = 6000, 400.0  # Hz


def counts(name, n, units=1, rows=ROWS, seed=0):
    rng = np.random.default_rng(seed)
    return COUNTS[name](NudgedCell(firing=name), np.full(n, UNIT_RATE), np.full(n, units), rng, rows)


@pytest.mark.parametrize("units", [1, 4])
@pytest.mark.parametrize("step", [0.002, 0.005, 0.02])
def test_poisson_with_dead_time(units, step):
    activity = np.array([0.0, 0.02, 0.3, 1.0, 2.0, 9.0], np.float32)
    counted = counts("poisson", 6, units)(np.tile(activity, (ROWS, 1)), step)
    rate = np.minimum(activity * UNIT_RATE, 950)
    variance = rate * (1 - rate * 1e-3) ** 2 / (units * step * UNIT_RATE**2)
    assert not counted[:, 0].any() and (counted >= 0).all()
    np.testing.assert_allclose(counted.mean(axis=0), rate / UNIT_RATE, atol=5 * np.sqrt(variance.max() / ROWS))
    spikes = counted * (units * step * UNIT_RATE)
    np.testing.assert_allclose(spikes, np.round(spikes), atol=1e-3)
    # a share of that of Poisson numbers: short steps cannot hold a long train's regularity
    without = rate / (units * step * UNIT_RATE**2)
    allowed = 0.1 * without + (0.2 * without if step < 0.005 and units == 1 else 0)
    assert (np.abs(counted.var(axis=0) - variance) <= allowed + 1e-12).all()


def course(rng, n_steps, rows, n, lowest=0.0):
    """Activities that change from step to step."""
    return np.abs(np.cumsum(rng.normal(0, 0.1, (n_steps, rows, n)), axis=0)).astype(np.float32) + np.float32(lowest)


@pytest.mark.parametrize("name", ["regular", "lif"])
@pytest.mark.parametrize("units", [1, 3])
def test_units_count_as_in_fine_steps(name, units):
    rng = np.random.default_rng(5)
    courses = course(rng, 30, 50, 4)
    coarse, fine = counts(name, 4, units, rows=50), counts(name, 4, units, rows=50)
    assert np.array_equal(coarse.state, fine.state)
    for activity in courses:
        once = coarse(activity, 0.005)
        often = np.mean([fine(activity, 0.001) for _ in range(5)], axis=0)
        off = np.abs(once - often) * units * UNIT_RATE * 0.005  # spikes
        assert np.isfinite(once).all() and (off < 0.01).mean() > 0.97  # one on the edge of a step by rounding


def test_lif_units_are_those_of_the_simulation():
    """The equations of `spikedtp.equations.firing.lif`, in steps of .2 ms in which at most one spike comes."""
    rng = np.random.default_rng(2)
    n, tau, dt = 4, 0.02, 2e-4
    courses, mine = course(rng, 25, 40, n, 0.05), counts("lif", n, rows=40)
    membrane, total, expected = mine.state.astype(float), 0, 0
    for activity in courses:
        total = total + mine(activity, 0.005) * UNIT_RATE * 0.005
        rate = np.minimum(activity * UNIT_RATE, 950).astype(float)
        drive = 1 / -np.expm1(-1 / np.maximum(rate * tau, LEAST_LIF_RATE))
        for _ in range(25):
            moved = drive + (membrane - drive) * np.exp(-dt / tau)
            membrane = np.where(rate * tau > LEAST_LIF_RATE, moved, membrane)
            fires = membrane >= 1
            membrane = np.where(fires, drive * (membrane - 1) / (drive - 1), membrane)
            expected = expected + fires
    assert total.sum() > 1000
    np.testing.assert_allclose(total, expected, atol=1.01)
    assert abs(total.sum() / expected.sum() - 1) < 0.005


def test_slow_units_wait_and_no_number_is_lost():
    mine = counts("lif", 3, rows=20)
    slow = np.full((20, 3), 0.9 * LEAST_LIF_RATE / 0.02 / UNIT_RATE, np.float32)
    before = mine.state.copy()
    assert not mine(slow, 0.01).any() and np.array_equal(mine.state, before)
    mine.state[:] = 1.0  # at threshold, where a slow drive is no higher
    assert np.isfinite(mine(np.float32(1.2) * slow, 0.01)).all() and np.isfinite(mine.state).all()


def test_without_noise_a_rate_is_what_it_asks_for():
    model = NudgedCell()
    expected = Expected(model, np.full(2, UNIT_RATE), np.ones(2, int), np.random.default_rng(0), 1)
    np.testing.assert_allclose(expected(np.array([[0.4, 5.0]], np.float32), 0.005), [[0.4, 950 / UNIT_RATE]])
