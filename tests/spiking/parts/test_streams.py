"""Tables that are read while a network runs: each presentation its own, in small windows."""

from functools import partial

import numpy as np
import pytest
from brian2 import Clock, Network, SpikeMonitor, ms
from hypothesis import given
from hypothesis import strategies as st
from spiking.conditions import hypothesis_settings, needs_compiler

from spikedtp.spiking.engine.batch import RunInputs
from spikedtp.spiking.engine.built_network import BuiltNetwork
from spikedtp.spiking.engine.run import run_on
from spikedtp.spiking.parts import streams
from spikedtp.spiking.parts.given_spikes import packed, streamed_spikes
from spikedtp.spiking.parts.streams import Rows, rows_held


def build(n_steps: int) -> BuiltNetwork:
    clock = Clock(1 * ms, name="stream_clock")
    cells, stream = streamed_spikes(70, n_steps, clock=clock, name="told")
    spikes = SpikeMonitor(cells, name="told_spikes")
    net = Network(cells, spikes, name="told_network")
    return BuiltNetwork(
        net, clock, n_steps, start=lambda: None, streams={"told.spikes": stream}, spikes={"told": spikes}
    )


@pytest.mark.parametrize(
    ("device", "processes"),
    [("runtime", 1), *(pytest.param("cpp_standalone", k, marks=needs_compiler) for k in (1, 3))],
)
def test_every_presentation_has_its_own_table(device, processes, monkeypatch):
    """Also where the window ends in the middle of one, and where one is shown twice."""
    monkeypatch.setattr(streams, "WINDOW", 16 * 16)
    rng = np.random.default_rng(3)
    rasters, shown = rng.random((4, 41, 70)) < 0.2, np.array([2, 0, 0, 3, 1, 2, 1])
    tables = [packed(raster) for raster in rasters[:2]] + [
        Rows(lambda start, stop, raster=raster: packed(raster[start:stop])) for raster in rasters[2:]
    ]
    data = RunInputs({"told.spikes": tables}, shown, np.arange(len(shown)))
    events, counts = run_on(device, partial(build, 41), data, n_processes=processes).spikes["told"]
    found = np.zeros((len(shown), 41, 70), dtype=bool)
    found[np.repeat(np.arange(len(shown)), counts), events[:, 0], events[:, 1]] = True
    np.testing.assert_array_equal(found, rasters[shown])


@needs_compiler
def test_a_table_that_ends_too_early_stops_the_run(monkeypatch):
    data = RunInputs({"told.spikes": [packed(np.zeros((30, 70)))]}, np.zeros(1, int), np.zeros(1, int))
    with pytest.raises(RuntimeError, match=r"cannot read step 0 of .*told\.spikes"):
        run_on("cpp_standalone", partial(build, 41), data)


@hypothesis_settings
@given(row=st.integers(1, 1 << 20), steps=st.integers(1, 1 << 24))
def test_windows_are_small_powers_of_two(row, steps):
    held = rows_held(row, steps)
    assert held & (held - 1) == 0 and 1 <= held <= steps
    assert held == 1 or held * row <= streams.WINDOW
    assert 2 * held > min(steps, streams.WINDOW // row)
