"""What a replay is given: the arrays of a file, and spike trains in place of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from brian2 import ms

from spikedtp.configuration import ReplayConfiguration
from spikedtp.errors import SpikedtpError, shown
from spikedtp.events import SpikeTrains, read_spikes
from spikedtp.npz import read_arrays

__all__ = ["given_signals", "read_ids"]

NEEDED = ("pre", "post", "w0")
MAX_CELLS = 10**6


def given_signals(configuration: ReplayConfiguration) -> dict[str, Any]:
    """The arrays pre, post, w0 and, if there is one, modulator."""
    signals, given = configuration.signals, dict[str, Any]()
    held = {} if signals is None else read_arrays(Path(signals), f"--signals {signals}")
    read = dict[str, SpikeTrains]()  # a file that is given for both sides is read, and clipped, once
    for side in ("pre", "post"):
        if (path := getattr(configuration, f"{side}_spikes")) is not None:
            if path not in read:
                read[path] = _trains(configuration, side, path)
            given[side] = _raster(configuration, side, read[path])
    if configuration.w0 is not None:
        given["w0"] = np.full((_width(given, held, "post"), _width(given, held, "pre")), configuration.w0)
    for name in NEEDED:
        if name in given and name in held:
            option = "--w0" if name == "w0" else f"--{name}-spikes"
            raise SpikedtpError(f"--signals {signals} has an array {name!r}, and {option} stands for it too: give one")
        if name not in given and name not in held:
            raise SpikedtpError(f"--signals {signals} has no array {name!r}: it holds {', '.join(held) or 'nothing'}")
    return held | given


def _width(given: dict[str, Any], held: dict[str, Any], side: str) -> int:
    """The number of cells on one side; what is wrong with an array is said later, by `replay`."""
    array = given.get(side, held.get(side))
    return 1 if array is None or not np.ndim(array) else array.shape[-1]


def _trains(configuration: ReplayConfiguration, side: str, path: str) -> SpikeTrains:
    try:
        return read_spikes(
            path,
            unit=configuration.time_unit,
            start=configuration.start * ms,
            stop=configuration.stop * ms,
            clip=configuration.clip,
        )
    except SpikedtpError as error:
        raise SpikedtpError(f"--{side}-spikes {error}") from None


def _raster(configuration: ReplayConfiguration, side: str, trains: SpikeTrains) -> np.ndarray:
    """The spikes of one side, (steps, n)."""
    path = getattr(configuration, f"{side}_spikes")
    if (text := getattr(configuration, f"{side}_cells")) is not None:
        try:
            ids = read_ids(text)
            chosen = trains.select(ids, silent=True)
        except SpikedtpError as error:
            raise SpikedtpError(f"--{side}-cells {text}: {error}") from None
        if not set(ids) & set(trains.ids):
            raise SpikedtpError(
                f"--{side}-cells {text}: none of these cells is in {path}, whose ids go from {min(trains.ids)} to "
                f"{max(trains.ids)}"
            )
        trains = chosen
    try:
        return trains.raster(configuration.dt * ms, repeated="merge" if configuration.merge else "refuse")
    except SpikedtpError as error:
        raise SpikedtpError(f"--{side}-spikes {path}: {error}") from None


def read_ids(text: str) -> list[int]:
    """Ids of cells as they are written on a command line.

    Examples
    --------
    >>> read_ids("0-3,12")
    [0, 1, 2, 3, 12]
    """
    found: list[int] = []
    for part in text.split(","):
        ends = [end.strip() for end in part.split("-")]
        if len(ends) > 2 or not all(end.isascii() and end.isdigit() and len(end) < 16 for end in ends):
            raise SpikedtpError(f"cells must be ids and ranges of ids, such as 0-63,70, got {shown(text)}")
        first, last = int(ends[0]), int(ends[-1])
        if not 0 <= last - first < MAX_CELLS - len(found):
            raise SpikedtpError(f"cells: {part.strip()!r} is no range of up to {MAX_CELLS} ids, the smaller one first")
        found += range(first, last + 1)
    return found
