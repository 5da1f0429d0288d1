"""Spikes in CSV files: what is read, and what is refused in one line that says where."""

from __future__ import annotations

import logging

import numpy as np
import pandas as pd
import pytest
from brian2 import ms, second
from hypothesis import given
from hypothesis import strategies as st

from spikedtp.errors import SpikedtpError
from spikedtp.events import read_spikes


@pytest.fixture
def file(tmp_path):
    def write(text: str | bytes, name: str = "spikes.csv"):
        path = tmp_path / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    return write


@given(st.integers(0, 2**32), st.sampled_from(["s", "ms", "us"]), st.sampled_from([",", ";", "\t"]))
def test_any_table_of_spikes_is_read_back(tmp_path_factory, seed, unit, mark):
    rng = np.random.default_rng(seed)
    raster = rng.random((200, 6)) < rng.uniform(0, 0.3)
    steps, cells = rng.permutation(np.argwhere(raster)).T
    ids, dt = rng.choice(1000, 6, replace=False), {"s": 1e-4, "ms": 0.1, "us": 100}[unit]
    named = rng.random() < 0.5
    columns = {f"time_{unit}" if named else "time": steps * dt, "cell": ids[cells], "amplitude": rng.random(len(steps))}
    order = rng.permutation(list(columns)).tolist()
    path = tmp_path_factory.mktemp("csv") / "spikes.csv"
    pd.DataFrame(columns)[order].to_csv(path, sep=mark, index=False, lineterminator=rng.choice(["\n", "\r\n"]))
    trains = read_spikes(path, unit=None if named else unit, cells=ids.tolist(), stop=20 * ms)
    assert trains.ids == tuple(ids)
    np.testing.assert_array_equal(trains.raster(0.1 * ms), raster)


def test_cells_are_those_with_a_spike_from_the_smallest_up_unless_they_are_named(file):
    path = file("cell,time_ms\n12,3\n7,1\n12,5.0\n")
    found = read_spikes(path, stop=10 * ms)
    assert found.ids == (7, 12) and found.cells.tolist() == [1, 0, 1]
    assert read_spikes(path, cells=[12, 3, 7], stop=10 * ms).cells.tolist() == [0, 2, 0]
    silent = read_spikes(file("cell,time_ms\n"), cells=range(3), stop=10 * ms)
    assert silent.raster(1 * ms).shape == (10, 3) and not len(silent)


def test_spikes_outside_are_left_out_where_this_is_asked_for(file, caplog):
    path = file("time_s,cell\n-0.5,0\n0.25,1\n3,2\n")
    with pytest.raises(SpikedtpError, match=r"spikes.csv: 1 of 3 spikes is before start = 0 s, up to -0.5 s"):
        read_spikes(path, stop=1 * second)
    assert read_spikes(path, start=-1 * second, stop=4 * second).raster(500 * ms).nonzero()[0].tolist() == [1, 2, 8]
    with caplog.at_level(logging.WARNING):
        found = read_spikes(path, stop=1 * second, clip=True)
    assert found.ids == (0, 1, 2) and found.cells.tolist() == [1]
    assert "2 of 3 spikes are outside of the window, 0 s to 1 s, and left out" in caplog.text
    with pytest.raises(SpikedtpError, match="clip needs a window"):
        read_spikes(path, clip=True)


def test_trials(file):
    path = file("trial,time_ms,cell\n4,1,0\n9,2,1\n4,1,1\n")
    found = read_spikes(path, trials=True, stop=3 * ms).raster(1 * ms)
    assert np.argwhere(found).tolist() == [[0, 1, 0], [0, 1, 1], [1, 2, 1]]
    named = read_spikes(path, trials=range(10), stop=3 * ms).raster(1 * ms)
    assert named.any(axis=(1, 2)).nonzero()[0].tolist() == [4, 9]
    clipped = read_spikes(path, trials=True, stop=1.5 * ms, clip=True)
    assert clipped.n_trials == 2 and clipped.trials.tolist() == [0, 0]  # the trial that lost its spikes is still there
    with pytest.raises(SpikedtpError, match="a column 'trial': say trials=True"):
        read_spikes(path, stop=3 * ms)
    with pytest.raises(SpikedtpError, match="spikes of trial 9, which is none of the 5 trials"):
        read_spikes(path, trials=range(5), stop=3 * ms)


@pytest.mark.parametrize(
    ("present", "words"),
    [
        ([0, 2], "no spike in 1 trial between 0 and 2, such as 1: name all that took place, as in trials=range(0, 3)"),
        ([3, 4, 9, 7], "no spike in 3 trials between 3 and 9, such as 5: name all that took place"),
        ([1, 2, 3], ""),
        ([5], ""),
    ],
)
def test_trials_without_a_spike_are_told_of(file, caplog, present, words):
    path = file("time_ms,cell,trial\n" + "".join(f"1,4,{trial}\n" for trial in present))
    with caplog.at_level(logging.WARNING):
        assert read_spikes(path, trials=True).n_trials == len(present)
        assert caplog.text.count("WARNING") == bool(words) and words in caplog.text
        caplog.clear()
        named = read_spikes(path, trials=range(min(present), max(present) + 1), stop=2 * ms)
    assert not caplog.text
    fired = named.raster(1 * ms).any(axis=(1, 2)).nonzero()[0] + min(present)
    assert fired.tolist() == sorted(present)


def test_other_columns_choose(file):
    path = file("time_ms,cell,area,probe\n1,0,CA1,1\n2,1,CA3,1\n3,2,CA1,2\n")
    assert read_spikes(path, where={"area": "CA1", "probe": 2}, stop=5 * ms).ids == (2,)
    with pytest.raises(SpikedtpError, match="unknown value of the column 'area' 'V1': known are CA1, CA3"):
        read_spikes(path, where={"area": "V1"})
    with pytest.raises(SpikedtpError, match="no column 'layer'; the first line names 'time_ms', 'cell', 'area'"):
        read_spikes(path, where={"layer": 1})


@pytest.mark.parametrize(
    ("text", "options", "words"),
    [
        ("", {}, "the file is empty: its first line must name the columns"),
        ("\n\n", {}, "the file is empty"),
        ("time_ms,cell\n", {}, "no spikes and no cells: name the cells"),
        ("time,cell\n1,1\n", {}, "the column 'time' has no unit: call it time_s or time_ms, or state the unit"),
        ("time,cell\n1,1\n", {"unit": "min"}, "unknown unit of time 'min': known are ms, s, us"),
        ("time_ms,cell\n1,1\n", {"unit": "s"}, "the column 'time_ms' is not in s, which was stated"),
        ("time_ms,time_s,cell\n1,1,1\n", {}, "there must be one column of times"),
        ("t,cell\n1,1\n", {}, "there must be one column of times, .* the first line names 't', 'cell'"),
        ("1.0,3\n2.0,4\n", {}, "there must be one column of times, .* the first line names '1.0', '3'"),
        ("time_ms,neuron\n1,1\n", {}, "there is no column 'cell'; the first line names 'time_ms', 'neuron'"),
        ("time_ms,cell,cell\n1,1,2\n", {}, "there are two columns 'cell': rename one"),
        ("time_ms,cell\n1,1\nlate,2\n", {}, "row 2: time_ms must be a finite number, and there is 'late'"),
        ("time_ms,cell\n1,1\n3,\n", {}, r"row 2: cell must be a finite number, and there is nothing \(or NaN\)"),
        ("time_ms,cell\nNaN,1\n", {}, "row 1: time_ms must be a finite number, and there is nothing"),
        ("time_ms,cell\n1,1\ninf,1\n", {}, "row 2: time_ms must be a finite number, and there is 'inf'"),
        ("time_ms,cell\n1,1\n3\n", {}, "row 2: cell must be a finite number"),
        ("time_ms,cell\n1,1.5\n", {}, "row 1: cell must be a whole number from 0 on, and there is 1.5"),
        ("time_ms,cell\n1,-1\n", {}, "row 1: cell must be a whole number from 0 on, and there is -1"),
        ("time_ms,cell\n1,1e300\n", {}, "row 1: cell must be a whole number from 0 on"),
        ("time_ms,cell\n1,True\n", {}, "row 1: cell must be a finite number, and there is 'True'"),
        ("time_ms,cell\n1,E12\n", {}, "row 1: cell must be a finite number, and there is 'E12'"),
        ("time_ms,cell\n1,1,7\n", {}, "this is no CSV table"),
        ("time_ms,cell\n1,1\n2,2,2,2\n", {}, "this is no CSV table: Expected 2 fields in line 3, saw 4"),
        ('time_ms,cell\n1,"1\n', {}, "this is no CSV table"),
        ("time_ms;cell\n0,3;1\n", {}, "row 1: time_ms must be a finite number, and there is '0,3'"),
        ("time_ms,cell\n1,1\n", {"cells": [2, 3]}, "spikes of cell 1, which is none of the 2 cells that were named"),
        ("time_ms,cell\n1,1\n", {"cells": ["a"]}, "an id of a cell must be a whole number"),
        ("time_ms,cell\n1,1\n", {"stop": 1}, "SpikeTrains.stop must be a quantity in s"),
        (b"\x89PNG\r\n\x1a\n....", {}, "this is no CSV file but a PNG image"),
        (b"\x1f\x8b\x08abc", {}, "this is no CSV file but a gzip-compressed file"),
        (b"time_ms,cell\n1,\xff\n", {}, "cannot be read .not UTF-8 text.|this is no CSV table: .*utf-8"),
        (b"time_ms,\xffcell\n1,1,1,1,1,1,1\n", {}, "this is no CSV file but binary data"),
        ("time_ms,cell\n" + "1,1\n" * 200 + "é,1\n", {}, "row 201: time_ms must be a finite number, and there is 'é'"),
        (b"time_ms,cell\n" + b"1,1\n" * 200 + b"\xff,1\n", {}, "not UTF-8|no CSV table"),
        (b"time_ms,cell\n" + b"1,1\n" * 200 + b"\x00,1\n", {}, "row 201"),
    ],
)
def test_broken_files_are_one_line(file, text, options, words):
    path = file(text)
    with pytest.raises(SpikedtpError, match=words) as caught:
        read_spikes(path, **options)
    assert str(caught.value).startswith(f"{path}: ") and "\n" not in str(caught.value)
