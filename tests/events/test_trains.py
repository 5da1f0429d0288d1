"""Spike trains in time steps: against exact arithmetic, on drawn trains."""

from __future__ import annotations

import logging
from fractions import Fraction

import numpy as np
import pytest
from brian2 import ms, second
from hypothesis import given
from hypothesis import strategies as st

from spikedtp.errors import SpikedtpError
from spikedtp.events import SpikeTrains

seeds = st.integers(0, 2**32)
#: Time steps that no binary number holds exactly, in ms.
STEPS = st.sampled_from(["0.1", "0.3", "0.025", "1", "0.7", "2.5", "0.01"])


def drawn(seed: int, n_steps: int = 400, n: int = 5) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A raster, and the steps and cells of its spikes in any order."""
    rng = np.random.default_rng(seed)
    raster = rng.random((n_steps, n)) < rng.uniform(0.01, 0.5)
    steps, cells = raster.nonzero()
    order = rng.permutation(len(steps))
    return raster, steps[order], cells[order]


@given(seeds, STEPS, st.integers(-1000, 10**6))
def test_times_at_the_beginning_of_a_step_are_in_it(seed, dt, first):
    """However they were computed: 0.3 ms / 0.1 ms is step 3."""
    raster, steps, cells = drawn(seed)
    exact = [Fraction(dt) * (first + int(k)) / 1000 for k in steps]
    step = float(dt) * 1e-3
    start, stop = float(Fraction(dt) * first / 1000), float(Fraction(dt) * (first + len(raster)) / 1000)
    ways = (
        [float(t) for t in exact],
        (first + steps) * step,  # two roundings
        start + steps * step,
        [float(f"{float(t * 1000):.6g}") / 1000 if abs(first) < 1000 else float(t) for t in exact],  # as text, in ms
        np.cumsum(np.full(first + 400, step))[first + steps - 1] if 0 < first < 10**4 else (first + steps) * step,
    )
    for times in ways:
        trains = SpikeTrains(times, cells, range(5), start * second, stop * second)
        np.testing.assert_array_equal(trains.raster(float(dt) * ms), raster)


@given(seeds, STEPS, st.floats(1e-5, 1 - 1e-5))
def test_times_within_a_step_are_rounded_down(seed, dt, part):
    raster, steps, cells = drawn(seed)
    step = float(dt) * 1e-3
    trains = SpikeTrains((steps + part) * step, cells, range(5), stop=len(raster) * step * second)
    np.testing.assert_array_equal(trains.raster(float(dt) * ms), raster)


def test_single_precision_is_read_as_what_it_stands_for():
    """float32 of 10.3 ms is 0.010300000198: at 0.1 ms it is step 103, and so is what lies below it, 0.7 ms."""
    times = np.array([0.0103, 0.0007, 1.2346, 0.9999], dtype=np.float32)
    trains = SpikeTrains(times, [0] * 4, [0], stop=2 * second)
    assert trains.raster(0.1 * ms).nonzero()[0].tolist() == [7, 103, 9999, 12346]


def test_a_window_that_is_no_whole_number_of_steps_keeps_its_rest():
    trains = SpikeTrains([0.0104], [0], [0], stop=10.5 * ms)
    assert trains.raster(1 * ms).shape == (11, 1) and trains.raster(1 * ms)[10, 0]
    assert SpikeTrains([], [], [3], stop=0.3 * ms).raster(0.1 * ms).shape == (3, 1)  # 0.3 / 0.1 is 2.9999999999999996
    assert SpikeTrains([], [], [3], stop=0.7 * ms).raster(0.1 * ms).shape == (7, 1)


@given(seeds)
def test_parts_are_those_of_the_array(seed):
    raster, steps, cells = drawn(seed)
    rng = np.random.default_rng(seed)
    ids = rng.choice(100, 5, replace=False)
    trains = SpikeTrains((steps + 0.5) * 1e-3, cells, ids, stop=400 * ms)
    chosen = rng.permutation(5)[: rng.integers(1, 6)]
    np.testing.assert_array_equal(trains.select(ids[chosen].tolist()).raster(1 * ms), raster[:, chosen])
    more = trains.select([200, *ids.tolist()], silent=True).raster(1 * ms)
    assert not more[:, 0].any() and np.array_equal(more[:, 1:], raster)
    first, last = sorted(rng.choice(401, 2, replace=False).tolist())
    np.testing.assert_array_equal(trains.window(first * ms, last * ms).raster(1 * ms), raster[first:last])


@given(seeds, st.booleans(), st.sampled_from([0.0, 1234.5, 1.7e9]))
def test_trials_are_pieces_of_the_recording(seed, at_the_beginning, since):
    """Of one that may have begun long ago."""
    raster, steps, cells = drawn(seed)
    rng = np.random.default_rng(seed)
    length, onsets = int(rng.integers(1, 80)), rng.integers(0, 320, rng.integers(1, 8))
    times = since + (steps if at_the_beginning else steps + 0.3) * 1e-3
    trains = SpikeTrains(times, cells, range(5), since * second, since * second + 400 * ms)
    found = trains.in_trials(since * second + onsets * ms, length * ms)
    wanted = np.stack([raster[onset : onset + length] for onset in onsets])
    np.testing.assert_array_equal(found.raster(1 * ms), wanted)
    np.testing.assert_array_equal(found.trial(len(onsets) - 1).raster(1 * ms), wanted[-1])
    assert found.n_trials == len(onsets) and len(found) == wanted.sum()


def test_two_spikes_of_a_cell_in_a_step(caplog):
    trains = SpikeTrains([0.0101, 0.0109, 0.0102, 0.02], [1, 1, 0, 1], [7, 8], stop=1 * second)
    with pytest.raises(SpikedtpError, match=r"1 of 4 spikes shares .* 1\. ms .*\(cell 8 at 0\.0101 s\).*'merge'"):
        trains.raster(1 * ms)
    with caplog.at_level(logging.WARNING):
        merged = trains.raster(1 * ms, repeated="merge")
    assert merged.sum() == 3 and merged[10].all() and "1 of 4 spikes" in caplog.text
    assert trains.raster(0.5 * ms).sum() == 4
    with pytest.raises(SpikedtpError, match="unknown way to treat repeated spikes 'drop': known are merge, refuse"):
        trains.raster(1 * ms, repeated="drop")


def test_it_says_what_it_is():
    trains = SpikeTrains([0.1], [0], [4], stop=2 * second)
    assert repr(trains) == "SpikeTrains: 1 spike of 1 cell, 0 s to 2 s"
    assert "in 2 trials, 0 s to 0.5 s" in repr(trains.in_trials([0, 1] * second, 500 * ms))
    assert "to an unknown end" in repr(SpikeTrains([0.1], [0], [4]))


GOOD = {"times": [0.1, 0.2], "cells": [0, 1], "ids": (4, 5), "stop": 1 * second}


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"times": [0.1, np.nan]}, "times of spikes holds values that are not finite"),
        ({"times": [[0.1, 0.2]]}, r"times of spikes must be \(n_spikes,\), got \(1, 2\)"),
        ({"times": [-0.1, 0.2]}, r"1 of 2 spikes is before start = 0 s, up to -0\.1 s: check the unit of time"),
        ({"times": [0.1, 200]}, "1 of 2 spikes is after stop = 1 s, up to 200 s"),
        ({"cells": [0]}, r"cells of spikes must be \(2,\) as their times, got \(1,\)"),
        ({"cells": [0, 2]}, "cells of spikes must be numbers from 0 to 1"),
        ({"cells": [0, 0.5]}, "cells of spikes must be numbers from 0 to 1"),
        ({"ids": (4, 4)}, r"ids of cells must differ, got \[4, 4\]"),
        ({"ids": (4, "a")}, "an id of a cell must be a whole number of at least 0, got 'a'"),
        ({"ids": (), "times": [], "cells": []}, "no spikes and no cells"),
        ({"stop": 1}, "SpikeTrains.stop must be a quantity in s"),
        ({"stop": -1 * second}, "SpikeTrains.stop must be above 0. s"),
        ({"n_trials": 2}, r"trials of spikes must be \(2,\)"),
        ({"trials": [0, 1]}, "need n_trials"),
    ],
)
def test_mistakes_are_one_line(changes, words):
    with pytest.raises(SpikedtpError, match=words):
        SpikeTrains(**(GOOD | changes))


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda t: t.select([9]), "cell 9 is not in the recording"),
        (lambda t: t.select([4, 4]), "ids of cells must differ"),
        (lambda t: t.window(1 * second, 0.5 * second), "window.stop must be above 1. s"),
        (lambda t: t.raster(1), "raster.dt must be a quantity in s"),
        (lambda t: t.raster(1e-13 * second), "entries .* are too many: take a shorter window"),
        (lambda t: t.in_trials([0, 1], 1 * second), r"onsets must be times \(n_trials,\) with a unit"),
        (lambda t: t.in_trials([0.8] * second, 300 * ms), "not all within the recording, 0 s to 1 s"),
        (lambda t: t.trial(0), "in one sequence, not in trials"),
        (lambda t: t.in_trials([0] * second, 1 * second).in_trials([0] * second, 1 * second), "in trials already"),
        (lambda t: t.in_trials([0] * second, 1 * second).trial(1), "trial must be at most 0"),
        (lambda t: SpikeTrains([0.5], [0], [0]).raster(1 * ms), "recording ends: .*, the last spike is at 0.5 s"),
        (lambda t: SpikeTrains([1], [0], [0], stop=1 * second).raster(1 * ms), "1 of 1 spike is at the very end"),
        (
            lambda t: SpikeTrains([1.7e9], [0], [0], 1.7e9 * second, 1.7e9 * second + 1 * second).raster(0.01 * ms),
            "are known to no more than .* subtract the beginning",
        ),
    ],
)
def test_what_cannot_be_done_is_one_line(call, words):
    with pytest.raises(SpikedtpError, match=words):
        call(SpikeTrains(**GOOD))
