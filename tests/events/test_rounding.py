"""Times that are the same but for rounding."""

from __future__ import annotations

import numpy as np

from spikedtp.events.rounding import before, exact, slack_in_steps, steps_of


def test_before_is_not_by_rounding():
    assert not before(0.1 * 3, 0.3) and not before(0.3, 0.1 * 3)
    assert before(0.3 - 1e-9, 0.3) and before(1e300, np.inf)
    assert not before(1.7e9, np.nextafter(1.7e9, 2e9)) and before(1.7e9, 1.7e9 + 1e-4)


def test_steps_are_rounded_down_from_more_than_rounding():
    x = np.array([2.9999999999999996, 3.0, 2.999998, 3.999999999, -1e-12, -0.5])
    assert steps_of(x, slack_in_steps(0, 1, 1e-4)).tolist() == [3, 3, 2, 4, 0, -1]


def test_double_precision_is_left_alone():
    times = np.array([0.1, 0.1 * 3])
    assert exact(times) is times and exact([0.1]) == [0.1]
    assert exact(np.float32([0.1, 1e-5])).tolist() == [0.1, 1e-5]
