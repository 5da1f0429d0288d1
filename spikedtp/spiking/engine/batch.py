"""What goes into a run of many presentations and what comes out: plain arrays, the same on every device."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

__all__ = ["Kept", "Progress", "RunInputs", "RunResults"]


@dataclass(frozen=True)
class RunInputs:
    """One run of the network.

    Attributes
    ----------
    patterns : dict
        name -> (n_patterns, ...) array: the values of each of `BuiltNetwork.changing`. For one of
        `BuiltNetwork.streams` a sequence of tables, ``(n_steps, ...)`` arrays or `Rows`.
    pattern : (n_presentations,) int, or dict of them
        Which pattern each presentation shows; by name, if the variables do not change together.
    seeds : (n_presentations,) int
        Each presentation has its own, so that its result does not depend on its place in the batch.
    constants : dict
        name -> array: the values of `BuiltNetwork.constants`.
    keep_every : int
        What lasts is kept after this many presentations, again and again, and after the last; 0: after the last alone.
    """

    patterns: Mapping[str, np.ndarray | Sequence]
    pattern: np.ndarray | dict[str, np.ndarray]
    seeds: np.ndarray
    constants: dict[str, np.ndarray] = field(default_factory=dict)
    keep_every: int = 0

    def __len__(self) -> int:
        return len(self.seeds)

    def index(self, name: str) -> np.ndarray:
        """Which pattern of `name` each presentation shows, `(n_presentations,)`."""
        return self.pattern[name] if isinstance(self.pattern, dict) else self.pattern

    def due(self, done: int) -> bool:
        """Whether what lasts is kept after this many presentations."""
        return done == len(self) or (bool(self.keep_every) and done % self.keep_every == 0)


@dataclass
class RunResults:
    """Results of a run.

    Large arrays are private maps of files in the temporary folder ($TMPDIR), so results may be larger than memory. The
    files are deleted as soon as they are mapped, and their space is free again when the arrays are gone: nobody has to
    clean up. Writing to an array changes it in memory alone.

    Attributes
    ----------
    vectors : dict
        name -> (n_presentations, n), read out at the end of each presentation.
    spikes : dict
        group -> (events, counts): (time step, cell) pairs of all presentations, and how many each had.
    traces : dict
        name -> (n_presentations, n_steps, n)
    lasting : dict
        name -> (times kept, n): what `BuiltNetwork.lasting` was whenever it was kept.
    timings : dict
        Seconds per stage: `build`; `run`, starting, running and reading all of it. Compiled, also `simulate`, the
        loop over presentations as the slowest process saw it, and `write`, its part of that.
    peak_memory : list of int
        Bytes that each process of a compiled run held at most.
    """

    vectors: dict[str, np.ndarray] = field(default_factory=dict)
    spikes: dict[str, tuple[np.ndarray, np.ndarray]] = field(default_factory=dict)
    traces: dict[str, np.ndarray] = field(default_factory=dict)
    lasting: dict[str, np.ndarray] = field(default_factory=dict)
    timings: dict[str, float] = field(default_factory=dict)
    peak_memory: list[int] = field(default_factory=list)


#: Told how many presentations are done; and, where what they learn is kept meanwhile, the results so far.
Progress = Callable[[int], object]
Kept = Callable[[int, RunResults], object]
