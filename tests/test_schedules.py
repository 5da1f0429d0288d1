"""Schedules of the learning rate."""

from __future__ import annotations

import pytest

from spikedtp.errors import SpikedtpError
from spikedtp.schedules import schedule_named


def test_schedules():
    anneal = [schedule_named("anneal")(index, 10) for index in range(10)]
    assert anneal == [1.0] * 8 + [0.3] * 2
    assert [schedule_named("constant")(index, 10) for index in range(10)] == [1.0] * 10
    with pytest.raises(SpikedtpError, match="anneal, constant"):
        schedule_named("linear")
