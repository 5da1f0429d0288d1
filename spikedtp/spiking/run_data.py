"""What goes into a run of many presentations and what comes out: plain arrays, the same on every device."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

__all__ = ["RunInputs", "RunResults"]


@dataclass(frozen=True)
class RunInputs:
    """One run of the network.

    Attributes
    ----------
    patterns : dict
        name -> (n_patterns, ...) array: the values of each of `BuiltNetwork.changing`.
    pattern : (n_presentations,) int
        Which pattern each presentation shows.
    seeds : (n_presentations,) int
        Each presentation has its own, so that its result does not depend on its place in the batch.
    constants : dict
        name -> array: the values of `BuiltNetwork.constants`.
    """

    patterns: dict[str, np.ndarray]
    pattern: np.ndarray
    seeds: np.ndarray
    constants: dict[str, np.ndarray] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.seeds)


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
    timings : dict
        Seconds per stage: `build`; `run`, starting, running and reading all of it. Compiled, also `simulate`, the
        loop over presentations as the slowest process saw it, and `write`, its part of that.
    peak_memory : list of int
        Bytes that each process of a compiled run held at most.
    """

    vectors: dict[str, np.ndarray] = field(default_factory=dict)
    spikes: dict[str, tuple[np.ndarray, np.ndarray]] = field(default_factory=dict)
    traces: dict[str, np.ndarray] = field(default_factory=dict)
    timings: dict[str, float] = field(default_factory=dict)
    peak_memory: list[int] = field(default_factory=list)
