"""The rules that move in time steps: convergence, and the mistakes that they name.

Windows, drifts, rewards and fixed points are checks of the validation suite (`tests/validation`).
"""

from dataclasses import FrozenInstanceError

import numpy as np
import pytest
from brian2 import Hz, ms
from plasticity.spike_trains import spikes, total

from spikedtp import SpikedtpError, replay
from spikedtp.plasticity import (
    BCM,
    MSTDP,
    MSTDPET,
    STDP,
    TIMED_RULES,
    TripletSTDP,
    UrbanczikSenn,
)

# --- convergence ------------------------------------------------------------------------------------------------------


def orders(rule, modulator=None, post_scale=None):
    """Observed orders of convergence of the final weight when dt is halved (spikes stay where they are)."""
    finals = []
    for dt in (1.0, 0.5, 0.25, 0.125):
        steps = round(240 / dt)
        pre, post = spikes([10, 85, 115, 135], steps, dt), spikes([15, 75, 110, 140], steps, dt)
        if post_scale is not None:  # activities instead of spikes
            time = np.arange(steps) * dt
            pre, post = 0.5 + 0.4 * np.sin(time / 30)[:, None], post_scale + 0.5 * np.cos(time / 40)[:, None]
        reward = None if modulator is None else np.where(np.arange(steps) * dt <= 100, 1.0, -1.0)
        finals.append(replay(rule, pre, post, 0.5, modulator=reward, dt=dt * ms).w[-1, 0, 0])
    steps = np.abs(np.diff(finals))
    return np.log2(steps[:-1] / steps[1:])


@pytest.mark.parametrize(
    ("rule", "options"),
    [
        (MSTDPET(), {"modulator": True}),
        (MSTDPET(convention="lag"), {"modulator": True}),
        (UrbanczikSenn(learning_rate=0.02), {}),
        (BCM(), {"post_scale": 1.0}),
    ],
)
def test_halving_the_step_converges_at_first_order(rule, options):
    np.testing.assert_allclose(orders(rule, **options), 1.0, atol=0.15)


def test_pair_and_triplet_rules_do_not_depend_on_the_step():
    for rule in (STDP(), TripletSTDP()):
        finals = []
        for dt in (1.0, 0.25):
            steps = round(240 / dt)
            finals.append(total(rule, spikes([10, 85, 115], steps, dt), spikes([15, 75, 120], steps, dt), dt=dt * ms))
        assert finals[0] == pytest.approx(finals[1], rel=1e-12) and abs(finals[0]) > 1e-4


# --- checks and words -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rule", "kwargs", "words"),
    [
        (STDP, {"tau_plus": 20}, r"STDP.tau_plus must be a quantity in s \(such as 20\*ms\), got 20"),
        (STDP, {"tau_minus": 0 * ms}, "STDP.tau_minus must be above 0. s, got 0. s"),
        (MSTDP, {"learning_rate": -1.0}, "MSTDP.learning_rate must be at least 0.0, got -1.0"),
        (MSTDP, {"a_plus": 1 * ms}, "MSTDP.a_plus must be a number without units"),
        (MSTDP, {"convention": "lagged"}, "MSTDP.convention must be one of same-step, lag, got 'lagged'"),
        (STDP, {"traces": "all"}, "STDP.traces must be one of cumulative, nearest, got 'all'"),
        (MSTDPET, {"tau_e": np.inf * ms}, "MSTDPET.tau_e must be one finite number"),
        (MSTDPET, {"tau_e": 25 * Hz}, "MSTDPET.tau_e must be a quantity in s"),
        (BCM, {"theta0": 0.0}, "BCM.theta0 must be above 0.0, got 0.0"),
        (BCM, {"w_bound": -1.0}, "BCM.w_bound must be at least 0.0, got -1.0"),
        (TripletSTDP, {"a2_minus": -1.0}, "TripletSTDP.a2_minus must be at least 0.0, got -1.0"),
        (UrbanczikSenn, {"tau_s": 10 * ms}, "UrbanczikSenn.tau_s must be below tau_l = 10. ms, got 10. ms"),
        (UrbanczikSenn, {"attenuation": 1.5}, "UrbanczikSenn.attenuation must be at most 1.0, got 1.5"),
    ],
)
def test_mistakes_are_named(rule, kwargs, words):
    with pytest.raises(SpikedtpError, match=words):
        rule(**kwargs)


def test_timed_rules_are_frozen():
    for rule in TIMED_RULES.values():
        with pytest.raises(FrozenInstanceError):
            rule().learning_rate = 3
