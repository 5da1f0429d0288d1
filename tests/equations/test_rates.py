"""How long a spike waits for a step of its own, against queueing theory."""

from __future__ import annotations

import pytest

from spikedtp.equations.rates import waiting_time


def test_the_waiting_time_of_a_long_presentation_is_that_of_the_queue():
    """Without dead time: M/D/1, load / (2 (1 - load)) service times."""
    for load in (0.1, 0.5, 0.8, 0.95):
        assert waiting_time(load, 0.0, 20000) == pytest.approx(load / (2 * (1 - load)), rel=1e-3)
    assert waiting_time(5.0, 1.0, 100) == waiting_time(5.0, 1.7, 100) == 0
