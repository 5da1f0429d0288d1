"""Spike trains: which cell fired when, and the arrays of time steps that networks and rules take."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from brian2 import ms, second
from brian2.units.fundamentalunits import Quantity, get_dimensions

from spikedtp.arrays import as_indices, as_numbers
from spikedtp.errors import SpikedtpError, known_names, shown
from spikedtp.events.choices import checked_ids
from spikedtp.events.rounding import before, exact, since_onset, slack, slack_in_steps, steps_of
from spikedtp.parameters import check_quantity, check_whole
from spikedtp.summaries import Summarised, counted

__all__ = ["SpikeTrains", "some_are"]

logger = logging.getLogger(__name__)

MAX_BYTES = 2**34  # of a raster
REPEATED = ("refuse", "merge")


@dataclass(frozen=True, eq=False, repr=False)
class SpikeTrains(Summarised):
    """The spikes of some cells within a window of time, in one sequence or in trials.

    Attributes
    ----------
    times : (n_spikes,) float64
        In second. In trials they count from the beginning of the trial. They need not be sorted.
    cells : (n_spikes,) int64
        Which cell fired, from 0 to ``n_cells - 1``.
    ids : tuple of int
        What the recording calls each cell: cell k is ``ids[k]``. Cells without a spike are there too.
    start, stop : Quantity (second)
        The window, of every trial alike. `stop` is None if nobody has said when the recording ends.
    trials : (n_spikes,) int64, optional
        The trial of each spike, from 0 to ``n_trials - 1``.
    n_trials : int, optional
        None for one sequence.

    Raises
    ------
    SpikedtpError
        Lengths differ, an entry is not finite or out of range, or a spike lies outside the window.

    Examples
    --------
    >>> from brian2 import ms
    >>> from spikedtp.events import SpikeTrains
    >>> trains = SpikeTrains(times=[0.0003, 0.0012, 0.0005], cells=[0, 0, 1], ids=(7, 12), stop=2 * ms)
    >>> trains
    SpikeTrains: 3 spikes of 2 cells, 0 s to 0.002 s
    >>> trains.raster(dt=0.1 * ms).shape  # (time steps, cells)
    (20, 2)
    >>> trains.raster(dt=0.1 * ms).nonzero()[0].tolist()  # 0.3 ms is step 3
    [3, 5, 12]
    """

    times: np.ndarray
    cells: np.ndarray
    ids: tuple[int, ...]
    start: Quantity = field(default_factory=lambda: 0 * second)
    stop: Quantity | None = None
    trials: np.ndarray | None = None
    n_trials: int | None = None

    def __post_init__(self) -> None:
        ids = tuple(checked_ids("cell", self.ids))
        if not ids:
            raise SpikedtpError("there are no spikes and no cells: name the cells")
        check_quantity("SpikeTrains", "start", self.start, 0 * ms)
        if self.stop is not None:
            check_quantity("SpikeTrains", "stop", self.stop, 1 * ms, above=self.start)
        times = as_numbers("times of spikes", exact(self.times))
        if times.ndim != 1:
            raise SpikedtpError(f"times of spikes must be (n_spikes,), got {times.shape}")
        put = object.__setattr__
        put(self, "ids", ids)
        put(self, "times", times)
        put(self, "cells", _one_each("cells of spikes", self.cells, times, len(ids)))
        if self.n_trials is not None:
            check_whole("n_trials", self.n_trials, least=1)
            put(self, "trials", _one_each("trials of spikes", self.trials, times, self.n_trials))
        elif self.trials is not None:
            raise SpikedtpError("trials of spikes need n_trials, the number of trials")
        self._check_window()

    def _check_window(self) -> None:
        start, stop = float(self.start), np.inf if self.stop is None else float(self.stop)
        early, late = before(self.times, start), before(stop, self.times)
        if (n := int(early.sum())) or (n := int(late.sum())):
            window = f"start = {start:g} s" if early.any() else f"stop = {stop:g} s"
            word, first = ("before", self.times.min()) if early.any() else ("after", self.times.max())
            raise SpikedtpError(
                f"{some_are(n, len(self))} {word} {window}, up to {first:g} s: check the unit of time, state another "
                "window (start, stop; --start, --stop), or leave such spikes out as you read them (clip=True, --clip)"
            )

    def __len__(self) -> int:
        return len(self.times)

    def _headline(self) -> str:
        end = "an unknown end" if self.stop is None else f"{float(self.stop):g} s"
        trials = "" if self.n_trials is None else f" in {counted(self.n_trials, 'trial')}"
        spikes, cells = counted(len(self), "spike"), counted(self.n_cells, "cell")
        return f"{spikes} of {cells}{trials}, {float(self.start):g} s to {end}"

    @property
    def n_cells(self) -> int:
        return len(self.ids)

    # -- parts ---------------------------------------------------------------------------------------------------------

    def select(self, cells: Iterable[int], *, silent: bool = False) -> SpikeTrains:
        """The spikes of some cells, which are named by their ids and numbered in this order.

        Parameters
        ----------
        cells : iterable of int
        silent : bool
            Whether ids that are not in the recording are allowed. They are cells without spikes.

        Examples
        --------
        >>> trains = SpikeTrains(times=[0.1, 0.2, 0.3], cells=[0, 1, 2], ids=(4, 5, 6), stop=1 * second)
        >>> trains.select([6, 4]).cells.tolist()
        [1, 0]
        """
        ids, known = checked_ids("cell", cells), set(self.ids)
        if absent := [number for number in ids if number not in known and not silent]:
            raise SpikedtpError(f"cell {shown(absent[0])} is not in the recording: name it with silent=True if it was")
        place = {number: k for k, number in enumerate(ids)}
        new = np.array([place.get(number, -1) for number in self.ids])[self.cells]
        return self._where(new >= 0, ids=tuple(ids), cells=new)

    def window(self, start: Quantity, stop: Quantity) -> SpikeTrains:
        """The spikes from `start` to before `stop`; the others are left out.

        Examples
        --------
        >>> trains = SpikeTrains(times=[0.1, 0.2, 0.3], cells=[0, 0, 0], ids=(0,), stop=1 * second)
        >>> trains.window(0.15 * second, 0.3 * second)
        SpikeTrains: 1 spike of 1 cell, 0.15 s to 0.3 s
        """
        check_quantity("window", "start", start, 0 * ms)
        check_quantity("window", "stop", stop, 1 * ms, above=start)
        inside = ~before(self.times, float(start)) & before(self.times, float(stop))
        return self._where(inside, start=start, stop=stop)

    def in_trials(self, onsets: Quantity, duration: Quantity) -> SpikeTrains:
        """One long recording as trials: the spikes in `duration` from each onset on.

        Parameters
        ----------
        onsets : Quantity (second), (n_trials,)
        duration : Quantity (second)

        Returns
        -------
        SpikeTrains
            Times count from the onset. A spike in two trials that overlap is in both.

        Examples
        --------
        >>> trains = SpikeTrains(times=[0.1, 1.2, 1.25], cells=[0, 0, 1], ids=(0, 1), stop=2 * second)
        >>> trains.in_trials([0, 1] * second, 500 * ms).raster(1 * ms).sum(axis=1).tolist()  # by trial and cell
        [[1, 0], [1, 1]]
        """
        check_quantity("in_trials", "duration", duration, 1 * ms, above=0 * ms)
        if self.n_trials is not None:
            raise SpikedtpError("in_trials takes one long recording, and these spikes are in trials already")
        if get_dimensions(onsets) != second.dim or np.ndim(onsets) != 1 or not len(onsets):
            raise SpikedtpError(f"onsets must be times (n_trials,) with a unit, as in [0, 2] * second, got {onsets!r}")
        first = as_numbers("onsets", np.asarray(onsets))
        last = first + float(duration)
        end = np.inf if self.stop is None else float(self.stop)
        if before(first, float(self.start)).any() or before(end, last).any():
            raise SpikedtpError(
                f"trials from {first.min():g} s to {last.max():g} s are not all within the recording, "
                f"{float(self.start):g} s to {end:g} s"
            )
        order = np.argsort(self.times, kind="stable")
        times = self.times[order]
        bounds = [np.searchsorted(times, edge - slack(edge)) for edge in (first, last)]
        counts = bounds[1] - bounds[0]
        chosen = np.concatenate([order[a:b] for a, b in zip(*bounds, strict=True)])
        trials = np.repeat(np.arange(len(first)), counts)
        since = since_onset(self.times[chosen], first[trials])
        return SpikeTrains(since, self.cells[chosen], self.ids, stop=duration, trials=trials, n_trials=len(first))

    def trial(self, k: int) -> SpikeTrains:
        """The spikes of one trial."""
        if self.n_trials is None or self.trials is None:
            raise SpikedtpError("these spikes are in one sequence, not in trials")
        return self._where(self.trials == check_whole("trial", k, most=self.n_trials - 1), trials=None, n_trials=None)

    def _where(self, chosen: np.ndarray, **changes: Any) -> SpikeTrains:
        values = {"times": self.times, "cells": self.cells, "trials": self.trials} | changes
        per_spike = {name: values[name] for name in ("times", "cells", "trials") if values[name] is not None}
        return replace(self, **(changes | {name: value[chosen] for name, value in per_spike.items()}))

    # -- time steps ----------------------------------------------------------------------------------------------------

    def raster(self, dt: Quantity, *, repeated: str = "refuse") -> np.ndarray:
        """The spikes in time steps, as `replay`, `simulate` and `run_torch_snn` take them.

        A spike at time t is in step ``floor((t - start) / dt)``. A time that misses the beginning of a step by less
        than a millionth of `dt` is at this beginning, since 0.3 / 0.1 is below 3 in floating-point numbers. If the
        window is no whole number of steps, the part that is left is a step too.

        Parameters
        ----------
        dt : Quantity (second)
        repeated : {"refuse", "merge"}
            What two spikes of one cell in one time step are: an error, or one spike. A simulated cell fires at most
            once in a time step. Merging logs a warning with the number of spikes that are lost.

        Returns
        -------
        ndarray of bool, (steps, n_cells), or (n_trials, steps, n_cells)

        Raises
        ------
        SpikedtpError
            The end of the window is unknown, a spike is at this very end, two spikes of a cell are in one time step,
            or the array would be too large.
        """
        check_quantity("raster", "dt", dt, 1 * ms, above=0 * ms)
        if repeated not in REPEATED:
            raise known_names("way to treat repeated spikes", repeated, REPEATED)
        start, step = float(self.start), float(dt)
        if self.stop is None:
            last = f", the last spike is at {self.times.max():g} s" if len(self) else ""
            raise SpikedtpError(f"say when the recording ends: stop=...{last}")
        stop = float(self.stop)
        part = slack_in_steps(start, stop, step)
        n_steps = max(1, int(np.ceil(min((stop - start) / step - part, 2.0**62))))
        shape = (self.n_trials or 1, n_steps, self.n_cells)
        if shape[0] * n_steps * shape[2] > MAX_BYTES:
            raise SpikedtpError(
                f"{shape[0] * n_steps * shape[2]:.3g} entries (trials x steps x cells) are too many: take a shorter "
                "window, a larger dt or fewer cells"
            )
        steps = steps_of((self.times - start) / step, part)
        if (steps >= n_steps).any():
            raise SpikedtpError(
                f"{some_are(int((steps >= n_steps).sum()), len(self))} at the very end of the window, {stop:g} s, "
                "which is where the next time step would begin: set a later stop (--stop)"
            )
        found = np.zeros(shape, dtype=bool)
        found[0 if self.trials is None else self.trials, np.maximum(steps, 0), self.cells] = True
        if lost := len(self) - int(np.count_nonzero(found)):
            self._repeated(lost, steps, dt, repeated)
        return found if self.n_trials is not None else found[0]

    def _repeated(self, lost: int, steps: np.ndarray, dt: Quantity, repeated: str) -> None:
        spikes = f"{counted(len(self), 'spike')} {'shares' if lost == 1 else 'share'}"
        what = f"{lost} of {spikes} a time step of {dt} with another spike of the same cell"
        if repeated == "merge":
            logger.warning("%s: such spikes are merged", what)
            return
        trials = np.zeros_like(steps) if self.trials is None else self.trials
        _, first, counts = np.unique(
            np.stack([trials, steps, self.cells]), axis=1, return_index=True, return_counts=True
        )
        at = first[np.flatnonzero(counts > 1)[0]]
        raise SpikedtpError(
            f"{what} (cell {self.ids[self.cells[at]]} at {self.times[at]:g} s): a cell fires at most once in a step, "
            "so take a smaller dt (--dt), or let such spikes be one (repeated='merge', --merge)"
        )


def some_are(n: int, total: int) -> str:
    """``2 of 3 spikes are``, as the beginning of a sentence."""
    return f"{n} of {counted(total, 'spike')} {'is' if n == 1 else 'are'}"


def _one_each(name: str, values: Any, times: np.ndarray, n: int) -> np.ndarray:
    """`values` as whole numbers from 0 to n - 1, one for each spike."""
    if values is None or np.shape(values) != times.shape:
        raise SpikedtpError(f"{name} must be {times.shape} as their times, got {np.shape(values)}")
    return as_indices(name, values, n, "numbers") if len(times) else np.zeros(0, dtype=np.int64)
