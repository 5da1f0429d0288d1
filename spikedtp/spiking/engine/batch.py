"""Inputs and results of a run of many presentations: plain arrays, the same on every device."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

__all__ = ["Kept", "Progress", "RunInputs", "RunResults"]


@dataclass(frozen=True)
class RunInputs:
    """The inputs of one run of the network.

    Attributes
    ----------
    patterns : dict
        The values of each of `BuiltNetwork.changing`: name -> (n_patterns, ...) array. For one of
        `BuiltNetwork.streams` they are a sequence of tables, ``(n_steps, ...)`` arrays or `Rows`.
    pattern : (n_presentations,) int, or dict of them
        Which pattern each presentation shows. It is a dict by name if the variables do not change together.
    seeds : (n_presentations,) int
        The seed of each presentation, so that its result does not depend on its place in the batch.
    constants : dict
        The values of `BuiltNetwork.constants`: name -> array.
    keep_every : int
        Lasting variables are kept each time this many presentations are done, and after the last one. With 0 they are
        kept only after the last one.
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
        """Whether lasting variables are kept after this many presentations."""
        return done == len(self) or (bool(self.keep_every) and done % self.keep_every == 0)


@dataclass
class RunResults:
    """Results of a run.

    Large arrays are private maps of files in the temporary folder ($TMPDIR), so results may be larger than memory. The
    files are deleted as soon as they are mapped, and their space is free again when the arrays are gone, so nothing has
    to be cleaned up. Writing to an array changes it only in memory.

    Attributes
    ----------
    vectors : dict
        name -> (n_presentations, n), read at the end of each presentation.
    spikes : dict
        group -> (events, counts): the (time step, cell) pairs of all presentations, and their number in each.
    traces : dict
        name -> (n_presentations, n_steps, n)
    lasting : dict
        name -> (times kept, n): the values of `BuiltNetwork.lasting` each time they were kept.
    timings : dict
        Seconds of each stage: `build`, and `run` for starting, running and reading. Compiled runs also have `simulate`,
        the loop over presentations in the slowest process, and `write`, the part of it that writes results.
    peak_memory : list of int
        The largest number of bytes that each process of a compiled run held.
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
