"""Responses as neo blocks."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from spikedtp.export.recorded import about, in_volt, recorded, units_of
from spikedtp.extras import optional

if TYPE_CHECKING:
    import neo

    from spikedtp.spiking import ClosedResponse, SpikingResponse

__all__ = ["to_neo"]


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
    neo, quantities = optional("neo", "neo"), optional("quantities", "neo")
    second = quantities.s
    n_steps = len(response.times)
    dt = float(response.times[1] - response.times[0]) * second
    block = neo.Block(name="spikedtp", **about(response))
    for sample, repeat in np.ndindex(response.n_samples, response.n_repeats):
        block.segments.append(neo.Segment(name=f"sample {sample}, repeat {repeat}", sample=sample, repeat=repeat))
    for kind, population, values in recorded(response):
        for segment, presented in zip(block.segments, values.reshape(-1, *values.shape[2:]), strict=True):
            if kind == "spikes":
                units = units_of(response, population)
                for column in range(presented.shape[1]):
                    times = np.flatnonzero(presented[:, column]) * dt
                    what = {"cell": column}
                    if units is not None:  # several fire for a cell, some of them for what it lies below 0
                        what = {"cell": int(units[0][column]), "unit": column, "counts": int(units[1][column])}
                    segment.spiketrains.append(
                        neo.SpikeTrain(times, t_stop=n_steps * dt, population=population, **what)
                    )
            else:
                unit = quantities.V if in_volt(response, kind) else quantities.dimensionless
                segment.analogsignals.append(
                    neo.AnalogSignal(
                        np.asarray(presented) * unit, sampling_period=dt, name=f"{kind}_{population}",
                        population=population,
                    )
                )  # fmt: skip
    return block
