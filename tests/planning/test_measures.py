"""Measures from factors are those of `similarity` on matrices, for random changes of every form."""

import numpy as np
import pytest

from spikedtp.compare import similarity
from spikedtp.planning.measures import measures
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
    means = dense(drawn, weight, 24).reshape(-1, repeats, N_POST, N_PRE).mean(axis=1)
    expected = [similarity(reference[there], mean[there]) for mean in means]
    for name in ("cosine", "pearson_r"):
        np.testing.assert_allclose(getattr(found, name), [row[name] for row in expected], atol=1e-10)
    counted = found.sign_agreement
    np.testing.assert_allclose(counted, [row["sign_agreement"] for row in expected[: len(counted)]])


def test_a_change_of_nothing_is_not_a_number():
    reference, drawn, weight, _ = case(0, 8, masked=False, decay=False)
    nothing = measures(np.zeros_like(reference), drawn, weight, None, 1)
    assert np.isnan(nothing.cosine).all() and np.isnan(nothing.sign_agreement).all()
    silent = Factors(((np.zeros((1, 8, N_POST)), np.zeros((1, 8, N_PRE))),))
    assert np.isnan(measures(reference, silent, weight, None, 1).cosine).all()
