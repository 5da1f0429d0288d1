"""The noise that Poisson statistics predict is the noise that simulations have."""

import numpy as np
import pytest
from brian2 import Hz

from spikedtp import SpikedtpError
from spikedtp.compare import compare_updates, expected_update, noise_ceiling, similarity, summarise
from spikedtp.datasets import load
from spikedtp.neurons import TwoCompartmentLIF
from spikedtp.rate import load_rate_network
from spikedtp.spiking import default_device, simulate

N_REPEATS = 60


@pytest.fixture(scope="module")
def network(small_circuit):
    return load_rate_network(small_circuit, seed=3)


@pytest.fixture(scope="module")
def images():
    rng = np.random.default_rng(5)
    return rng.random((2, 64)).astype(np.float32), np.eye(10, dtype=np.float32)[[1, 7]]


@pytest.fixture(scope="module", params=["paper", "best"])
def response(request, network, images):
    return simulate(
        network,
        *images,
        population="H2E",
        n_repeats=N_REPEATS,
        readout=request.param,
        record=(),
        device=default_device(),
    )


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


def test_table(response, network, images):
    rate = network.present(*images)
    table = compare_updates(rate, response)
    assert len(table) == 2 * N_REPEATS * (2 + 1)  # H2E_H1E has both references, H2E_H2DendI the rule's
    assert set(table.reference) == {"notebook", "rule"}
    row = table[(table.projection == "H2E_H1E") & (table.reference == "rule")].iloc[N_REPEATS + 3]
    assert (row["sample"], row["repeat"]) == (1, 3)
    direct = similarity(rate.updates("H2E_H1E", 1), response.weight_updates["H2E_H1E"][1, 3])
    assert row["cosine"] == pytest.approx(direct["cosine"])
    medians = summarise(table).set_index(["projection", "reference", "measure"])
    assert medians.loc[("H2E_H1E", "rule", "cosine"), "median"] == pytest.approx(
        table[(table.projection == "H2E_H1E") & (table.reference == "rule")].cosine.median()
    )


def test_references_may_be_given(response, network, images):
    given = network.weight_updates(*images, constrained=False)
    table = compare_updates(given, response)
    expected = compare_updates(network.present(*images), response)
    expected = expected[expected.reference == "rule"].reset_index(drop=True)
    np.testing.assert_allclose(table.cosine, expected.cosine, atol=1e-6)
    with pytest.raises(ValueError, match="needs a RateResponse or a dict of weight changes as reference, got NoneType"):
        compare_updates(None, response)
    with pytest.raises(ValueError, match="unknown projection in the rate weight changes 'H2E_H1E'"):
        compare_updates({}, response)
    with pytest.raises(ValueError, match=r"has shape \(2, 2\), the spiking one \(100, 100\)"):
        compare_updates({name: np.zeros((2, 2)) for name in given}, response)


def test_as_many_samples_on_both_sides(response, network, images):
    x, target = images
    for fewer in (network.present(x[0], target[0]), network.present(x[:1], target[:1])):
        with pytest.raises(SpikedtpError, match=rf"are of 1 sample\(s\), the spiking ones of {len(x)}"):
            compare_updates(fewer, response)
    with pytest.raises(SpikedtpError, match=r"are of 1 sample\(s\)"):
        compare_updates(network.weight_updates(x[:1], target[:1], constrained=False), response)


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
