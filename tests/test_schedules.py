"""Schedules of the learning rate."""

from __future__ import annotations

import numpy as np
import pytest

from spikedtp.errors import SpikedtpError
from spikedtp.schedules import schedule_named


def test_schedules():
    anneal = [schedule_named("anneal")(index, 10) for index in range(10)]
    assert anneal == [1.0] * 8 + [0.3] * 2
    np.testing.assert_allclose([schedule_named("linear")(index, 10) for index in range(10)], np.arange(10, 0, -1) / 10)
    assert [schedule_named("constant")(index, 10) for index in range(10)] == [1.0] * 10
    with pytest.raises(SpikedtpError, match="anneal, constant, linear"):
        schedule_named("cosine")
