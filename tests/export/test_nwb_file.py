"""Responses in NWB files hold what the response holds, and the files are valid."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pytest
from brian2 import ms

from spikedtp.errors import SpikedtpError
from spikedtp.events import from_nwb
from spikedtp.export import to_nwb
from spikedtp.neurons import TwoCompartmentLIF
from spikedtp.spiking import Phases

pynwb = pytest.importorskip("pynwb")


@pytest.mark.parametrize("cell", [None, TwoCompartmentLIF()], ids=["linear", "LIF"])
def test_everything_is_there_and_valid(run, tmp_path, cell):
    response = run(2, cell=cell, dt=0.5 * ms)
    path = to_nwb(response, tmp_path / "response.nwb", keywords=["test"])
    assert path == tmp_path / "response.nwb" and [p.name for p in tmp_path.iterdir()] == ["response.nwb"]
    assert pynwb.validate(path=str(path)) == []
    n_steps = len(response.times)
    with pynwb.NWBHDF5IO(path, "r") as io:
        nwb = io.read()
        trials, units = nwb.trials.to_dataframe(), nwb.units.to_dataframe()
        assert trials[["sample", "repeat"]].values.tolist() == [[0, 0], [0, 1], [1, 0], [1, 1]]
        np.testing.assert_allclose(trials.start_time, np.arange(4) * n_steps * 0.5e-3)
        np.testing.assert_allclose(trials.stop_time - trials.start_time, n_steps * 0.5e-3)
        for population, raster in response.spikes.items():
            mine = units[units.population == population]
            assert mine.cell.tolist() == list(range(raster.shape[-1]))
            at = np.concatenate([response.times + start for start in trials.start_time])
            for cell_number, times in zip(mine.cell, mine.spike_times, strict=True):
                np.testing.assert_allclose(times, at[raster[..., cell_number].ravel()], atol=1e-12)
        assert nwb.units.resolution == 0.5e-3 and nwb.electrodes is None
        traces = nwb.processing["simulation"]
        for kind in ("v_soma", "v_dend", "eligibility"):
            for population, values in getattr(response, kind).items():
                trace = traces[f"{kind}_{population}"]
                np.testing.assert_array_equal(trace.data[:], values.reshape(-1, values.shape[-1]))
                assert trace.unit == ("V" if cell and kind != "eligibility" else "n.a.") and trace.rate == 2000
        for name, change in response.weight_updates.items():
            table = nwb.processing["plasticity"][f"weight_updates_{name}"]
            np.testing.assert_array_equal(table["weight_update"][:], change.reshape(-1, *change.shape[2:]))
            assert table["sample"][:].tolist() == [0, 0, 1, 1] and table["repeat"][:].tolist() == [0, 1, 0, 1]
            weights = nwb.processing["plasticity"][f"weights_{name}"]["weight"][:]
            np.testing.assert_array_equal(weights, response.projections[name].weight)


@pytest.mark.parametrize("dt", [1.0, 0.5, 0.1])
def test_spikes_come_back_exactly_and_can_be_given_again(run, tmp_path, dt):
    options = dict(dt=dt * ms, time_per_step=3 * ms, record=("spikes",))
    response = run(1, **options)
    path = to_nwb(response, tmp_path / "response.nwb", weight_updates=False)
    given = {}
    for population, raster in response.spikes.items():
        trains = from_nwb(path, where={"population": population}, trials=True)
        np.testing.assert_array_equal(trains.raster(dt * ms), raster)
        given[population] = trains
    del given["H1E"]
    again = run(1, input_spikes=given, **options)
    np.testing.assert_array_equal(again.spikes["InputE"], response.spikes["InputE"])
    np.testing.assert_array_equal(again.spikes["H1E"], run(1, input_spikes=response.spikes, **options).spikes["H1E"])


def test_a_closed_loop(run, tmp_path):
    short = Phases(settle=40 * ms, read=20 * ms, nudge=20 * ms, wait=5 * ms)
    options = dict(loop="closed", phases=short, time_per_step=20 * ms, record=("spikes", "v_soma"))
    response = run(1, **options)
    path = to_nwb(response, tmp_path / "response.nwb")
    assert pynwb.validate(path=str(path)) == []
    for population, raster in response.spikes.items():  # interneurons have several units each
        found = from_nwb(path, where={"population": population}, trials=True)
        np.testing.assert_array_equal(found.raster(1 * ms), raster)
    with pynwb.NWBHDF5IO(path, "r") as io:
        tables = io.read().processing["plasticity"].data_interfaces
        assert {f"weight_updates_{name}" for name in response.weight_updates} <= set(tables)


def test_what_is_told_about_it(run, tmp_path):
    response, then = run(1, record=()), datetime(2020, 1, 2, tzinfo=UTC)
    path = to_nwb(response, tmp_path / "a.nwb", session_start_time=then, experimenter=["Ada"], identifier="me")
    with pynwb.NWBHDF5IO(path, "r") as io:
        nwb = io.read()
        assert nwb.session_start_time == then and nwb.experimenter == ("Ada",) and nwb.identifier == "me"
        assert nwb.units is None and "open loop, population H1E" in nwb.session_description
    with pytest.raises(SpikedtpError, match=r"pynwb\.NWBFile does not take this: .*'colour'"):
        to_nwb(response, tmp_path / "b.nwb", colour="red")


def test_a_file_that_cannot_be_written(run, tmp_path):
    response = run(1, record=("spikes",))
    with pytest.raises(SpikedtpError, match=r"a\.nwb cannot be written: there is no folder .*none$"):
        to_nwb(response, tmp_path / "none" / "a.nwb")
    with pytest.raises(SpikedtpError, match=r"a{300}\.nwb cannot be written \(File name too long\)$"):
        to_nwb(response, tmp_path / f"{'a' * 300}.nwb")
    (tmp_path / "folder").mkdir()
    with pytest.raises(SpikedtpError, match="folder is a folder: name a file"):
        to_nwb(response, tmp_path / "folder")
    assert [p.name for p in tmp_path.iterdir()] == ["folder"]


def test_it_is_named_where_it_is_missing(run, monkeypatch, tmp_path):
    monkeypatch.setitem(__import__("sys").modules, "pynwb", None)
    with pytest.raises(SpikedtpError, match=r"needs pynwb: pip install 'spikedtp\[nwb\]'"):
        to_nwb(run(1), tmp_path / "a.nwb")
