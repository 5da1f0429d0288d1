"""STDP: which pairs of spikes interact, and its bounds."""

from dataclasses import replace
from functools import partial

import numpy as np
import pytest
from brian2 import ms
from plasticity.spike_trains import spikes, total

from spikedtp import SpikedtpError, replay
from spikedtp.plasticity import MSTDP, MSTDPET, STDP


def test_nearest_spikes_alone_interact():
    pre, post = spikes([10, 14], 60), spikes([20, 40], 60)
    e = np.exp
    nearest = 0.2 * (e(-6 / 20) + e(-26 / 20))
    assert total(STDP(traces="nearest"), pre, post) == pytest.approx(nearest, rel=1e-13)
    assert total(STDP(), pre, post) == pytest.approx(nearest + 0.2 * (e(-10 / 20) + e(-30 / 20)), rel=1e-13)


@pytest.mark.parametrize("kind", [MSTDP, MSTDPET])
@pytest.mark.parametrize("seed", range(3))
def test_rewarded_weights_within_bounds(kind, seed):
    """The spiking form clips as often as the rate form, although it only runs at events."""
    rng = np.random.default_rng(seed)
    rule = kind(learning_rate=rng.uniform(0.5, 2), a_minus=-1.2, w_min=0.3, w_max=rng.choice([0.7, None]))
    pre, post = rng.random((120, 3)) < 0.15, rng.random((120, 2)) < 0.15
    reward = rng.normal(size=120)[np.arange(120) // rng.integers(1, 9)]
    rate, spiking = (
        replay(rule, pre, post, 0.5, modulator=reward, form=form, device="runtime") for form in ("rate", "spiking")
    )
    np.testing.assert_allclose(spiking.w, rate.w, rtol=0, atol=1e-13)
    last = replay(rule, pre, post, 0.5, modulator=reward, form="spiking", device="runtime", keep="last")
    np.testing.assert_allclose(last.w[-1], rate.w[-1], rtol=0, atol=1e-13)
    assert (rate.w == 0.3).any() and np.ptp(rate.w) > 0.1
    free = replay(replace(rule, w_min=None, w_max=None), pre, post, 0.5, modulator=reward)
    assert np.abs(free.w - rate.w).max() > 0.01


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"w_min": 1.0, "w_max": 0.5}, "w_min must be below w_max = 0.5, got 1.0"),
        ({"w_max": 3 * ms}, "STDP.w_max must be a number without units"),
        ({"w_max": 1.0, "convention": "lag"}, "convention must be same-step where weights have bounds"),
    ],
)
def test_bounds_are_checked(options, words):
    with pytest.raises(SpikedtpError, match=words):
        partial(STDP, **options)()


def test_rewarded_rules_check_their_bounds_alike():
    with pytest.raises(SpikedtpError, match=r"MSTDPET\.w_min must be below w_max = 1\.0, got 2\.0"):
        MSTDPET(w_min=2.0, w_max=1.0)
    with pytest.raises(SpikedtpError, match=r"MSTDP\.convention must be same-step where weights have bounds"):
        MSTDP(w_min=0.0, convention="lag")
