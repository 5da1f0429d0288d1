"""Measures from factors are those of `similarity` on matrices, for random changes of every form."""

import numpy as np
import pytest

from spikedtp.compare import similarity
from spikedtp.planning.measures import measures, together
from spikedtp.plasticity import Factors

N_POST, N_PRE = 7, 5


def case(seed, n_draws, *, masked, decay, noise=0.5):
    rng = np.random.default_rng(seed)
    post, pre = rng.standard_normal(N_POST), rng.random(N_PRE) + 0.2

    def noisy(vector):
        return vector + noise * rng.standard_normal((1, n_draws, len(vector)))

    gain = tuple((noisy(post), noisy(pre)) for _ in range(rng.integers(1, 3)))
    remembered = rng.standard_normal(N_POST)  # no axis of draws
    terms = ((remembered, noisy(pre)), (noisy(post), noisy(pre))) if decay else ()
    exists = rng.random((N_POST, N_PRE)) < 0.6 if masked else None
    reference = np.outer(post, pre) + 0.2 * rng.standard_normal((N_POST, N_PRE))
    return reference, Factors(gain, terms), rng.standard_normal((N_POST, N_PRE)), exists


def dense(drawn, weight, n_draws):
    def one(v, k):
        return v[0, k] if v.ndim == 3 else v

    return np.array(
        [Factors(*(tuple((one(a, k), one(b, k)) for a, b in p) for p in drawn)).dense(weight) for k in range(n_draws)]
    )


@pytest.mark.parametrize("seed", range(12))
def test_the_same_as_synapse_by_synapse(seed):
    masked, decay, repeats = seed % 2 == 1, seed % 3 == 1, 1 + seed % 4
    reference, drawn, weight, exists = case(seed, 24, masked=masked, decay=decay)
    found = measures(reference, drawn, weight, exists, repeats)
    there = np.ones_like(reference, bool) if exists is None else exists
    changes = dense(drawn, weight, 24)
    means = [changes[few].mean(axis=0) for few in together(24, repeats)]
    expected = [similarity(reference[there], mean[there]) for mean in means]
    for name in ("cosine", "pearson_r"):
        np.testing.assert_allclose(getattr(found, name), [row[name] for row in expected], atol=1e-10)
    np.testing.assert_allclose(found.sign_agreement, [row["sign_agreement"] for row in expected])


@pytest.mark.parametrize("seed", range(6))
def test_signs_of_one_outer_product_need_no_matrix(seed):
    rng = np.random.default_rng(seed)
    reference, _, weight, exists = case(seed, 24, masked=seed % 2 == 1, decay=False)
    reference *= rng.random(reference.shape) < 0.8
    drawn = Factors(((rng.integers(-1, 3, (1, 24, N_POST)) * 0.5, rng.integers(-1, 2, (1, 24, N_PRE)) * 2.0),))
    there = np.ones_like(reference, bool) if exists is None else exists
    expected = [similarity(reference[there], change[there])["sign_agreement"] for change in dense(drawn, weight, 24)]
    np.testing.assert_allclose(measures(reference, drawn, weight, exists, 1).sign_agreement, expected)


def test_every_draw_is_in_some_means():
    n_draws, repeats = 400, 5
    chosen = np.array(list(together(n_draws, repeats)))
    assert chosen.shape == (n_draws, repeats)
    assert all(len(set(few)) == repeats for few in chosen.tolist())
    counts = np.bincount(chosen.ravel(), minlength=n_draws)
    assert counts.mean() == repeats and 0.8 * repeats < counts.var() < 1.2 * repeats  # as by chance


def test_a_change_of_nothing_is_not_a_number():
    reference, drawn, weight, _ = case(0, 8, masked=False, decay=False)
    nothing = measures(np.zeros_like(reference), drawn, weight, None, 1)
    assert np.isnan(nothing.cosine).all() and np.isnan(nothing.sign_agreement).all()
    silent = Factors(((np.zeros((1, 8, N_POST)), np.zeros((1, 8, N_PRE))),))
    assert np.isnan(measures(reference, silent, weight, None, 1).cosine).all()
