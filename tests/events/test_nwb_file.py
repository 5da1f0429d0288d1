"""Spike trains from NWB files that others wrote, whole and damaged."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pytest
from brian2 import ms, second

from spikedtp.errors import SpikedtpError
from spikedtp.events import from_nwb, read_spikes

pynwb = pytest.importorskip("pynwb")


@pytest.fixture
def raster():
    return np.random.default_rng(3).random((3000, 4)) < 0.05


def session() -> pynwb.NWBFile:
    return pynwb.NWBFile(
        session_description="test", identifier="test", session_start_time=datetime(2020, 1, 1, tzinfo=UTC)
    )


def written(nwb: pynwb.NWBFile, path):
    with pynwb.NWBHDF5IO(path, "w") as io:
        io.write(nwb)
    return path


@pytest.fixture
def file(raster, tmp_path):
    """Units 11, 5, 30 and 8, and two trials of 400 ms, with a pause."""
    nwb = session()
    nwb.add_unit_column("area", "where")
    nwb.add_unit_column("quality", "how well")
    for k, number in enumerate([11, 5, 30, 8]):
        area = ["CA1", "CA3"][k % 2]
        nwb.add_unit(id=number, spike_times=np.flatnonzero(raster[:, k]) * 1e-3, area=area, quality=k // 2)
    for start in (0.5, 1.7):
        nwb.add_trial(start_time=start, stop_time=start + 0.4)
    return written(nwb, tmp_path / "session.nwb")


def test_units_and_trials(file, raster):
    found = from_nwb(file, stop=3 * second)
    assert found.ids == (11, 5, 30, 8)
    np.testing.assert_array_equal(found.raster(1 * ms), raster)
    other = read_spikes(file, cells=[5, 8, 11, 30], stop=3 * second)
    np.testing.assert_array_equal(other.raster(1 * ms), raster[:, [1, 3, 0, 2]])
    chosen = from_nwb(file, where={"area": "CA3", "quality": 1}, stop=3 * second)
    assert chosen.ids == (8,) and np.array_equal(chosen.raster(1 * ms), raster[:, 3:])
    trials = read_spikes(file, trials=True).raster(1 * ms)
    np.testing.assert_array_equal(trials, [raster[500:900], raster[1700:2100]])
    np.testing.assert_array_equal(from_nwb(file, trials=[1]).raster(1 * ms), raster[None, 1700:2100])
    np.testing.assert_array_equal(from_nwb(file, trials=True, stop=0.1 * second).raster(1 * ms), trials[:, :100])


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"where": {"area": "V1"}}, "unknown value of the column 'area' 'V1': known are CA1, CA3"),
        ({"where": {"layer": 1}}, "unknown column of the units table 'layer': known are area, quality, spike_times"),
        ({"cells": [5, 8]}, "spikes of cell 11, which is none of the 2 cells that were named"),
        ({"trials": [7]}, "there is no trial 7 in the trials table"),
        ({"trials": True, "start": 0 * ms}, "trials begin where the file says"),
        ({"stop": 1 * second}, "spikes are after stop = 1 s"),
    ],
)
def test_mistakes_are_one_line(file, options, words):
    with pytest.raises(SpikedtpError, match=words):
        from_nwb(file, **options)


def test_clipping(file, raster):
    found = from_nwb(file, start=1 * second, stop=2 * second, clip=True)
    np.testing.assert_array_equal(found.raster(1 * ms), raster[1000:2000])


def test_files_without_spikes(tmp_path):
    with pytest.raises(SpikedtpError, match="has no spike times: it has no units table"):
        from_nwb(written(session(), tmp_path / "none.nwb"))
    nwb = session()
    nwb.add_unit_column("area", "where")
    nwb.add_unit(area="V1")
    with pytest.raises(SpikedtpError, match="or one without that column"):
        from_nwb(written(nwb, tmp_path / "columns.nwb"))
    nwb = session()
    nwb.add_unit(spike_times=[0.1])
    path = written(nwb, tmp_path / "trials.nwb")
    with pytest.raises(SpikedtpError, match="has no trials table: leave trials out"):
        from_nwb(path, trials=True)


def test_trials_that_last_differently(tmp_path):
    nwb = session()
    nwb.add_unit(spike_times=[0.1, 1.2])
    nwb.add_trial(start_time=0.0, stop_time=0.5)
    nwb.add_trial(start_time=1.0, stop_time=2.0)
    path = written(nwb, tmp_path / "trials.nwb")
    with pytest.raises(SpikedtpError, match=r"trials last from 0.5 s to 1 s: state how long a trial is, stop="):
        from_nwb(path, trials=True)
    assert from_nwb(path, trials=True, stop=500 * ms).raster(100 * ms).nonzero()[1].tolist() == [1, 2]


def test_files_of_another_kind(file, tmp_path):
    h5py = pytest.importorskip("h5py")
    with h5py.File(tmp_path / "other.h5", "w") as other:
        other["x"] = 1
    with pytest.raises(SpikedtpError, match="this HDF5 file is no NWB file: it does not say its nwb_version"):
        read_spikes(tmp_path / "other.h5")
    with h5py.File(file, "a") as nwb:
        nwb["units/spike_times_index"][1] = 0
    with pytest.raises(SpikedtpError, match="its index does not fit its spike times"):
        from_nwb(file)
    for name, words in {"none.nwb": "there is no such file", ".": "this is a folder, no file"}.items():
        with pytest.raises(SpikedtpError, match=words):
            from_nwb(tmp_path / name)


@pytest.mark.parametrize("part", [0.01, 0.1, 0.5, 0.9, 0.999])
def test_cut_files(file, tmp_path, part):
    data = file.read_bytes()
    (tmp_path / "cut.nwb").write_bytes(data[: int(part * len(data))])
    with pytest.raises(SpikedtpError, match=r"cut.nwb: this NWB file is damaged \(\w+\); get it again"):
        read_spikes(tmp_path / "cut.nwb")
