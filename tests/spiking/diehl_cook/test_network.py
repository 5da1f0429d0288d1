"""Diehl & Cook's network beside a plain Brian2 script: spike for spike, and the same weights; what it promises."""

from dataclasses import replace

import numpy as np
import pytest
from brian2 import Clock, Hz, Network, ms, mV, prefs
from spiking.diehl_cook.stock_network import StockNetwork, drawn

from spikedtp import SpikedtpError
from spikedtp.plasticity import STDP, DiehlCook
from spikedtp.spiking import DiehlCookNetwork
from spikedtp.spiking.diehl_cook.build import EXCITATORY, _cells
from spikedtp.spiking.diehl_cook.network import LEARNING, _seeds

RULE = DiehlCook(learning_rate=5.0, w_max=5.0)
SMALL = {"n_inputs": 30, "n_cells": 6, "weight_sum": 80.0, "rule": RULE, "timer": 8 * ms}
SMALL |= {"image_time": 80 * ms, "rest_time": 50 * ms}


@pytest.fixture(scope="module")
def images():
    rng = np.random.default_rng(5)
    found = rng.random((4, 30)) * (rng.random((4, 30)) < 0.6)
    found[2] *= 0.4  # too weak for five spikes at first
    return found


@pytest.fixture
def numpy_target():
    before, prefs.codegen.target = prefs.codegen.target, "numpy"
    yield
    prefs.codegen.target = before


@pytest.mark.parametrize("device", ["runtime", "cpp_standalone"])
def test_it_is_the_stock_network_spike_for_spike(device, images, numpy_target):
    network = DiehlCookNetwork(**SMALL)
    first = network.start(seed=3)
    learned = network.learn(first, images, device=device)
    stock, tries = StockNetwork(network, first), []
    for k, seed in enumerate(_seeds(3, LEARNING, 0, len(images))):
        generator, intensity, counts = np.random.RandomState(seed), 2.0, 0
        tries.append(0)
        while np.sum(counts) < 5:
            chance = images[k].astype(np.float32) * intensity * float(network.rate * network.dt)
            counts = stock.one_try(drawn(generator, chance, network.image_steps))
            intensity, tries[-1] = intensity + 1, tries[-1] + 1
        np.testing.assert_array_equal(learned.counts[k], counts)
    np.testing.assert_array_equal(learned.tries, tries)
    assert max(tries) > 1 and learned.counts.sum() > 20
    np.testing.assert_allclose(learned.state.weights, stock.weights, rtol=0, atol=1e-10)
    assert np.abs(learned.state.weights - first.weights / first.weights.sum(axis=1, keepdims=True) * 80).max() > 0.02
    np.testing.assert_allclose(learned.state.theta, stock.exc.theta_, rtol=0, atol=1e-14)
    np.testing.assert_allclose(learned.state.variables["excitatory.v"], stock.exc.v_, rtol=1e-10)


def test_many_inhibitory_spikes_at_once_do_not_make_a_cell_fire():
    """By theory v goes from where it is towards rest, and never past it; a step of Euler's method overshoots."""
    waits = np.array([0.0, 0.5, 30.0, 400.0, 17.0 * 1599])
    cells = _cells(
        len(waits), "cells", Clock(0.5 * ms), EXCITATORY, threshold="False", reset="", namespace={}
    )  # fmt: skip
    cells.v, cells.ge, cells.gi = -50 * mV, 0.3, waits
    Network(cells).run(0.5 * ms)
    total = 1.3 + waits
    rest = (-65 - 100 * waits) / total
    exact = rest + (-50 - rest) * np.exp(-0.5 / 100 * total)
    np.testing.assert_allclose(cells.v / mV, exact, rtol=0, atol=0.07 * 50)  # of 50 mV
    np.testing.assert_allclose((cells.v / mV)[:2], exact[:2], rtol=1e-7)
    assert (cells.v / mV >= rest).all() and (np.diff(cells.v) < 0).all()


def test_an_interruption_changes_nothing(images, tmp_path):
    network = DiehlCookNetwork(**SMALL)
    whole = network.learn(network.start(1), images, device="runtime")
    half = network.learn(network.start(1), images[:2], device="runtime")
    half.state.save(tmp_path / "state.npz")
    rest = network.learn(network.load(tmp_path / "state.npz"), images[2:], device="runtime")
    np.testing.assert_array_equal(np.concatenate([half.counts, rest.counts]), whole.counts)
    whole.state.save(tmp_path / "whole.npz")
    rest.state.save(tmp_path / "rest.npz")
    assert (tmp_path / "whole.npz").read_bytes() == (tmp_path / "rest.npz").read_bytes()


def test_an_answer_does_not_depend_on_those_before(images):
    network = DiehlCookNetwork(**SMALL)
    state = network.learn(network.start(2), images[:1], device="runtime").state
    answers = network.respond(state, images, device="runtime")
    later = network.respond(state, images[2:], first=2, device="runtime")
    np.testing.assert_array_equal(later.counts, answers.counts[2:])
    assert answers.state is state and answers.counts.sum() > 10


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"n_cells": 0}, "DiehlCookNetwork.n_cells must be a whole number of at least 2, got 0"),
        ({"n_cells": -400}, "n_cells must be a whole number"),
        ({"rule": STDP()}, r"DiehlCookNetwork.rule must be DiehlCook\(...\), got STDP"),
        ({"dt": 0.3 * ms}, "image_time must be a multiple of dt"),
        ({"rest_time": 40 * ms}, "rest_time must be at least largest_delay"),
        ({"rate": 1000 * Hz}, "an input of 1 would fire"),
        ({"theta_plus": 1.0}, "theta_plus must be a quantity in V"),
    ],
)
def test_settings_that_cannot_be_are_refused(changes, words):
    with pytest.raises(SpikedtpError, match=words) as error:
        DiehlCookNetwork(**changes)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (lambda x: x[:, :20], r"images must be \(n_images, 30\), got \(4, 20\)"),
        (lambda x: 255 * x, "pixels must be from 0 to 1"),
        (lambda x: x * [[1], [1], [0], [1]], "image 2 is dark"),
        (lambda x: x[:0], "images must be"),
        (lambda x: "digits", "DiehlCookNetwork: images"),
    ],
)
def test_images_that_cannot_be_are_refused(images, wrong, words):
    network = DiehlCookNetwork(**SMALL)
    with pytest.raises(SpikedtpError, match=words):
        network.learn(network.start(), wrong(images), device="runtime")


def test_a_state_of_another_network_is_refused(images, tmp_path):
    network = DiehlCookNetwork(**SMALL)
    state = network.start()
    state.save(tmp_path / "state.npz")
    other = replace(network, theta_plus=0.1 * mV)
    with pytest.raises(SpikedtpError, match="state is that of a network with other settings"):
        other.respond(state, images, device="runtime")
    with pytest.raises(SpikedtpError, match=r"network with theta_plus = 50\. \* uvolt, not 100\. \* uvolt"):
        other.load(tmp_path / "state.npz")
    np.savez(tmp_path / "numbers.npz", w=np.zeros(3))
    with pytest.raises(SpikedtpError, match="is no state of DiehlCookNetwork"):
        network.load(tmp_path / "numbers.npz")
