"""Responses in xarray and netCDF hold what the response holds."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from brian2 import ms

from spikedtp import from_torch, simulate
from spikedtp.errors import SpikedtpError
from spikedtp.export import to_neo, to_xarray
from spikedtp.spiking import Phases


def test_a_data_set_holds_what_was_recorded(run, tmp_path):
    pytest.importorskip("xarray")
    response = run(3)
    found = to_xarray(response, weight_updates=True)
    assert found.sizes["sample"] == 3 and found.sizes["repeat"] == 2 and found.sizes["time"] == len(response.times)
    for population, spikes in response.spikes.items():
        np.testing.assert_array_equal(found[f"spikes_{population}"], spikes)
        assert found[f"spikes_{population}"].dims == ("sample", "repeat", "time", population)
    np.testing.assert_array_equal(found["v_dend_H1E"], response.v_dend["H1E"])
    for name, change in response.weight_updates.items():
        np.testing.assert_array_equal(found[f"weight_update_{name}"], change)
    counts = found["spikes_InputE"].sum("time").mean(["sample", "repeat"])
    np.testing.assert_allclose(counts, response.spikes["InputE"].sum(axis=2).mean(axis=(0, 1)))
    assert found.attrs["population"] == "H1E" and found.time.attrs["units"] == "s"

    xr = pytest.importorskip("xarray")
    pytest.importorskip("h5netcdf")
    found.to_netcdf(tmp_path / "response.nc", engine="h5netcdf")
    with xr.open_dataset(tmp_path / "response.nc", engine="h5netcdf") as again:
        xr.testing.assert_identical(again.load(), found)


def test_a_single_sample_has_a_sample_axis_too(run):
    pytest.importorskip("xarray")
    response = run(1, record=("v_soma",))
    found = to_xarray(response)
    assert list(found.data_vars) == ["v_soma_H1E"]
    np.testing.assert_array_equal(found["v_soma_H1E"][0], response.v_soma["H1E"])


def test_what_is_not_installed_is_named(run, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "xarray", None)
    with pytest.raises(SpikedtpError, match=r"needs xarray: pip install 'spikedtp\[xarray\]'"):
        to_xarray(run(1))


def test_units_that_fire_for_a_cell_have_an_axis_of_their_own():
    """In the closed loop four units fire for each interneuron, and on and off cells for a linear one."""
    pytest.importorskip("xarray")
    neo = pytest.importorskip("neo")
    network = from_torch(torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.ReLU(), torch.nn.Linear(4, 2)))
    phases = Phases(settle=40 * ms, read=20 * ms, nudge=20 * ms, wait=5 * ms)
    response = simulate(
        network, np.full(3, 0.5), np.eye(2)[0], loop="closed", on_off=True, device="runtime", phases=phases,
        spikers={"OutputE": 3},
    )  # fmt: skip
    found = to_xarray(response)
    assert found["spikes_OutputE"].dims[-1] == "OutputE_unit" and found.sizes["OutputE_unit"] == 12
    assert found["v_soma_OutputE"].dims[-1] == "OutputE" and found["spikes_H1E"].dims[-1] == "H1E"
    (segment,) = to_neo(response).segments
    trains = [t for t in segment.spiketrains if t.annotations["population"] == "OutputE"]
    assert isinstance(trains[0], neo.SpikeTrain)
    assert [t.annotations["cell"] for t in trains] == [0, 0, 0, 1, 1, 1] * 2
    assert [t.annotations["counts"] for t in trains] == [1] * 6 + [-1] * 6
