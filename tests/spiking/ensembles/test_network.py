"""Ensembles of bursting cells: what they do on average is the rate form; samples are independent; mistakes."""

from __future__ import annotations

import numpy as np
import pytest
from brian2 import Hz, ms

from spikedtp import SpikedtpError
from spikedtp.plasticity import BurstpropRates
from spikedtp.rate import BurstpropNetwork
from spikedtp.spiking import BurstpropEnsembles

SIZES, REPEATS = (6, 5, 3), 30


def network(sizes=SIZES, **changes):
    rule = BurstpropRates(**({"tau_avg": 1.0, "gain": 0.3, "beta": 3.0, "teaching": 1.0, "dt": 0.01} | changes))
    return BurstpropNetwork(sizes, rule=rule, feedback_scale=1.0, dtype=np.float64)


def ensembles(of, **options):
    small = {"cells": 20, "rate": 100 * Hz, "time_unit": 20 * ms, "device": "runtime"}
    return BurstpropEnsembles(of, **(small | options))


def samples(n, sizes=SIZES, seed=0):
    rng = np.random.default_rng(seed)
    return rng.random((n, sizes[0])), rng.integers(0, sizes[-1], n)


def test_mean_rates_and_weight_changes_are_those_of_the_rate_form():
    rate = network(e_max=1.2)
    x, y = (np.repeat(each[:1], REPEATS, axis=0) for each in samples(1))
    spiking = ensembles(rate, cells=100, time_unit=40 * ms)
    for wanted, found in zip(rate.event_rates(x[:1]), spiking.event_rates(x[:10]), strict=True):
        np.testing.assert_allclose(found.mean(axis=0), wanted[0], rtol=0.06)
    expected, (weights, biases) = rate.delta_w(x[:1], y[:1]), spiking.delta_w(x, y)
    for wanted, found in zip(expected.weights + expected.biases, weights + biases, strict=True):
        error = found.std(axis=0, ddof=1) / np.sqrt(REPEATS)
        z = (found.mean(axis=0) - wanted[0]) / error
        assert (z**2).mean() < 3  # all synapses of a cell share its spikes: there are few independent numbers
    top, wanted = weights[-1].mean(axis=0), expected.weights[-1][0]
    assert (top * wanted).sum() / (wanted**2).sum() == pytest.approx(1, abs=0.12)


def test_a_teacher_who_agrees_changes_nothing_on_average():
    rate = network(homeostasis=0.0)
    x = np.repeat(samples(1)[0], REPEATS, axis=0)
    agreed, taught = (
        ensembles(rate, cells=50).delta_w(x, y)[0][-1].mean(axis=0)
        for y in (rate.event_rates(x)[-1], np.eye(3)[np.zeros(REPEATS, int)])
    )
    assert np.linalg.norm(agreed) < 0.3 * np.linalg.norm(taught)


@pytest.mark.parametrize("sizes", [SIZES, (4, 6, 5, 3)])
def test_learning_goes_on_from_call_to_call_and_answers_depend_on_seeds_alone(sizes):
    rate, (x, y) = network(sizes, prediction=2.0), samples(3, sizes)
    whole, parts = ensembles(rate), ensembles(rate)
    classes = whole.train(x, y)
    assert [*parts.train(x[:1], y[:1]), *parts.train(x[1:], y[1:])] == classes.tolist()
    for one, other in zip(whole.weights + whole.biases, parts.weights + parts.biases, strict=True):
        np.testing.assert_array_equal(one, other)
    assert all(np.abs(w - start).max() > 0 for w, start in zip(whole.weights, rate.weights, strict=True))
    before = [w.copy() for w in whole.weights]
    first, again = whole.event_rates(x), whole.event_rates(x[1:], first=1)
    for one, other in zip(first, again, strict=True):
        np.testing.assert_array_equal(one[1:], other)
    changes, later = whole.delta_w(x, y)[0], whole.delta_w(x, y, first=3)[0]
    assert not np.array_equal(changes[0], later[0])
    for w, same in zip(whole.weights, before, strict=True):
        np.testing.assert_array_equal(w, same)


def test_without_a_rate_factor_nothing_is_learned():
    rate, (x, y) = network(prediction=2.0), samples(2)
    spiking = ensembles(rate)
    spiking.train(x, y, rate_factor=0.0)
    for w, start in zip(spiking.weights, rate.weights, strict=True):
        np.testing.assert_array_equal(w, start)


def test_both_devices_are_the_same_network_on_average():
    rate, x = network(), np.repeat(samples(1)[0], REPEATS, axis=0)
    found = [ensembles(rate, cells=50, device=device).event_rates(x) for device in ("runtime", "cpp_standalone")]
    for one, other in zip(*found, strict=True):
        error = np.sqrt((one.var(axis=0) + other.var(axis=0)) / REPEATS)
        assert (np.abs(one.mean(axis=0) - other.mean(axis=0)) < 5 * error).all()


@pytest.mark.parametrize(
    ("call", "told"),
    [
        (lambda n, x, y: ensembles(3), "network must be a BurstpropNetwork, got 3"),
        (lambda n, x, y: ensembles(n, cells=5), "ensembles of 5 cells are too small for a population rate"),
        (lambda n, x, y: ensembles(n, rate=500 * Hz), "rate must be at most"),
        (lambda n, x, y: ensembles(n, rate=5 * ms), "rate must be a quantity in Hz"),
        (lambda n, x, y: ensembles(n, time_unit=5 * ms), "tau_z = 0.1 is 0.5 time steps"),
        (lambda n, x, y: ensembles(n, seed=-1), "seed must be a whole number"),
        (lambda n, x, y: ensembles(network(weight_decay=0.1)), "weight_decay"),
        (lambda n, x, y: ensembles(n).train(x[:, :2], y), r"x must be \(samples, 6\), got \(4, 2\)"),
        (lambda n, x, y: ensembles(n).train(x - 1, y), "x must be event rates from 0 to 10"),
        (lambda n, x, y: ensembles(n).train(np.where(x > 0.5, np.inf, x), y), "not finite"),
        (lambda n, x, y: ensembles(n).train(x, y + 3), "y must be classes from 0 to 2"),
        (lambda n, x, y: ensembles(n).train(x, y[:2]), "y must be 4 classes"),
        (lambda n, x, y: ensembles(n).train(x, y, rate_factor=-1.0), "rate_factor must be a number of at least 0"),
    ],
)
def test_mistakes_are_told_in_one_line(call, told):
    with pytest.raises(SpikedtpError, match=told) as error:
        call(network(), *samples(4))
    assert "\n" not in str(error.value)
