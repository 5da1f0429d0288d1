"""Spike trains from neo: the same arrays, whatever the units."""

from __future__ import annotations

import numpy as np
import pytest
from brian2 import ms, second
from hypothesis import given
from hypothesis import strategies as st

from spikedtp.errors import SpikedtpError
from spikedtp.events import from_neo

neo = pytest.importorskip("neo")
UNITS = {"s": 1.0, "ms": 1e-3, "us": 1e-6, "min": 60.0}


def block_of(raster: np.ndarray, dt: float, unit: str, dtype: type, shift: float = 0.0) -> neo.Block:
    """A block with a segment for each trial of `raster`, (trials, steps, n); trial k begins at k times `shift` s."""
    block, size = neo.Block(), UNITS[unit]
    for k, trial in enumerate(raster):
        begin, end = k * shift / size, (k * shift + len(trial) * dt) / size
        block.segments.append(neo.Segment())
        for cell in trial.T:
            times = ((k * shift + np.flatnonzero(cell) * dt) / size).astype(dtype)
            block.segments[-1].spiketrains.append(neo.SpikeTrain(times, units=unit, t_start=begin, t_stop=end))
    return block


@given(st.integers(0, 2**32), st.sampled_from(list(UNITS)), st.sampled_from([1e-3, 1e-4, 3e-4]))
def test_any_block_is_its_raster(seed, unit, dt):
    rng = np.random.default_rng(seed)
    raster = rng.random((rng.integers(1, 4), rng.integers(1, 300), rng.integers(1, 5))) < rng.uniform(0, 0.4)
    block = block_of(raster, dt, unit, np.float64, shift=rng.choice([0.0, 7.1]))
    wanted = raster if len(raster) > 1 else raster[0]
    np.testing.assert_array_equal(from_neo(block).raster(dt * second), wanted)
    np.testing.assert_array_equal(from_neo(block.segments[0]).raster(dt * second), raster[0])
    np.testing.assert_array_equal(from_neo(list(block.segments[0].spiketrains)).raster(dt * second), raster[0])


@given(st.integers(0, 2**32))
def test_single_precision(seed):
    raster = np.random.default_rng(seed).random((1, 2000, 2)) < 0.2
    trains = from_neo(block_of(raster, 1e-4, "ms", np.float32))
    np.testing.assert_array_equal(trains.window(0 * ms, 200 * ms).raster(0.1 * ms), raster[0])


def test_annotations_choose():
    trains = [neo.SpikeTrain([k], units="ms", t_stop=9, area=area) for k, area in enumerate(["V1", "V2", "V1"])]
    assert from_neo(trains, where={"area": "V1"}).raster(1 * ms).nonzero()[0].tolist() == [0, 2]
    with pytest.raises(SpikedtpError, match=r"there are no spike trains with \{'area': 'V4'\}"):
        from_neo(trains, where={"area": "V4"})


def test_windows():
    trains = [neo.SpikeTrain([3, 4], units="s", t_start=2, t_stop=4), neo.SpikeTrain([1], units="s", t_stop=3)]
    found = from_neo(trains)
    assert (found.start, found.stop) == (0 * second, 4 * second)
    with pytest.raises(SpikedtpError, match=r"1 of \d spikes? is at the very end of the window, 4 s"):
        found.raster(1 * second)
    later = from_neo(trains, start=-1 * second, stop=5 * second).raster(1 * second)
    assert np.argwhere(later).tolist() == [[2, 1], [4, 0], [5, 0]]
    with pytest.raises(SpikedtpError, match=r"1 of 3 spikes is after stop = 3\.5 s"):
        from_neo(trains, stop=3.5 * second)


def test_what_is_no_spike_train():
    def block(*numbers: int) -> neo.Block:
        """With so many trains in each segment, which last 2 s, 3 s, ..."""
        found = neo.Block()
        for k, n in enumerate(numbers):
            found.segments.append(neo.Segment())
            for _ in range(n):
                found.segments[-1].spiketrains.append(neo.SpikeTrain([1], units="s", t_stop=k + 2))
        return found

    with pytest.raises(SpikedtpError, match="segments have 1 to 2 spike trains: each needs one for every cell"):
        from_neo(block(1, 2))
    unequal = block(1, 1)
    with pytest.raises(SpikedtpError, match=r"segments last from 2 s to 3 s: state the duration of a trial, stop="):
        from_neo(unequal)
    assert from_neo(unequal, stop=3 * second).raster(1 * second).shape == (2, 3, 1)
    for nothing in (neo.Block(), neo.Segment(), []):
        with pytest.raises(SpikedtpError, match="from_neo: there are no spike trains"):
            from_neo(nothing)
    for wrong in (3, "spikes", [np.arange(3)], [neo.Event([1], units="s")]):
        with pytest.raises(SpikedtpError, match="from_neo takes a Block, a Segment or SpikeTrains of neo, got"):
            from_neo(wrong)
