"""The spirals against EIANN's generator, and as a data set of every command."""

import json
from pathlib import Path

import numpy as np
import pytest

from spikedtp.configuration import TrainConfiguration
from spikedtp.datasets import load, spiral_points
from spikedtp.errors import SpikedtpError
from spikedtp.jobs.train import run_training
from spikedtp.rate.online import sample_order

GOLDEN = Path(__file__).parent.parent / "golden" / "eiann_spirals.npz"
DRAWN = {  # points of each arm, and options
    "loader_train": (1400, {"seed": 0}),
    "loader_val": (300, {"seed": 1}),
    "loader_test": (300, {"seed": 2}),
    "optimize_train": (1400, {"seed": 0}),
    "optimize_val": (300, {"seed": 0}),
    "optimize_train_offset2": (1400, {"seed": 0, "offset": 2}),
    "default500": (500, {}),
}


@pytest.fixture(scope="module")
def golden():
    with np.load(GOLDEN) as archive:
        return dict(archive)


@pytest.mark.parametrize("name", DRAWN)
def test_points_are_eianns_bit_for_bit(golden, name):
    arm_size, options = DRAWN[name]
    x, y = spiral_points(arm_size, **options)
    arms = x.reshape(4, arm_size, 2)
    assert x.dtype == np.float32 and (y == np.repeat(np.arange(4), arm_size)).all()
    np.testing.assert_array_equal(x[:20], golden[f"{name}_x_first20"])
    np.testing.assert_array_equal(arms[:, :5], golden[f"{name}_x_arm_first5"])
    np.testing.assert_array_equal(arms[:, -5:], golden[f"{name}_x_arm_last5"])
    np.testing.assert_array_equal(x.min(axis=0), golden[f"{name}_min"])
    np.testing.assert_array_equal(x.max(axis=0), golden[f"{name}_max"])
    assert np.abs(x.astype(float)).sum() == pytest.approx(float(golden[f"{name}_sum_abs"]), rel=1e-12)
    np.testing.assert_allclose(x.mean(axis=0, dtype=float), golden[f"{name}_mean"], atol=1e-9)


def test_the_data_set_is_that_of_eianns_loaders(golden):
    data = load("spirals")
    assert (data.n_inputs, data.n_classes, len(data.train_y), data.shape) == (2, 4, 5600, None)
    np.testing.assert_array_equal(data.train_x[:20], golden["loader_train_x_first20"])
    np.testing.assert_array_equal(data.train_t[:20], golden["loader_train_t_first20"])
    np.testing.assert_array_equal(data.test_x, golden["loader_test_x_full"])
    assert data.scaling.scale == "raw"
    np.testing.assert_array_equal(sample_order(5600, 20, 257), golden["loader_train_order_seed257_first20"])
    choosing = load("spirals:validation", parts=["test"])
    np.testing.assert_array_equal(choosing.test_x[:20], golden["loader_val_x_first20"])
    assert len(choosing.test_y) == 1200 and not len(choosing.train_y)


def test_other_scales_and_on_and_off_inputs():
    data = load("spirals", scale="max", on_off=True)
    assert data.n_inputs == 4 and data.train_x.min() == 0 and data.train_x.max() == 1
    signed = (data.train_x[:, :2] - data.train_x[:, 2:]) * data.scaling.high
    np.testing.assert_allclose(signed, load("spirals").train_x, atol=1e-6)
    with pytest.raises(SpikedtpError, match=r"must lie in \[-1, 1\]"):
        load("spirals", on_off=True)


@pytest.mark.parametrize(("n_arms", "sigma"), [(1, 0.0), (3, 0.0), (5, 0.3)])
def test_arms_are_spirals(n_arms, sigma):
    """Without noise the angle grows evenly with the radius; with it the spread is sigma times the radius."""
    x, y = spiral_points(4000, n_arms=n_arms, sigma=sigma, seed=3)
    t = np.tile(np.linspace(0, 1, 4000), n_arms)
    angle = 2 * np.pi / n_arms * (2 * t + y)
    noise = (x - t[:, None] * np.stack([np.sin(angle), np.cos(angle)], axis=1))[t > 0.1] / t[t > 0.1, None]
    assert noise.std() == pytest.approx(sigma, rel=0.02, abs=1e-5)


def test_what_cannot_be_drawn_is_refused():
    with pytest.raises(SpikedtpError, match="unknown part of the spirals 'train': known are validation"):
        load("spirals:train")
    for options in ({"arm_size": 0}, {"arm_size": 5, "n_arms": 0}, {"arm_size": 5, "seed": -1}):
        with pytest.raises(SpikedtpError, match="must be a whole number"):
            spiral_points(**options)


def test_a_published_circuit_trains_on_them_in_rate_and_in_spikes_needs_on_and_off_cells(tmp_path):
    circuit = str(GOLDEN.with_name("eiann_spiral.yaml"))
    settings = {"circuit": circuit, "data": "spirals", "samples": 30, "probe_every": 30}
    summary = run_training(TrainConfiguration(**settings), tmp_path / "rate")
    assert (summary["data"], summary["n_train"], summary["n_test"]) == ("spirals", 5600, 1200)
    assert json.loads((tmp_path / "rate" / "manifest.json").read_text())["data"]["scale"] == "raw"
    with pytest.raises(SpikedtpError, match=r"let on and off cells carry it \(on_off=True"):
        run_training(TrainConfiguration(**settings, mode="spiking"), tmp_path / "spikes")
    assert not (tmp_path / "spikes").exists()
