"""The original Figure 3 computation, step by step: its spikes in, its voltages, traces and weight changes out."""

import numpy as np
import pytest
from spiking.figure3_samples import TARGET, X

from spikedtp.spiking import simulate


@pytest.fixture
def replayed(figure3, device):
    network, spikes, run = figure3
    response = simulate(
        network, X, TARGET, population="H2E", device=device, readout="paper", input_spikes=spikes, n_repeats=2
    )
    return response, run, spikes


def test_given_spikes_reproduce_the_published_run(replayed):
    response, run, spikes = replayed
    for repeat in range(2):
        np.testing.assert_allclose(response.v_dend["H2E"][repeat], run["dend"], atol=1e-6)
        np.testing.assert_allclose(response.v_soma["H2E"][repeat], run["soma"], atol=1e-6)
        np.testing.assert_allclose(response.eligibility["H1E"][repeat, -1], run["eligibility_last"], atol=1e-6)
        np.testing.assert_allclose(response.weight_updates["H2E_H1E"][repeat], run["spiking_dW"], atol=1e-9)
    # the tolerance of the weight change is 1e-6 of its own size
    assert np.abs(run["spiking_dW"]).max() > 5e-4
    for population, raster in spikes.items():
        np.testing.assert_array_equal(response.spikes[population][0], raster.astype(bool))


def test_poisson_inputs_fire_at_the_replayed_rates(figure3, device):
    network, _, run = figure3
    n = 20
    response = simulate(network, X, TARGET, population="H2E", device=device, n_repeats=n, record=("spikes",), seed=3)
    timeline = response.spec.timeline
    for population, lag in (("H1E", 0), ("OutputE", 0), ("H2DendI", 20)):
        rate = np.clip(450 * timeline.interpolate(run[f"activity/{population}"], lag=lag), 0, 1000) * 1e-3
        expected, variance = rate.sum(), (rate * (1 - rate) ** 2).sum()
        counts = response.spikes[population].sum(axis=(1, 2))
        # false alarm rate of each bound about 1e-5
        assert abs(counts.mean() - expected) < 4.5 * np.sqrt(variance / n)
        assert 0.3 < counts.var(ddof=1) / variance < 2.6


def test_a_recurrent_input_is_silent_until_its_lag_has_passed(figure3, device):
    network, _, _ = figure3
    # so much is asked for that a cell fires in every step from the first one on
    network.activity["H2DendI"] = np.full((1, 21, 50), 5, np.float32)
    network.activity["OutputE"] = np.full((1, 21, 10), 5, np.float32)
    response = simulate(network, X, TARGET, population="H2E", device=device, record=("spikes",))
    assert not response.spikes["H2DendI"][0, :20].any()
    assert response.spikes["H2DendI"][0, 20].mean() > 0.9
    assert response.spikes["OutputE"][0, 0].mean() > 0.9
