"""A Brian2 network that is ready to run presentations. This is all that the runners know of a network."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from brian2 import Clock, Network
from brian2.core.variables import Variable
from brian2.units.fundamentalunits import Quantity

from spikedtp.spiking.parts.streams import Stream

__all__ = ["BuiltNetwork"]


@dataclass
class BuiltNetwork:
    """Brian2 objects of one network and how to drive them.

    Attributes
    ----------
    net : Network
        Holds all objects.
    clock : Clock
    n_steps : int
        Time steps of one presentation.
    start : callable
        It sets every state variable to its initial value, by Brian2 assignments that run on either device.
    constants : dict
        name -> (Brian2 variable, values): written once before the first presentation.
    changing : dict
        name -> Brian2 variable: overwritten at the start of a presentation.
    streams : dict
        name -> Stream: read row by row while a presentation runs.
    lasting : dict
        name -> Brian2 variable that keeps its value from one presentation to the next. `constants` set the first value.
    vectors : dict
        name -> Brian2 variable: read at the end of a presentation.
    spikes : dict
        name -> SpikeMonitor
    traces : dict
        name -> (StateMonitor, variable name)
    again : Variable, optional
        Whether to run the presentation again, from time 0 and from `start`, as long as this number is not 0. Random
        numbers and lasting variables go on; spikes and traces cannot be recorded.
    precision : numpy dtype
        Type in which vectors and traces are kept: float32 saves space, float64 keeps all digits.
    """

    net: Network
    clock: Clock
    n_steps: int
    start: Callable[[], None]
    constants: dict = field(default_factory=dict)
    changing: dict = field(default_factory=dict)
    streams: dict[str, Stream] = field(default_factory=dict)
    lasting: dict = field(default_factory=dict)
    vectors: dict = field(default_factory=dict)
    spikes: dict = field(default_factory=dict)
    traces: dict = field(default_factory=dict)
    again: Variable | None = None
    precision: type = np.float32

    @property
    def duration(self) -> Quantity:
        return self.n_steps * self.clock.dt
