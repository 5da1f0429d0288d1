"""Similarity, discriminability, dimensionality: EIANN's values, scipy's, and what follows from the definitions."""

import numpy as np
import pytest
from scipy.spatial.distance import cosine

from spikedtp import SpikedtpError
from spikedtp.representations import dimensionality, discriminability, similarity


def test_eianns_values(golden):
    A = golden["activity"]
    np.testing.assert_allclose(similarity(A), golden["pattern_similarity_H1E"], rtol=1e-6, atol=1e-7)
    np.testing.assert_allclose(similarity(A, of="units"), golden["unit_similarity_H1E"], rtol=1e-6, atol=1e-7)
    np.testing.assert_allclose(discriminability(A), golden["discriminability"], rtol=1e-6, atol=1e-7)
    np.testing.assert_allclose(
        discriminability(golden["net_H1E"]), golden["net_metrics_discriminability"], rtol=1e-6, atol=2e-7
    )
    assert dimensionality(A) == pytest.approx(float(golden["dim_activity_H1E"]), rel=1e-6)
    assert dimensionality(golden["output_activity"]) == pytest.approx(float(golden["dim_activity_OutputE"]), rel=1e-6)
    for of in ("patterns", "units"):
        assert dimensionality(A, of=of) == pytest.approx(float(golden[f"dim_RSM_{of}"]), rel=1e-6)
    assert dimensionality(np.zeros((9, 4))) == 0 == float(golden["dim_activity_silent"])


@pytest.mark.parametrize("seed", range(10))
def test_drawn_counts(seed):
    rng = np.random.default_rng(seed)
    counts = rng.poisson(rng.uniform(0.3, 5), size=rng.integers(2, 30, size=2))
    found, pairs = similarity(counts), np.tril_indices(len(counts), -1)
    silent = ~counts.any(axis=1)
    for i, j in zip(*pairs, strict=True):
        expected = 0 if silent[i] or silent[j] else 1 - cosine(counts[i], counts[j])
        assert found[i, j] == found[j, i] == pytest.approx(expected, abs=1e-12)
    apart = ~(silent[pairs[0]] | silent[pairs[1]])
    np.testing.assert_allclose(discriminability(counts)[apart], 1 - found[pairs][apart])
    assert not discriminability(counts)[~apart].any()
    for scale in (1e-300, 1e300):
        np.testing.assert_allclose(similarity(counts * scale), found, atol=1e-12)
        assert dimensionality(counts * scale) == pytest.approx(dimensionality(counts), rel=1e-9)
    values = np.linalg.eigvalsh(np.atleast_2d(np.cov(counts.T)))
    expected = values.sum() ** 2 / (values**2).sum() if (values**2).sum() > 0 else 0
    assert dimensionality(counts) == pytest.approx(expected, rel=1e-9)


def test_dimensions_of_known_spaces():
    rng = np.random.default_rng(1)
    for rank in (1, 3):
        A = rng.normal(size=(4000, rank)) @ np.linalg.qr(rng.normal(size=(20, rank)))[0].T
        assert dimensionality(A) == pytest.approx(rank, rel=0.02)
    assert dimensionality(np.full((7, 3), 0.1)) == 0  # nothing varies, though means round


def test_unknown_kinds_and_single_patterns_are_refused():
    with pytest.raises(SpikedtpError, match="unknown kind of similarity 'cells': known are patterns, units"):
        similarity([[1, 2]], of="cells")
    with pytest.raises(SpikedtpError, match="unknown kind of dimensionality"):
        dimensionality([[1, 2], [2, 1]], of="cells")
    for measure in (discriminability, dimensionality):
        with pytest.raises(SpikedtpError, match="at least 2 patterns"):
            measure([[1, 2]])
