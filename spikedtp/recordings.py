"""What an electrode would show: plateaus of recorded dendrites, bursts of recorded spikes. No simulation."""

from __future__ import annotations

import numpy as np
import pandas as pd
from brian2 import ms, mV, volt
from brian2.units.fundamentalunits import Quantity, get_dimensions
from numpy.typing import ArrayLike

from spikedtp.errors import SpikedtpError, shown
from spikedtp.parameters import check_quantity

__all__ = ["burst_counts", "plateaus"]


def plateaus(
    v_dend: ArrayLike, *, dt: Quantity, above: Quantity = -50 * mV, least: Quantity = 10 * ms, rest: Quantity = -70 * mV
) -> pd.DataFrame:
    """Times for which dendrites stayed above a voltage.

    Parameters
    ----------
    v_dend : (..., steps, n)
        Voltages, as ``response.v_dend["H1E"]``: numbers in volt, or a Quantity.
    dt : Quantity (second)
        Time from one voltage to the next.
    above : Quantity (volt)
        A plateau lasts while the voltage is above it.
    least : Quantity (second)
        What is shorter is no plateau, such as a spike that travels back.
    rest : Quantity (volt)
        From where heights are counted.

    Returns
    -------
    DataFrame
        A row for each plateau: ``presentation`` (all leading axes as one), ``cell``, ``start_ms``, ``duration_ms``,
        ``height_mV`` (of its mean voltage), ``peak_mV`` (of its highest), and ``whole``: whether it began and ended
        while it was recorded.

    Raises
    ------
    SpikedtpError
        A unit is wrong, or there is no axis for time and cells.

    Examples
    --------
    >>> import numpy as np
    >>> from brian2 import ms
    >>> from spikedtp.recordings import plateaus
    >>> v = np.full((100, 2), -0.070)  # two dendrites for 100 ms
    >>> v[20:60, 1] = -0.030
    >>> plateaus(v, dt=1 * ms)[["cell", "start_ms", "duration_ms", "height_mV"]].values.tolist()
    [[1.0, 20.0, 40.0, 40.0]]
    """
    for name, value, like in (
        ("dt", dt, 1 * ms),
        ("least", least, 1 * ms),
        ("above", above, 1 * mV),
        ("rest", rest, 1 * mV),
    ):
        limits = {"above": 0 * ms} if name == "dt" else {}
        check_quantity("plateaus", name, value, like, **limits)
    if isinstance(v_dend, Quantity) and get_dimensions(v_dend) != volt.dim:
        raise SpikedtpError(f"plateaus: v_dend must be voltages, got {shown(v_dend)}")
    v = _presentations("plateaus: v_dend", np.asarray(v_dend, dtype=float)) * 1e3
    high = np.pad(v > float(above / mV), ((0, 0), (1, 1), (0, 0))).astype(np.int8)
    edges = np.diff(high, axis=1).transpose(0, 2, 1)  # of each cell one after the other, so that both lists agree
    presentation, cell, start = np.nonzero(edges == 1)
    stop = np.nonzero(edges == -1)[2]
    step = float(dt / ms)
    long = (stop - start) * step >= float(least / ms) - 1e-9
    rows = [
        (p, c, a * step, (b - a) * step, v[p, a:b, c].mean(), v[p, a:b, c].max(), bool(a > 0 and b < v.shape[1]))
        for p, c, a, b in zip(presentation[long], cell[long], start[long], stop[long], strict=True)
    ]
    found = pd.DataFrame(
        rows, columns=["presentation", "cell", "start_ms", "duration_ms", "height_mV", "peak_mV", "whole"]
    )
    found[["height_mV", "peak_mV"]] -= float(rest / mV)
    return found


def burst_counts(spikes: ArrayLike, *, dt: Quantity, interval: Quantity = 16 * ms) -> pd.DataFrame:
    """Spikes, events and bursts of each cell in each presentation, as Burstprop counts them.

    An event is a spike after a pause of at least `interval`. It is a burst if another spike follows in less than that.

    Parameters
    ----------
    spikes : bool (..., steps, n)
        As ``response.spikes["H1E"]``.
    dt : Quantity (second)
    interval : Quantity (second)

    Returns
    -------
    DataFrame
        A row for each cell in each presentation: ``presentation, cell, spikes, events, bursts``.

    Raises
    ------
    SpikedtpError
        A unit is wrong, or there is no axis for time and cells.

    References
    ----------
    Payeur et al. 2021, Nat. Neurosci. 24:1010, 10.1038/s41593-021-00857-x.

    Examples
    --------
    >>> import numpy as np
    >>> from brian2 import ms
    >>> from spikedtp.recordings import burst_counts
    >>> spikes = np.zeros((100, 1), bool)
    >>> spikes[[10, 20, 30, 80]] = True
    >>> burst_counts(spikes, dt=1 * ms)[["spikes", "events", "bursts"]].values.tolist()
    [[4, 2, 1]]
    """
    for name, value in (("dt", dt), ("interval", interval)):
        check_quantity("burst_counts", name, value, 1 * ms, above=0 * ms)
    raster = _presentations("burst_counts: spikes", np.asarray(spikes, dtype=bool))
    n_presentations, _, n = raster.shape
    presentation, cell, step = np.nonzero(raster.transpose(0, 2, 1))
    train = presentation * n + cell
    far = np.ones(len(step), bool)  # from the spike before
    far[1:] = (train[1:] != train[:-1]) | (np.diff(step) >= float(interval / dt) - 1e-9)
    second = np.zeros(len(step), bool)
    second[1:] = ~far[1:] & far[:-1]
    counts = {
        name: np.bincount(train[which], minlength=n_presentations * n)
        for name, which in (("spikes", slice(None)), ("events", far), ("bursts", second))
    }
    place = np.arange(n_presentations * n)
    return pd.DataFrame({"presentation": place // n, "cell": place % n, **counts})


def _presentations(what: str, values: np.ndarray) -> np.ndarray:
    if values.ndim < 2:
        raise SpikedtpError(f"{what} must be (..., steps, n), got {values.shape}")
    return values.reshape(-1, *values.shape[-2:])
