"""Spikes from neo, and so from every file format that neo reads."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from brian2 import second
from brian2.units.fundamentalunits import Quantity

from spikedtp.errors import SpikedtpError, shown
from spikedtp.events.choices import checked_where
from spikedtp.events.rounding import exact
from spikedtp.events.trains import SpikeTrains
from spikedtp.extras import optional

if TYPE_CHECKING:
    import neo

__all__ = ["from_neo"]


def from_neo(
    source: neo.Block | neo.Segment | neo.SpikeTrain | Iterable[neo.SpikeTrain],
    *,
    where: Mapping[str, Any] | None = None,
    start: Quantity | None = None,
    stop: Quantity | None = None,
) -> SpikeTrains:
    """Spike trains from neo.

    Parameters
    ----------
    source : neo.Block, Segment or SpikeTrain, or a list of SpikeTrain
        Cell k is the train at place k, and k is its id. A block of several segments becomes trials, whose times count
        from the beginning of each segment; every segment must have a train for each cell.
    where : mapping, optional
        Annotations that the wanted trains have, such as ``{"population": "H1E"}``.
    start, stop : Quantity (second), optional
        The window. By default from the first ``t_start`` to the last ``t_stop`` of the trains.

    Returns
    -------
    SpikeTrains

    Raises
    ------
    SpikedtpError
        neo is not installed, something else was given, no train has these annotations, segments have different numbers
        of trains or last differently, or a spike lies outside the window.

    Examples
    --------
    >>> import neo
    >>> from brian2 import ms
    >>> from spikedtp.events import from_neo
    >>> recorded = [neo.SpikeTrain([3, 15], units="ms", t_stop=20), neo.SpikeTrain([8], units="ms", t_stop=20)]
    >>> from_neo(recorded).raster(dt=1 * ms).nonzero()
    (array([ 3,  8, 15]), array([0, 1, 0]))
    """
    neo = optional("neo", "neo")
    where = checked_where(where)
    segments = _segments(source, neo)
    chosen = [[train for train in trains if _fits(train, where)] for trains in segments]
    numbers = {len(trains) for trains in chosen}
    if numbers == {0}:
        raise SpikedtpError(f"from_neo: there are no spike trains{f' with {where}' if where else ''}")
    if len(numbers) > 1:
        raise SpikedtpError(
            f"from_neo: segments have {min(numbers)} to {max(numbers)} spike trains: each needs one for every cell"
        )
    windows = [(min(_seconds(t.t_start) for t in trains), max(_seconds(t.t_stop) for t in trains)) for trains in chosen]
    times = [[np.atleast_1d(_seconds(train)) for train in trains] for trains in chosen]
    trials: dict[str, Any] = {}
    if len(chosen) > 1:
        durations = [end - begin for begin, end in windows]
        if stop is None and np.ptp(durations) > 1e-9:
            raise SpikedtpError(
                f"from_neo: segments last from {min(durations):g} s to {max(durations):g} s: state the duration of a "
                "trial, stop=..."
            )
        times = [[t - begin for t in trains] for trains, (begin, _) in zip(times, windows, strict=True)]
        per_trial = [sum(map(len, trains)) for trains in times]
        trials = {"trials": np.repeat(np.arange(len(chosen)), per_trial), "n_trials": len(chosen)}
        windows = [(0.0, max(durations))]
    (begin, end) = windows[0]
    cells = [np.full(len(t), k) for trains in times for k, t in enumerate(trains)]
    return SpikeTrains(
        np.concatenate([t for trains in times for t in trains]),
        np.concatenate(cells),
        tuple(range(len(chosen[0]))),
        begin * second if start is None else start,
        end * second if stop is None else stop,
        **trials,
    )


def _segments(source: Any, neo: Any) -> list[list[Any]]:
    """The spike trains of every segment."""
    if isinstance(source, neo.Block):
        found = [list(segment.spiketrains) for segment in source.segments]
    elif isinstance(source, neo.Segment):
        found = [list(source.spiketrains)]
    elif isinstance(source, neo.SpikeTrain):
        found = [[source]]
    elif isinstance(source, Iterable):
        found = [list(source)]
    else:
        found = [[source]]
    for train in (train for trains in found for train in trains):
        if not isinstance(train, neo.SpikeTrain):
            lazy = ": load it first, with .load()" if hasattr(train, "load") else ""
            raise SpikedtpError(
                f"from_neo takes a Block, a Segment or SpikeTrains of neo, got {shown(type(train).__name__)}{lazy}"
            )
    return found or [[]]


def _fits(train: Any, where: Mapping[str, Any]) -> bool:
    missing = object()
    return all(train.annotations.get(name, missing) == value for name, value in where.items())


def _seconds(quantity: Any) -> Any:
    """Times of neo as plain numbers."""
    return np.asarray(exact(quantity.magnitude), dtype=np.float64) * float((1 * quantity.units).rescale("s").magnitude)
