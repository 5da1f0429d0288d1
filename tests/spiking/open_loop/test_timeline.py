"""When things happen in a presentation and what is read of it, against searches over all time steps."""

import numpy as np
import pytest
from brian2 import ms

from spikedtp.errors import SpikedtpError
from spikedtp.neurons import PoissonInput, TwoCompartment
from spikedtp.spiking.open_loop.plan import OpenLoop, Source
from spikedtp.spiking.open_loop.readout import KINDS, PHASES, SIGNALS, Kernels, readout_named, row
from spikedtp.spiking.open_loop.timeline import Timeline

#: the published one; points that fall between time steps; a point for each time step; the shortest
TIMELINES = {
    "published": Timeline(),
    "fine": Timeline(dt=0.25 * ms),
    "short": Timeline(time_per_step=3 * ms, sensory_points=4, supervised_points=3),
    "whole": Timeline(time_per_step=1 * ms, sensory_points=6, supervised_points=9),
    "least": Timeline(time_per_step=1 * ms, sensory_points=1, supervised_points=1),
}


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


def test_rows_are_where_they_are_said_to_be():
    weights = {(s, p, k): np.random.default_rng([len(s), len(p), len(k)]).random(5)
               for s in SIGNALS for p in PHASES for k in KINDS}  # fmt: skip
    del weights["soma", "nudged", "state"]
    kernels = Kernels(5, weights)
    for signals in (SIGNALS, SIGNALS[:2], SIGNALS[2:]):
        rows = kernels.rows(signals)
        assert rows.shape == (4 * len(signals), 5)
        for s in signals:
            for p in PHASES:
                for k in KINDS:
                    np.testing.assert_array_equal(rows[row(signals, s, p, k)], weights.get((s, p, k), np.zeros(5)))


@pytest.mark.parametrize("name", TIMELINES)
def test_the_papers_readout_is_the_last_state_of_each_phase(name):
    timeline, wanted = TIMELINES[name], {}
    kernels = readout_named("paper").kernels(timeline)
    for phase, last in (("settled", timeline.settled_end - 1), ("nudged", timeline.n_steps - 1)):
        wanted |= {(signal, phase, "state"): np.arange(timeline.n_steps) == last for signal in SIGNALS}
    assert kernels.weights.keys() == wanted.keys()
    for key, kernel in wanted.items():
        np.testing.assert_array_equal(kernels.weights[key], kernel)


#: ms of the published presentation; the first weight relative to the last (docs/readout.md)
LAST_THIRD, SECOND_HALF, FROM_THE_NUDGE, WHOLE = (147, 210, 0.5), (110, 210, 0.5), (226, 420, 0.8), (0, 420, 0.5)


@pytest.mark.parametrize("contrast", [False, True])
def test_the_best_readout_averages_the_drive_over_its_windows(contrast):
    timeline = TIMELINES["published"]
    windows = {("dendrite", "settled"): LAST_THIRD, ("soma", "settled"): LAST_THIRD, ("trace", "settled"): SECOND_HALF}
    windows |= {("dendrite", "nudged"): FROM_THE_NUDGE, ("soma", "nudged"): FROM_THE_NUDGE}
    windows["trace", "nudged"] = FROM_THE_NUDGE if contrast else WHOLE
    kernels = readout_named("best", contrasting=contrast).kernels(timeline)
    fine = readout_named("best", contrasting=contrast).kernels(TIMELINES["fine"])
    assert kernels.weights.keys() == fine.weights.keys() == {(*key, "drive") for key in windows}
    for key, (start, stop, first) in windows.items():
        kernel = kernels.weights[*key, "drive"]
        np.testing.assert_array_equal(np.flatnonzero(kernel), np.arange(start, stop))
        assert kernel.sum() == pytest.approx(1)
        np.testing.assert_allclose(kernel[start:stop] / kernel[stop - 1], np.linspace(first, 1, stop - start))
        # a quarter of the time step: four times the steps, as many ms
        sums = fine.weights[*key, "drive"].reshape(420, 4).sum(axis=1)
        assert np.abs(np.cumsum(sums) - np.cumsum(kernel)).max() < 1.5 * kernel.max()


def test_windows_of_the_shortest_presentations_are_not_empty():
    for name in ("least", "short"):
        for kernel in readout_named("best").kernels(TIMELINES[name]).weights.values():
            assert kernel.sum() == pytest.approx(1) and (kernel >= 0).all()


def test_neighbours_with_one_lag_are_one_block():
    late = (False, True, True, False, False, True)
    sources = tuple(Source(f"A_B{k}", f"B{k}", "soma", lagged, np.zeros((2, k + 1))) for k, lagged in enumerate(late))
    timeline = TIMELINES["short"]
    kernels = readout_named("paper").kernels(timeline)
    spec = OpenLoop("A", TwoCompartment(), PoissonInput(), sources, timeline, kernels)
    assert spec.n_inputs == 21 and spec.slices()["A_B2"] == slice(3, 6)
    assert spec.blocks() == [(0, 1, 0), (1, 6, 3), (6, 15, 0), (15, 21, 3)]
