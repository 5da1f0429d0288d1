"""The constants of Burstprop between rates."""

import numpy as np
import pytest

from spikedtp import SpikedtpError
from spikedtp.plasticity import BurstpropRates


def test_the_published_constants():
    rule = BurstpropRates()
    assert (rule.n_prediction, rule.n_teaching, rule.rate) == (50, 5, pytest.approx(1e-3))


def test_the_teacher_stays_within_probabilities_and_is_linear_for_small_errors():
    rule, e = BurstpropRates(gain=0.5), np.array([1e-9, 0.2, 0.5, 1.0])
    for target in (0.0, 1.0):
        p = rule.taught(e, target)
        assert (p >= 0).all() and (p <= 1).all()
    small = 1e-5 * e[1:]
    np.testing.assert_allclose((rule.taught(e[1:], e[1:] + small) - 0.5) * e[1:], 0.25 * small, rtol=1e-4)


def test_homeostasis_begins_at_the_limit():
    np.testing.assert_allclose(BurstpropRates().too_high(np.array([0.0, 4.0, 5.0, 10.0])), [0, 0, 0, 0.5])


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"tau_avg": 0.05}, "tau_avg must be at least one step of dt = 0.1, got 0.05"),
        ({"teaching": 0.25}, "teaching must be a whole number of steps of dt = 0.1, got 0.25"),
        ({"tau_w": 0.0}, "tau_w must be above 0"),
        ({"beta": float("nan")}, "beta must be one finite number"),
    ],
)
def test_mistakes(changes, told):
    with pytest.raises(SpikedtpError, match=told):
        BurstpropRates(**changes)
