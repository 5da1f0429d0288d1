"""The phases of a presentation and their lengths."""

import pytest
from brian2 import ms
from spiking.closed_loop.short_presentations import closed

from spikedtp.errors import SpikedtpError
from spikedtp.spiking import Phases, phases_of


def test_time_per_step_sets_the_phases(network, images):
    assert phases_of(20 * ms) == Phases()
    found = closed(network, images, phases=None, time_per_step=2 * ms, dt=0.5 * ms, record=("spikes",))
    assert found.spec.phases.settle == 50 * ms and found.spec.phases.nudge == 20 * ms
    assert len(found.times) == found.spikes["H2E"].shape[-2] == 140


@pytest.mark.parametrize(
    ("change", "message"),
    [({"read": 200 * ms}, "longer than settle"), ({"wait": 60 * ms}, "shorter than nudge"), ({"hold": "some"}, "hold"),
     ({"latch": "yes"}, "latch must be true or false"),
     ({"nudge": 60.5 * ms}, "whole number of time steps")],
)  # fmt: skip
def test_phases_are_checked(change, message):
    good = dict(settle=100 * ms, read=60 * ms, nudge=60 * ms, wait=20 * ms)
    with pytest.raises(SpikedtpError, match=message):
        Phases(**good | change)
