"""Responses in xarray, netCDF and neo hold what the response holds."""

from __future__ import annotations

import numpy as np
import pytest
from brian2 import ms

from spikedtp.errors import SpikedtpError
from spikedtp.export import to_neo, to_xarray
from spikedtp.neurons import TwoCompartmentLIF
from spikedtp.rate import load_rate_network
from spikedtp.spiking import simulate


@pytest.fixture(scope="module")
def network(small_circuit):
    return load_rate_network(small_circuit, seed=1)


def run(network, n_samples, **options):
    rng = np.random.default_rng(0)
    x = rng.random((n_samples, network.circuit.input.size))
    target = np.eye(network.circuit.output.size)[rng.integers(0, network.circuit.output.size, n_samples)]
    if n_samples == 1:
        x, target = x[0], target[0]
    return simulate(
        network, x, target, population="H1E", n_repeats=2, time_per_step=5 * ms, device="runtime", **options
    )


def test_a_data_set_holds_what_was_recorded(network, tmp_path):
    pytest.importorskip("xarray")
    response = run(network, 3)
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


def test_a_single_sample_has_a_sample_axis_too(network):
    pytest.importorskip("xarray")
    response = run(network, 1, record=("v_soma",))
    found = to_xarray(response)
    assert list(found.data_vars) == ["v_soma_H1E"]
    np.testing.assert_array_equal(found["v_soma_H1E"][0], response.v_soma["H1E"])


@pytest.mark.parametrize("cell", [None, TwoCompartmentLIF()], ids=["linear", "LIF"])
def test_a_block_has_every_spike_at_its_time(network, cell):
    pytest.importorskip("neo")
    response = run(network, 2, cell=cell, record=("spikes", "v_soma", "eligibility"))
    block = to_neo(response)
    assert [(s.annotations["sample"], s.annotations["repeat"]) for s in block.segments] == [
        (0, 0),
        (0, 1),
        (1, 0),
        (1, 1),
    ]
    segment, n_spikes = block.segments[3], 0
    for train in segment.spiketrains:
        raster = response.spikes[train.annotations["population"]][1, 1, :, train.annotations["cell"]]
        np.testing.assert_allclose(train.rescale("s").magnitude, response.times[raster], atol=1e-12)
        n_spikes += len(train)
    assert n_spikes == sum(raster[1, 1].sum() for raster in response.spikes.values()) > 100
    signals = {signal.name: signal for signal in segment.analogsignals}
    np.testing.assert_allclose(signals["v_soma_H1E"].magnitude, response.v_soma["H1E"][1, 1], rtol=1e-6)
    assert signals["v_soma_H1E"].dimensionality.string == ("dimensionless" if cell is None else "V")
    assert signals["eligibility_InputE"].dimensionality.string == "dimensionless"


def test_what_is_not_installed_is_named(network, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "xarray", None)
    with pytest.raises(SpikedtpError, match=r"needs xarray: pip install 'spikedtp\[xarray\]'"):
        to_xarray(run(network, 1))
