"""When things happen in a presentation, against searches over all time steps."""

import numpy as np
import pytest
from brian2 import ms
from spiking.open_loop.timelines import TIMELINES

from spikedtp.errors import SpikedtpError
from spikedtp.spiking.open_loop.timeline import Timeline


def points_at_steps(timeline):
    """The rate step that each time step stands at: the first point at the first step, the last at the last."""
    return np.linspace(0, timeline.n_points - 1, timeline.n_steps)


@pytest.mark.parametrize("name", TIMELINES)
def test_points_are_spread_over_the_whole_presentation(name):
    timeline = TIMELINES[name]
    at = points_at_steps(timeline)
    per_point = round(float(timeline.time_per_step / timeline.dt))
    assert timeline.n_steps == timeline.n_points * per_point and timeline.lag_steps == per_point
    assert float(timeline.duration / ms) == pytest.approx(timeline.n_points * float(timeline.time_per_step / ms))
    np.testing.assert_allclose(timeline.times * 1e3, np.arange(timeline.n_steps) * float(timeline.dt / ms), rtol=1e-12)
    for point in np.arange(0, timeline.n_points - 1 + 1e-6, 0.25):
        assert timeline.step_of(point) == np.flatnonzero(at >= point - 1e-6)[0]
    assert timeline.nudge_start == np.flatnonzero(at >= timeline.sensory_points - 1e-6)[0]
    # the nudge comes in gradually after the last sensory point
    assert timeline.settled_end == np.flatnonzero(at <= timeline.sensory_points - 1 + 1e-6)[-1] + 1


@pytest.mark.parametrize("name", TIMELINES)
@pytest.mark.parametrize("lag", [0, 2])
def test_activities_are_interpolated_between_the_points(name, lag):
    timeline = TIMELINES[name]
    points = np.random.default_rng(3).normal(size=(2, timeline.n_points, 3))
    found = timeline.interpolate(points, lag=lag)
    at, late = points_at_steps(timeline), min(lag, timeline.n_steps)
    for sample in range(2):
        for cell in range(3):
            heard = np.interp(at[: timeline.n_steps - late], np.arange(timeline.n_points), points[sample, :, cell])
            np.testing.assert_allclose(found[sample, :, cell], np.append(np.zeros(late), heard), atol=1e-12)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"time_per_step": 0.5 * ms}, "shorter than dt"),
        ({"time_per_step": 1.5 * ms}, "must be a whole number of time steps"),
        ({"sensory_points": 0}, "at least one sensory and one supervised"),
        ({"supervised_points": 0}, "at least one sensory and one supervised"),
    ],
)
def test_timelines_are_checked(changes, words):
    with pytest.raises(SpikedtpError, match=words):
        Timeline(**changes)
