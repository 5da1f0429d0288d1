"""What a contestant is: a name, what it records, and how it prepares a case."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .cases import Case

__all__ = ["Contestant", "Run"]


@dataclass(frozen=True)
class Run:
    """One repeat.

    Attributes
    ----------
    seconds : float
        Simulation alone, as the program reports it.
    wall : float
        From the call that starts the run to its end: process start, files and initial values included; never the
        build.
    did : Case
        The case that was done: slow contestants do a shorter one.
    times : float
        How often it was done: a batch does many at once.
    found : dict
        Numbers (sums over the batch) or arrays to hold against expectation and the other contestants.
    split : dict
        Seconds of each part of the loop, if asked for.
    build : float, optional
        Seconds that building took.
    memory : float
        Bytes that the process held at most, where that is known.
    """

    seconds: float
    wall: float
    did: Case
    times: float = 1.0
    found: dict[str, Any] = field(default_factory=dict)
    split: dict[str, float] = field(default_factory=dict)
    build: float | None = None
    memory: float = math.nan

    def per_unit(self, seconds: float) -> float:
        """Seconds of this run in the unit of its case."""
        return self.did.per_unit(seconds) / self.times


#: Prepares a case in a folder of its own (compile, create, load) and gives what does one repeat; None: not this case.
Prepare = Callable[[Case, Path], Callable[[], Run] | None]


@dataclass(frozen=True)
class Contestant:
    """One way to do the cases.

    Attributes
    ----------
    name : str
    does : str
        In one line: algorithm, precision, what is recorded.
    prepare : callable
    missing : callable
        Why it cannot run here, in one line, or None.
    """

    name: str
    does: str
    prepare: Prepare
    missing: Callable[[], str | None] = lambda: None
