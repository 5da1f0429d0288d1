"""Sparsity and selectivity: EIANN's values, and what follows from the definition for drawn activities."""

import numpy as np
import pytest

from spikedtp import SpikedtpError
from spikedtp.representations import selectivity, sparsity


def test_eianns_values(golden):
    for kind, activity in (("", "activity"), ("net_metrics_", "net_H1E")):
        A = golden[activity]
        np.testing.assert_allclose(sparsity(A), golden[f"{kind}sparsity"], rtol=1e-6, atol=1e-7)
        np.testing.assert_allclose(selectivity(A), golden[f"{kind}selectivity"], rtol=1e-6, atol=1e-7)
    A = golden["activity"]
    assert (sparsity(A)[[7, 41]] == 0).all() and (selectivity(A)[[3, 11]] == 0).all()  # silent
    assert selectivity(A)[5] == pytest.approx(1)  # active once


@pytest.mark.parametrize("seed", range(20))
def test_bounds_scale_and_symmetry(seed):
    rng = np.random.default_rng(seed)
    shape = rng.integers(2, 40, size=2)
    counts = rng.poisson(rng.uniform(0.05, 5), size=shape)
    found = sparsity(counts)
    assert ((found >= 0) & (found <= 1)).all()
    np.testing.assert_array_equal(found, selectivity(counts.T))
    for scale in (1e-200, 1 / 450, 1e200):  # activities or counts, and far beyond
        np.testing.assert_allclose(sparsity(counts * scale), found, rtol=1e-12, atol=1e-12)
    alone = np.zeros(shape)
    alone[:, 0] = rng.uniform(0.1, 9, shape[0])
    np.testing.assert_allclose(sparsity(alone), 1)
    np.testing.assert_allclose(sparsity(np.ones(shape) * alone[:, :1]), 0, atol=1e-12)


@pytest.mark.parametrize(
    ("A", "said"),
    [
        ([[1, -2]], "must not be negative here, got -2"),
        ([1, 2], r"A must be \(patterns, units\), got \(2,\)"),
        (np.ones((3, 1, 4)), "choose one repeat"),
        (np.ones((0, 4)), "at least 1 pattern and 1 unit"),
        ([[1.0, np.nan]], "not finite"),
        ([[1.0]], "needs at least 2"),
    ],
)
@pytest.mark.parametrize("measure", [sparsity, selectivity])
def test_what_is_no_activity_is_refused(measure, A, said):
    with pytest.raises(SpikedtpError, match=said):
        measure(A)
