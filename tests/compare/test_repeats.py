"""The ceiling that repeats measure: against the noise put in, and against many other presentations of a simulation."""

from types import SimpleNamespace

import numpy as np
import pytest

from spikedtp.compare import compare_updates, noise_ceiling, repeat_ceiling, similarity
from spikedtp.datasets import load
from spikedtp.models import weights_file
from spikedtp.rate import load_rate_network
from spikedtp.spiking import ClosedResponse, default_device, phases_of, simulate


def made_of(updates):
    """Stands in for a response whose weight changes are known, (repeats, n_post, n_pre)."""
    of = SimpleNamespace(of=lambda projection, sample, repeat: updates[repeat])
    return SimpleNamespace(n_repeats=len(updates), weight_updates=of)


@pytest.mark.parametrize("noise", [0.3, 1.0, 3.0])
@pytest.mark.parametrize("n", [2, 3, 20])
def test_the_ceiling_of_gaussian_noise(noise, n):
    """Signal and noise of unit length and `noise`: their cosine is 1/sqrt(1 + noise²), however few the repeats."""
    rng = np.random.default_rng(n)
    shape = (200, 300)
    signal = rng.standard_normal(shape)
    updates = (signal + noise * rng.standard_normal((n, *shape))).astype(np.float32)
    assert repeat_ceiling(made_of(updates), "any") == pytest.approx(1 / np.sqrt(1 + noise**2), abs=0.01)


def test_too_little_to_measure():
    change = np.random.default_rng(0).standard_normal((3, 4, 5)).astype(np.float32)
    assert np.isnan(repeat_ceiling(made_of(change[:1]), "any"))
    assert np.isnan(repeat_ceiling(made_of(change * np.array([1, 0, 0], np.float32)[:, None, None]), "any"))
    assert repeat_ceiling(made_of(np.stack([change[0], -change[0]])), "any") == 0
    assert repeat_ceiling(made_of(np.stack([change[0]] * 3)), "any") == pytest.approx(1)


N = 30


@pytest.fixture(scope="module")
def network():
    return load_rate_network("digits_dtp", weights_file("digits_dtp"))


@pytest.fixture(scope="module")
def images():
    found = load("digits", parts=("test",))
    return found.test_x[:3], found.test_t[:3]


@pytest.fixture(scope="module")
def response(network, images):
    return simulate(
        network, *images, population=None, loop="closed", n_repeats=2 * N, record=(), device=default_device(),
        time_per_step=8 * phases_of().dt,
    )  # fmt: skip


def halves(response: ClosedResponse, projection: str, sample: int):
    updates = response.weight_updates[projection][sample].astype(np.float64)
    return updates[:N], updates[N:]


@pytest.mark.parametrize("projection", ["H2DendI_H2E", "OutputE_H2E", "H1E_InputE"])
def test_the_ceiling_is_the_cosine_with_the_mean_of_other_presentations(response, projection):
    for sample in range(3):
        first, second = halves(response, projection, sample)
        mean = sum(change / np.linalg.norm(change) for change in second)
        measured = [similarity(mean, change)["cosine"] for change in first]
        error = 1.3 * np.std(measured, ddof=1) / np.sqrt(N)
        ceiling = repeat_ceiling(made_of(first), projection, sample)
        # the mean of the second half has noise too: 1/N of it
        single = np.mean(measured)
        share = np.sqrt(1 / (1 + (1 / single**2 - 1) / N))
        assert abs(np.median(measured) / share - ceiling) < 4 * error + 0.02
        assert ceiling < 0.999  # there is noise to measure


def test_table(response, network, images):
    rate = network.present(*images)
    table = compare_updates(rate, response)
    rows = table[(table["projection"] == "OutputE_H2E") & (table["reference"] == "rule")].set_index(
        ["sample", "repeat"]
    )
    direct = similarity(rate.updates("OutputE_H2E", 1), response.weight_updates["OutputE_H2E"][1, 7])
    assert rows.loc[(1, 7), "cosine"] == pytest.approx(direct["cosine"])
    assert rows.loc[(1, 7), "noise_ceiling"] == noise_ceiling(response, "OutputE_H2E", 1) > 0.5
    assert rows["cosine"].median() > 0.5 and table["noiseless_cosine"].isna().all()
    averaged = compare_updates(rate, response, average=N)
    better = averaged[(averaged["projection"] == "OutputE_H2E") & (averaged["reference"] == "rule")]
    assert better["noise_ceiling"].median() > rows["noise_ceiling"].median()
    assert better["cosine"].median() > rows["cosine"].median()


def test_one_repeat_measures_no_ceiling(network, images):
    once = simulate(
        network, *images, population="H2E", loop="closed", device="runtime", record=(), time_per_step=2 * phases_of().dt
    )
    table = compare_updates(network.present(*images), once)
    assert table["noise_ceiling"].isna().all() and table["cosine"].notna().all()
