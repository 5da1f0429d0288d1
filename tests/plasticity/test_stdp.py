"""STDP: which pairs of spikes interact, and its bounds."""

from functools import partial

import numpy as np
import pytest
from brian2 import ms
from plasticity.spike_trains import spikes, total

from spikedtp import SpikedtpError
from spikedtp.plasticity import STDP


def test_nearest_spikes_alone_interact():
    pre, post = spikes([10, 14], 60), spikes([20, 40], 60)
    e = np.exp
    nearest = 0.2 * (e(-6 / 20) + e(-26 / 20))
    assert total(STDP(traces="nearest"), pre, post) == pytest.approx(nearest, rel=1e-13)
    assert total(STDP(), pre, post) == pytest.approx(nearest + 0.2 * (e(-10 / 20) + e(-30 / 20)), rel=1e-13)


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
