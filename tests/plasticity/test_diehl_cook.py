"""Diehl & Cook's rule: single pairs by hand, nearest spikes, bounds, what is refused."""

import numpy as np
import pytest
from brian2 import ms

from spikedtp import SpikedtpError, replay
from spikedtp.plasticity import DiehlCook


def change(pre, post, rule=None, w=0.5, n=200):
    """ΔW after spikes at these steps of 1 ms."""
    trains = np.zeros((2, n, 1))
    trains[0, pre], trains[1, post] = 1, 1
    return float(replay(rule or DiehlCook(), *trains, w).w[-1, 0, 0] - w)


def test_by_hand():
    assert change([20], [50]) == 0  # no postsynaptic spike before
    up = 1e-2 * np.exp(-10 / 20) * np.exp(-40 / 40)
    assert change([40], [10, 50]) == pytest.approx(up - 1e-4 * np.exp(-30 / 20), rel=1e-9)
    assert change([50], [10]) == pytest.approx(-1e-4 * np.exp(-40 / 20), rel=1e-9)


def test_only_the_nearest_spikes_count():
    # a second presynaptic spike sets its trace to 1 and does not add to it
    both, last = change([30, 40], [10, 50]), change([40], [10, 50])
    assert both - last == pytest.approx(-1e-4 * np.exp(-20 / 20), rel=1e-9)
    # potentiation sees the spike before, and no earlier one
    assert change([48], [5, 10, 50]) - change([48], [10, 50]) == pytest.approx(0, abs=1e-15)


def test_spikes_in_one_step_see_the_traces_before_the_postsynaptic_one():
    up = 1e-2 * np.exp(-40 / 40)  # x is 1 already, y2 is that of the spike before
    assert change([50], [10, 50]) == pytest.approx(up - 1e-4 * np.exp(-40 / 20), rel=1e-9)


def test_weights_stay_within_their_bounds():
    trains = (np.random.default_rng(1).random((2, 400, 5)) < 0.1).astype(float)
    for rule in (DiehlCook(learning_rate=50.0), DiehlCook(a_plus=0.0, a_minus=0.5, w_min=0.2, w_max=0.9)):
        w = replay(rule, *trains, 0.5).w
        assert w.min() >= rule.w_min and w.max() <= rule.w_max
        assert np.isclose(w[-1], rule.w_max).any() or np.isclose(w[-1], rule.w_min).any()


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"tau_x": 20.0}, "DiehlCook.tau_x must be a quantity in s"),
        ({"tau_y2": 0 * ms}, "DiehlCook.tau_y2 must be above"),
        ({"a_plus": -1.0}, "DiehlCook.a_plus must be at least 0.0"),
        ({"w_min": 1.0}, "DiehlCook.w_min must be below w_max = 1.0, got 1.0"),
    ],
)
def test_values_that_cannot_be_are_refused(changes, words):
    with pytest.raises(SpikedtpError, match=words):
        DiehlCook(**changes)
