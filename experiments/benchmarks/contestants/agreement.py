"""Do all contestants compute the same? What each found against theory, or against the floor on the same spikes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from . import hand_written
from .cases import Case, Learning, PairRule, Presentations
from .contestant import Run

__all__ = ["Agreement"]

SD = 6.0  # standard deviations that a number may be from its expectation
#: Output spikes follow the noise of the voltages, which is smaller with dead time than without.
OUTPUT_SPIKES = 0.1
#: float32 loops, relative to the largest weight; changes of weights that differ by NEST's conventions, by correlation.
SAME, CORRELATED = 1e-4, 0.9


class Agreement:
    """Compares runs; the floor is run once for each case that somebody did, in `folder`."""

    def __init__(self, folder: Path):
        self.folder = folder
        self._floor: dict[int, tuple[Case, Run]] = {}
        self._expected: dict[int, tuple[Case, dict]] = {}

    def rows(self, run: Run) -> list[tuple[str, float, float, bool]]:
        """(what, found, wanted, whether they agree) for everything that the run found."""
        if isinstance(run.did, (PairRule, Learning)):
            return self._weights(run)
        expected = self._kept(self._expected, run.did, lambda case: case.expected())
        rows = []
        for name, (mean, sd) in expected.items():
            if name not in run.found:
                continue
            found, noise = float(run.found[name]), sd
            if name == "spikes":
                found, noise = found / run.times, sd / run.times**0.5
            rows.append((name, found, mean, abs(found - mean) <= SD * noise))
        if isinstance(run.did, Presentations):
            mine, floor = (float(r.found["output_spikes"]) for r in (run, self._on_floor(run.did)))
            rows.append(("output_spikes", mine, floor, abs(mine - floor) <= OUTPUT_SPIKES * floor))
        return rows

    def _weights(self, run: Run) -> list[tuple[str, float, float, bool]]:
        floor, rows = self._on_floor(run.did).found, []
        for name in run.found:
            wanted, found = floor[name.removesuffix("_approximate")], run.found[name]
            if name.endswith("_approximate"):
                change, other = wanted - run.did.w0, found - run.did.w0
                correlation = float(np.corrcoef(change.ravel(), other.ravel())[0, 1])
                rows.append((f"correlation of Δ{name[0]}", correlation, 1.0, correlation >= CORRELATED))
            else:
                difference = float(np.abs(found - wanted).max() / np.abs(wanted).max())
                rows.append((f"largest difference of {name}", difference, 0.0, difference <= SAME))
        return rows

    def _on_floor(self, case: Case) -> Run:
        name = f"agreement{len(self._floor)}"
        return self._kept(self._floor, case, lambda c: hand_written.prepare(c, self.folder / name)())

    @staticmethod
    def _kept(store: dict, case: Case, make: Callable):
        """By identity: cases hold arrays."""
        if id(case) not in store:
            store[id(case)] = (case, make(case))
        return store[id(case)][1]
