"""From the ids that a recording gives to cells and trials to the places 0 to n - 1."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from brian2 import ms, second
from brian2.units.fundamentalunits import Quantity

from spikedtp.errors import SpikedtpError
from spikedtp.events.choices import checked_ids
from spikedtp.events.rounding import before
from spikedtp.events.trains import SpikeTrains, some_are
from spikedtp.parameters import check_quantity

__all__ = ["numbered"]

logger = logging.getLogger(__name__)


def numbered(
    times: np.ndarray,
    ids: np.ndarray,
    *,
    of: Path,
    cells: Sequence[int] | None,
    start: Quantity | None,
    stop: Quantity | None,
    clip: bool = False,
    trial_ids: np.ndarray | None = None,
    trials: Sequence[int] | None = None,
) -> SpikeTrains:
    """Trains from the ids of cells (and trials) of each spike.

    The ids are numbered in the order of `cells`, or else from the smallest to the largest that has a spike. With `clip`
    spikes outside of the window are left out, and a warning says how many of the file `of`.
    """
    known, numbers = _places("cell", ids, cells)
    found: dict[str, Any] = {}
    if trial_ids is not None:
        known_trials, found["trials"] = _places("trial", trial_ids, trials)
        found["n_trials"] = len(known_trials)
    start = 0 * second if start is None else start
    if clip:
        if stop is None:
            raise SpikedtpError("clip needs a window: say where the recording ends, stop=... (--stop)")
        check_quantity("SpikeTrains", "start", start, 0 * ms)
        check_quantity("SpikeTrains", "stop", stop, 1 * ms, above=start)
        inside = ~before(times, float(start)) & before(times, float(stop))
        times, numbers = times[inside], numbers[inside]
        found |= {"trials": found["trials"][inside]} if found else {}
        if n := int(np.count_nonzero(~inside)):
            logger.warning(
                "%s: %s outside of the window, %g s to %g s, and left out", of, some_are(n, len(inside)), start, stop
            )
    return SpikeTrains(times, numbers, known, start, stop, **found)


def _places(what: str, ids: np.ndarray, stated: Sequence[int] | None) -> tuple[tuple[int, ...], np.ndarray]:
    """The ids in order, and the place of each spike's among them."""
    unique, inverse = np.unique(ids, return_inverse=True)
    if stated is None:
        return tuple(unique.tolist()), inverse
    listed = checked_ids(what, stated)
    place = {number: k for k, number in enumerate(listed)}
    others = [number for number in unique.tolist() if number not in place]
    if others:
        raise SpikedtpError(
            f"there are spikes of {what} {others[0]}, which is none of the {len(listed)} {what}s that were named "
            f"({len(others)} such {what}s): name all of them, and take a part with .select"
        )
    return tuple(listed), np.array([place[number] for number in unique.tolist()], dtype=np.int64)[inverse]
