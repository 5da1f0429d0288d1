"""Responses as objects of other packages: xarray data sets (and so netCDF files) and neo blocks.

Both packages are optional and imported only when they are needed. Tables are pandas frames everywhere. Weights go back
to torch with `RateNetwork.state_dict`.
"""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from typing import TYPE_CHECKING, Any

import numpy as np

from spikedtp._version import __version__
from spikedtp.errors import SpikedtpError

if TYPE_CHECKING:
    import neo
    import xarray

    from spikedtp.spiking import ClosedResponse, SpikingResponse

__all__ = ["to_neo", "to_xarray"]

RECORDS = ("spikes", "v_soma", "v_dend", "eligibility")


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
    xr = _optional("xarray", "xarray")
    data = {
        f"{kind}_{population}": (("sample", "repeat", "time", population), values)
        for kind, population, values in _recorded(response)
    }
    if weight_updates:
        for name, change in response.weight_updates.items():
            post, _, pre = name.partition("_")
            data[f"weight_update_{name}"] = (
                ("sample", "repeat", f"{post}_post", f"{pre}_pre"),
                _batch(response, change),
            )
    found = xr.Dataset(data, {"time": ("time", np.asarray(response.times), {"units": "s"})})
    return found.assign_attrs({"spikedtp": __version__, **_about(response)})


def to_neo(response: SpikingResponse | ClosedResponse) -> neo.Block:
    """Spikes and voltages as a neo block with one segment for each presentation.

    Returns
    -------
    neo.Block
        The segments are in the order (sample, repeat) and annotated with both. Each has a `SpikeTrain` for each cell,
        annotated with population and cell, and an `AnalogSignal` (time, cells) for each trace and population. The
        signal is dimensionless in the linear cell and in volt in other cells.

    Raises
    ------
    SpikedtpError
        neo is not installed.

    Examples
    --------
    >>> import numpy as np
    >>> from spikedtp import load_rate_network, simulate
    >>> from spikedtp.export import to_neo
    >>> from spikedtp.models import weights_file
    >>> network = load_rate_network("digits_dtp", weights_file("digits_dtp"))
    >>> x, target = np.full(64, 0.2), np.eye(10)[3]
    >>> response = simulate(network, x, target, population="H2E", n_repeats=2, device="runtime", record=("v_dend",))
    >>> [segment.name for segment in to_neo(response).segments]
    ['sample 0, repeat 0', 'sample 0, repeat 1']
    """
    neo, quantities = _optional("neo", "neo"), _optional("quantities", "neo")
    second = quantities.s
    n_steps = len(response.times)
    dt = float(response.times[1] - response.times[0]) * second
    block = neo.Block(name="spikedtp", **_about(response))
    for sample, repeat in np.ndindex(response.n_samples, response.n_repeats):
        block.segments.append(neo.Segment(name=f"sample {sample}, repeat {repeat}", sample=sample, repeat=repeat))
    for kind, population, values in _recorded(response):
        for segment, presented in zip(block.segments, values.reshape(-1, *values.shape[2:]), strict=True):
            if kind == "spikes":
                for cell in range(presented.shape[1]):
                    times = np.flatnonzero(presented[:, cell]) * dt
                    segment.spiketrains.append(
                        neo.SpikeTrain(times, t_stop=n_steps * dt, population=population, cell=cell)
                    )
            else:
                unit = quantities.V if response.in_volt and kind != "eligibility" else quantities.dimensionless
                segment.analogsignals.append(
                    neo.AnalogSignal(
                        np.asarray(presented) * unit, sampling_period=dt, name=f"{kind}_{population}",
                        population=population,
                    )
                )  # fmt: skip
    return block


def _recorded(response: Any) -> Iterator[tuple[str, str, np.ndarray]]:
    """(kind, population, values) of everything that was recorded, values (samples, repeats, steps, cells)."""
    for kind in RECORDS:
        if kind in response.spec.record and hasattr(response, kind):
            for population, values in getattr(response, kind).items():
                yield kind, population, _batch(response, values)


def _batch(response: Any, values: np.ndarray) -> np.ndarray:
    return values if response.batched else values[None]


def _about(response: Any) -> dict[str, Any]:
    return {name: getattr(response, name) for name in ("population", "readout") if hasattr(response, name)}


def _optional(package: str, extra: str) -> Any:
    try:
        return import_module(package)
    except ImportError:
        raise SpikedtpError(f"this needs {package}: pip install 'spikedtp[{extra}]'") from None
