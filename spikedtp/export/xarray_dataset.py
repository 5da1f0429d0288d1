"""Responses as xarray data sets, and so as netCDF files."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from spikedtp._version import __version__
from spikedtp.export.recorded import about, batch, recorded, units_of
from spikedtp.extras import optional

if TYPE_CHECKING:
    import xarray

    from spikedtp.spiking import ClosedResponse, SpikingResponse

__all__ = ["to_xarray"]


def to_xarray(response: SpikingResponse | ClosedResponse, *, weight_updates: bool = False) -> xarray.Dataset:
    """Everything that was recorded, as labelled arrays. ``.to_netcdf("response.nc")`` puts it into one file.

    Parameters
    ----------
    response : SpikingResponse or ClosedResponse
        From `simulate`, or from a `SpikingNetwork`.
    weight_updates : bool
        Whether to add ΔW of every projection, (samples, repeats, n_post, n_pre). All of it must fit into memory.

    Returns
    -------
    xarray.Dataset
        ``spikes_H2E``, ``v_soma_H2E``, ... have the dimensions (sample, repeat, time, H2E), with one dimension for the
        cells of each population. ``weight_update_H2E_H1E`` has (sample, repeat, H2E_post, H1E_pre). `time` is in
        second.

    Raises
    ------
    SpikedtpError
        xarray is not installed.

    Examples
    --------
    >>> import numpy as np
    >>> from spikedtp import load_rate_network, simulate
    >>> from spikedtp.export import to_xarray
    >>> from spikedtp.models import weights_file
    >>> network = load_rate_network("digits_dtp", weights_file("digits_dtp"))
    >>> x, target = np.full(64, 0.2), np.eye(10)[3]
    >>> response = simulate(network, x, target, population="H2E", device="runtime", record=("v_dend",))
    >>> to_xarray(response)["v_dend_H2E"].dims
    ('sample', 'repeat', 'time', 'H2E')
    """
    xr = optional("xarray", "xarray")
    data = {
        f"{kind}_{population}": (("sample", "repeat", "time", _last_axis(response, kind, population)), values)
        for kind, population, values in recorded(response)
    }
    if weight_updates:
        for name, change in response.weight_updates.items():
            post, _, pre = name.partition("_")
            data[f"weight_update_{name}"] = (
                ("sample", "repeat", f"{post}_post", f"{pre}_pre"),
                batch(response, change),
            )
    found = xr.Dataset(data, {"time": ("time", np.asarray(response.times), {"units": "s"})})
    return found.assign_attrs({"spikedtp": __version__, **about(response)})


def _last_axis(response: Any, kind: str, population: str) -> str:
    """Units have an axis of their own: several may fire for a cell."""
    units = kind == "spikes" and units_of(response, population) is not None
    return f"{population}_unit" if units else population
