"""Changes of biases in rate and in spikes: the table by hand, and how near to the noise ceiling they come."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from brian2 import Hz, ms

from spikedtp.compare import compare_biases, repeat_ceiling, similarity
from spikedtp.datasets import spiral_points
from spikedtp.errors import SpikedtpError
from spikedtp.neurons import NudgedCell
from spikedtp.rate import load_rate_network
from spikedtp.rate.online import train_online
from spikedtp.spiking import Phases, default_device, simulate

POPULATIONS = ("H1E", "H2E", "OutputE")


@pytest.fixture(scope="module")
def network():
    """The published circuit after a few hundred points, at rest: its settle phase is as long as that of spikes."""
    x, y = spiral_points(100)
    found = load_rate_network("spirals_dtp", seed=66049)
    for _ in train_online(found, x, np.eye(4)[y], n_samples=400, data_seed=257, schedule="constant"):
        pass
    return found


@pytest.fixture(scope="module")
def samples():
    x, y = spiral_points(100, seed=1)
    shown = np.array([60, 90, 180, 250, 390])
    return x[shown], np.eye(4)[y[shown]]


def spiking(network, samples, **options):
    given = dict(
        loop="closed", record=(), device=default_device(), on_off=True, unit_rates={"InputE": 690 * Hz}, seed=2
    )
    return simulate(network, *samples, **given | options)


@pytest.fixture(scope="module")
def response(network, samples):
    return spiking(network, samples, n_repeats=6)


def test_rows_are_similarities_with_the_rate_network(network, samples, response):
    rate = network.present(*samples)
    table = compare_biases(rate, response)
    assert table["population"].unique().tolist() == list(POPULATIONS) and len(table) == 3 * 5 * 6
    row = table.set_index(["population", "sample", "repeat"]).loc[("H2E", 3, 4)]
    expected = similarity(rate.bias_updates["H2E"][3], response.bias_updates["H2E"][3, 4])
    assert row["n_cells"] == expected.pop("n_synapses") == 32
    for name, value in expected.items():
        assert row[name] == pytest.approx(value, nan_ok=True)
    one = simulate_one(network, samples)
    alone = compare_biases(network.present(samples[0][0], samples[1][0]), one)
    assert alone["noise_ceiling"].isna().all() and alone["sample"].tolist() == [0] * 3


def simulate_one(network, samples):
    return spiking(network, (samples[0][0], samples[1][0]), device="runtime", phases=Phases(100 * ms, 60 * ms))


def test_without_noise_biases_change_as_in_rate(network, samples):
    """Regular spikes, and a rate network that settles as long: what is left is small."""
    rate = at_rest(network).present(*samples)
    table = compare_biases(rate, spiking(network, samples, cell=NudgedCell(firing="regular"), spikers=16))
    assert table.groupby("population")["cosine"].median().min() > 0.95
    np.testing.assert_allclose(table.groupby("population")["slope"].median(), 1, atol=0.15)


def at_rest(network):
    return load_rate_network(replace(network.circuit, forward_steps=60), network.state_dict())


def test_with_noise_cosines_come_near_the_ceiling(network, samples, response):
    table = compare_biases(at_rest(network).present(*samples), response)
    medians = table.groupby("population")[["cosine", "noise_ceiling"]].median()
    assert (medians["cosine"] > medians["noise_ceiling"] - 0.1).all(), medians
    assert (medians["noise_ceiling"] > 0.6).all(), medians
    # a ceiling of plateaus: the weights of a rule that multiplies them are as noisy or more
    weights = repeat_ceiling(response, "OutputE_H2E", 0)
    assert table.query("population == 'OutputE' and sample == 0")["noise_ceiling"].iloc[0] > weights - 0.05


def test_what_does_not_fit_is_one_line(network, samples, response):
    with pytest.raises(SpikedtpError, match=r"the rate response has 1 sample\(s\), the spiking one 5"):
        compare_biases(network.present(samples[0][0], samples[1][0]), response)
    with pytest.raises(SpikedtpError, match="no changes of biases without a target"):
        compare_biases(network.present(samples[0]), response)
    digits = load_rate_network("digits_dtp").present(np.full((5, 64), 0.2), np.eye(10)[:5])
    with pytest.raises(SpikedtpError, match="the bias of H1E is not that of the same circuit"):
        compare_biases(digits, response)


def test_without_learning_biases_the_table_is_empty():
    network = load_rate_network("digits_dtp")
    x, target = np.full(64, 0.2), np.eye(10)[3]
    found = simulate(network, x, target, population="H2E", device="runtime", record=())
    assert compare_biases(network.present(x, target), found).empty and found.bias_updates == {}
    assert isinstance(compare_biases(network.present(x, target), found), pd.DataFrame)


@pytest.mark.parametrize(("readout", "least"), [("best", 0.9), ("paper", 0.5)])
def test_the_open_loop_shows_the_bias_of_its_population(network, samples, readout, least):
    found = simulate(
        network, *samples, population="H2E", device=default_device(), readout=readout, record=(), on_off=True, seed=1
    )
    table = compare_biases(network.present(*samples), found)
    assert table["population"].unique().tolist() == ["H2E"]
    assert table["cosine"].median() > least
