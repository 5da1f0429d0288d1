"""Drawn sums over random spikes against trains that are made interval by interval, for random courses of the rate."""

import numpy as np
import pytest

from spikedtp.compare.draws import FEW_SPIKES, _drawn_sums

N_STEPS, N_DRAWS = 300, 4000


def course(rng, spikes):
    """Expected spikes of every step, `(N_STEPS,)`: slow waves, as activities are."""
    phase, depth = rng.uniform(0, 2 * np.pi), rng.uniform(0.2, 0.9)
    wave = 1 + depth * np.sin(2 * np.pi * np.arange(N_STEPS) / N_STEPS * rng.uniform(0.5, 2) + phase)
    return wave * spikes / wave.sum()


def train_by_train(basis, expected, dead_steps, rng):
    """One long sum after the other: intervals are a dead time and a wait for the hazard of the free time."""
    fine = 20
    rate = np.repeat(expected / fine, fine)
    hazard = rate / (1 - rate * fine * dead_steps)
    sums = np.zeros((N_DRAWS, len(basis)))
    left, free = rng.exponential(size=N_DRAWS), np.zeros(N_DRAWS)
    for step, now in enumerate(hazard):
        left -= now * (step >= free)
        fires = left <= 0
        sums[fires] += basis[:, step // fine]
        left[fires], free[fires] = rng.exponential(size=fires.sum()), step + 1 + round(dead_steps * fine)
    return sums


@pytest.mark.parametrize(("spikes", "dead_steps"), [(3, 1.0), (12, 1.0), (27, 2.5), (60, 1.5)])
def test_trains_with_dead_time(spikes, dead_steps):
    rng = np.random.default_rng(spikes)
    expected = course(rng, spikes)
    assert (expected * dead_steps).max() < 0.6
    t = np.arange(N_STEPS)
    basis = np.array([np.ones(N_STEPS), np.exp((t - N_STEPS) / 60), (t > 200).astype(float)])
    fano = (1 - expected * dead_steps) ** 2
    drawn = _drawn_sums(basis, expected[:, None], fano[:, None], dead_steps, rng, 20 * N_DRAWS)[:, :, 0].T
    made = train_by_train(basis, expected, dead_steps, rng)
    error = made.std(axis=0) / np.sqrt(N_DRAWS)
    np.testing.assert_allclose(
        drawn.mean(axis=0), made.mean(axis=0), atol=0, rtol=0.02 + 4 * (error / made.mean(0)).max()
    )
    ratio = np.cov(drawn.T) / np.cov(made.T)
    np.testing.assert_allclose(ratio, 1, atol=4 * np.sqrt(2 / N_DRAWS) + (0.05 if spikes > FEW_SPIKES else 0.0))
    assert np.var(drawn[:, 0]) < (1 - dead_steps * spikes / N_STEPS) * spikes  # without dead time it is `spikes`


@pytest.mark.parametrize("cells", [2, 7, 50])
def test_cells_share_the_noise(cells):
    rng = np.random.default_rng(cells)
    expected = np.stack([course(rng, spikes) for spikes in (0.3, 9, 25)], axis=1)
    basis, fano = np.ones((1, N_STEPS)), (1 - expected) ** 2
    alone = _drawn_sums(basis, expected, fano, 1.0, rng, 20_000)[0]
    shared = _drawn_sums(basis, expected, fano, 1.0, rng, 20_000, cells)[0]
    np.testing.assert_allclose(shared.mean(axis=0), alone.mean(axis=0), rtol=0.06)
    np.testing.assert_allclose(alone.var(axis=0) / shared.var(axis=0), cells, rtol=0.12)


def test_silent_cells_count_nothing():
    drawn = _drawn_sums(np.ones((2, 5)), np.zeros((5, 3)), np.ones((5, 3)), 1.0, np.random.default_rng(0), 4)
    assert drawn.shape == (2, 4, 3) and not drawn.any()
