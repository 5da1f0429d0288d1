"""Receptive fields and their structure: EIANN's values, a network of its own, and Moran's I from its double sum."""

import itertools

import numpy as np
import pytest

from spikedtp import SpikedtpError, load_rate_network
from spikedtp.circuit import CircuitBuilder
from spikedtp.representations import activity_weighted_inputs, maximally_activating_fields, morans_i


@pytest.fixture(scope="module")
def network(golden):
    """EIANN's small network; its interneurons see the excitatory cells one step late."""
    net = CircuitBuilder("fields", tau=3, forward_steps=15, backward_steps=3)
    net.input(9)
    net.layer("H1", 6)
    net.interneurons("H1", "SomaI", 2, recurrent=None)
    net.layer("Output", 4)
    found = load_rate_network(net.build())
    keys = [key for key in golden if key.startswith(("net_module", "net_parameter"))]
    found.load_state_dict({key.removeprefix("net_"): golden[key] for key in keys})
    return found


def test_the_network_answers_as_eianns(golden, network):
    settled = network.present(golden["net_x"]).activity["H1E"][:, 14]
    np.testing.assert_allclose(settled, golden["net_H1E"], rtol=1e-5, atol=1e-6)


def test_eianns_fields(golden, network):
    x = golden["net_x"][golden["maxact_sample_order"]]
    found = maximally_activating_fields(network, "H1E", x, start=golden["maxact_first_noise"])
    np.testing.assert_allclose(found, golden["maxact_rf_H1E"], rtol=1e-6, atol=1e-7)
    structure = np.abs(morans_i(found.reshape(6, 3, 3)))
    np.testing.assert_allclose(structure, golden["net_metrics_structure"], rtol=1e-5)
    weighted = activity_weighted_inputs(golden["net_H1E"], golden["net_x"])
    np.testing.assert_allclose(weighted, golden["act_weighted_avg_H1E"], rtol=1e-6, atol=1e-7)


def test_fields_are_slopes(network):
    """Through all settle steps a gradient is what a small change of the input makes, for each population."""
    rng = np.random.default_rng(0)
    x, small = rng.uniform(0.2, 0.8, 9).astype(np.float32), 1e-3
    for population in ("H1E", "H1SomaI", "OutputE"):
        field = maximally_activating_fields(network, population, x, backward_steps=15)
        moved = x + small * np.concatenate([np.eye(9), -np.eye(9)])
        up, down = np.split(network.present(moved).activity[population][:, 14], 2)
        np.testing.assert_allclose(field, ((up - down) / (2 * small)).T, atol=2e-3)


def test_batches_are_one_mean(network, monkeypatch):
    x = np.random.default_rng(1).random((30, 9))
    whole = maximally_activating_fields(network, "H1E", x)
    monkeypatch.setattr("spikedtp.rate.input_gradients._BATCH", 7)
    np.testing.assert_allclose(maximally_activating_fields(network, "H1E", x), whole, rtol=1e-6, atol=1e-8)


def test_what_has_no_field_is_refused(network):
    for population, said in (("InputE", "is the input"), ("H9E", "unknown population")):
        with pytest.raises(SpikedtpError, match=said):
            maximally_activating_fields(network, population, np.zeros(9))
    with pytest.raises(SpikedtpError, match="x must be"):
        maximally_activating_fields(network, "H1E", np.zeros(8))
    with pytest.raises(SpikedtpError, match=r"start must be \(6, 9\)"):
        maximally_activating_fields(network, "H1E", np.zeros(9), start=np.zeros(9))
    with pytest.raises(SpikedtpError, match=r"X must be \(2, n_in\)"):
        activity_weighted_inputs(np.ones((2, 3)), np.ones((3, 4)))


def test_eianns_morans_i(golden):
    found = morans_i(golden["rf_7x7"])
    np.testing.assert_allclose(np.abs(found), golden["structure_moran_abs"], rtol=1e-6)
    np.testing.assert_allclose(found, golden["moran_I_signed"], rtol=1e-6)
    np.testing.assert_allclose(morans_i(golden["rf_7x7"], reach=2), golden["moran_I_kernel2"], rtol=1e-6)
    assert morans_i(golden["moran_nonsquare_input"]) == pytest.approx(float(golden["moran_nonsquare"]), rel=1e-6)


@pytest.mark.parametrize("seed", range(8))
def test_morans_i_is_its_double_sum(seed):
    rng = np.random.default_rng(seed)
    rows, columns, reach = (int(k) for k in rng.integers(1, 7, 3))
    image = rng.normal(size=(rows, columns)) * 10.0 ** rng.integers(-200, 200)
    d = (image - image.mean()) / np.abs(image).max()
    pixels = list(itertools.product(range(rows), range(columns)))
    near = [(a, b) for a in pixels for b in pixels if a != b and max(abs(a[0] - b[0]), abs(a[1] - b[1])) <= reach]
    if rows * columns == 1:
        assert np.isnan(morans_i(image, reach=reach))
        return
    weights = ((2 * reach + 1) ** 2 - 1) * len(pixels)
    expected = len(pixels) / weights * sum(d[a] * d[b] for a, b in near) / (d**2).sum()
    assert morans_i(image, reach=reach) == pytest.approx(expected, rel=1e-9, abs=1e-12)


def test_images_without_contrast_have_no_structure():
    assert np.isnan(morans_i(np.zeros((5, 5)))) and np.isnan(morans_i(np.full((5, 5), 0.1)))
    with pytest.raises(SpikedtpError, match="image must be"):
        morans_i([1, 2, 3])
    with pytest.raises(SpikedtpError, match="reach must be a whole number"):
        morans_i(np.eye(3), reach=0)
