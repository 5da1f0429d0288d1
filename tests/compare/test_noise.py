"""The noise that Poisson statistics predict is the noise that simulations have."""

import numpy as np
import pytest
from brian2 import Hz
from compare.repeats_shown import N_REPEATS

from spikedtp.compare import expected_update, noise_ceiling, similarity
from spikedtp.datasets import load
from spikedtp.neurons import TwoCompartmentLIF
from spikedtp.rate import load_rate_network
from spikedtp.spiking import default_device, simulate


@pytest.mark.parametrize("projection", ["H2E_H1E", "H2E_H2DendI"])
def test_the_ceiling_is_the_cosine_with_the_expectation(response, projection):
    for sample in range(2):
        expected = expected_update(response, projection, sample)
        measured = [
            similarity(expected, response.weight_updates.of(projection, sample, k))["cosine"] for k in range(N_REPEATS)
        ]
        # the standard error of a median is at most 1.3 times that of the mean here; and 3 % of the distance from 1 for
        # the Gaussian approximation of the counts
        error = 1.3 * np.std(measured, ddof=1) / np.sqrt(N_REPEATS)
        predicted = noise_ceiling(response, projection, sample)
        assert abs(np.median(measured) - predicted) < 4 * error + 0.03 * (1 - np.median(measured))
        assert np.median(measured) < 0.999  # there is noise to predict


def test_the_mean_of_many_presentations_approaches_the_expectation(response):
    if response.readout == "best":
        pytest.skip("its signals are clipped: the mean of a clipped signal is not the clipped mean")
    for sample in range(2):
        expected = expected_update(response, "H2E_H1E", sample)
        mean = np.mean([response.weight_updates.of("H2E_H1E", sample, k) for k in range(N_REPEATS)], axis=0)
        found = similarity(expected, mean)
        single = noise_ceiling(response, "H2E_H1E", sample)
        # averaging n independent presentations leaves 1/n of the noise power
        predicted = 1 / np.sqrt(1 + (1 / single**2 - 1) / N_REPEATS)
        assert found["cosine"] > predicted - 0.01
        assert found["slope"] == pytest.approx(1, abs=0.1)


def test_no_prediction_without_rates_or_linearity(network, images):
    options = dict(population="H2E", record=("spikes",), device="runtime")
    drawn = simulate(network, images[0][:1], images[1][:1], **options)
    given = {name: trains for name, trains in drawn.spikes.items() if name != "H2E"}
    replayed = simulate(network, images[0][:1], images[1][:1], input_spikes=given, **options)
    np.testing.assert_array_equal(replayed.weight_updates["H2E_H1E"], drawn.weight_updates["H2E_H1E"])
    assert np.isnan(noise_ceiling(replayed, "H2E_H1E")) and expected_update(replayed, "H2E_H1E") is None
    lif = simulate(network, images[0][:1], images[1][:1], cell=TwoCompartmentLIF(), readout="paper", **options)
    assert np.isnan(noise_ceiling(lif, "H2E_H1E"))


def test_the_bias_that_a_nonlinear_rule_makes_of_noise_is_predicted():
    """BTSP's depression q has a threshold that single spikes pass: the mean ΔW is not the ΔW of the mean."""
    digits, network, n = load("digits"), load_rate_network("digits_btsp", seed=1), 1500
    for k in range(300):
        network.train_step(digits.train_x[k], digits.train_t[k])
    response = simulate(
        network,
        digits.test_x[0],
        digits.test_t[0],
        population="H2E",
        projections=["H2E_H1E"],
        n_repeats=n,
        unit_rate=30 * Hz,
        record=(),
        device=default_device(),
    )
    updates = response.weight_updates["H2E_H1E"].astype(np.float64)
    measured, error = updates.mean(axis=0), updates.std(axis=0, ddof=1) / np.sqrt(n)
    clean = expected_update(response, "H2E_H1E")
    predicted = expected_update(response, "H2E_H1E", n_draws=n)
    # there is a bias, many standard errors wide
    assert np.linalg.norm(measured - clean) > 5 * np.linalg.norm(error)
    # and it is the predicted one, synapse by synapse; the prediction has the sampling error of its own n draws
    changed = error > 0
    z = (measured - predicted)[changed] / error[changed] / np.sqrt(2)
    assert np.std(z) < 1.4 and np.abs(z).max() < 6
    found = similarity(predicted - clean, measured - clean)
    assert found["cosine"] > 0.97 and found["slope"] == pytest.approx(1, abs=0.15)
