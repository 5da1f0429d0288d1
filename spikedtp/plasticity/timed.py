"""Rules that move in time steps (spikes, traces, reward), in contrast to those that learn once per presentation.

A `TimedRule` holds both forms: `stepper` is arithmetic on arrays, `spiking_form` declares Brian2 code as data. Nothing
here creates Brian2 objects: `spiking/replay_network.py` does.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field, fields
from typing import ClassVar, NamedTuple

import numpy as np

from spikedtp.errors import SpikedtpError
from spikedtp.parameters import Parameters
from spikedtp.plasticity.description import Described
from spikedtp.plasticity.signals import Array

__all__ = ["Row", "SpikingForm", "TimedRule"]

State = dict[str, Array]


class Row(NamedTuple):
    """What a rule is given in one time step: ``(n_pre,)``, ``(n_post,)`` and a number, or each with a batch axis."""

    pre: Array
    post: Array
    modulator: Array | float = 0.0


@dataclass(frozen=True)
class SpikingForm:
    """A rule as Brian2 code, named by when it runs and whose state it touches.

    Both groups offer the signal that drives the rule (`activity`, or the names of `Signals`); a group of one cell
    carries the modulator and every synapse sees it as ``modulator_post``, its value one step before as
    ``modulator_before_post``. The rule's parameters are constants of both groups.

    Attributes
    ----------
    pre, post, synapse : str
        Equations of the presynaptic group, the postsynaptic group and of each synapse (which also has ``w``).
    initial : dict
        ``"post.theta"`` -> expression; everything else starts at 0.
    at_pre_spike, at_post_spike : str
        Code of the group that spikes, before any synapse sees the spike: coincident spikes then count on both sides.
    after_pre_spike, after_post_spike : str
        The same, once the synapses have seen it.
    on_pre, on_post : str
        Code of the synapses of a cell that spikes.
    on_modulator : str
        Code of every synapse in a step in which the modulator changes.
    on_learn : str
        Code of every synapse at a learning event (in `replay`: each row).
    after_learn_pre, after_learn_post : str
        Code of a group after the learning event.
    lag : bool
        `on_pre` and `on_post` act at the start of the next step, on traces that are as they were at the spike.
    weight : str
        The synapse's weight now, as an expression; reading it changes nothing.
    states : dict
        name -> ``"pre.variable"``, ``"post.variable"`` or ``"synapse.expression"``: what `replay` records.
    """

    pre: str = ""
    post: str = ""
    synapse: str = ""
    initial: dict[str, str] = field(default_factory=dict)
    at_pre_spike: str = ""
    at_post_spike: str = ""
    after_pre_spike: str = ""
    after_post_spike: str = ""
    on_pre: str = ""
    on_post: str = ""
    on_modulator: str = ""
    on_learn: str = ""
    after_learn_pre: str = ""
    after_learn_post: str = ""
    lag: bool = False
    weight: str = "w"
    states: dict[str, str] = field(default_factory=dict)

    def uses(self, name: str) -> bool:
        """Whether any of the code mentions this identifier."""
        values = [getattr(self, f.name) for f in fields(self)]
        texts = [text for value in values for text in (value.values() if isinstance(value, dict) else (value,))]
        return any(re.search(rf"\b{name}\b", text) for text in texts if isinstance(text, str))


@dataclass(frozen=True)
class TimedRule(Parameters, Described):
    """How a projection's weights move in each time step; a declaration that keeps no state on itself.

    Attributes
    ----------
    needs_modulator : bool
        Whether ΔW depends on the modulator (reward); a rule that needs none does not look at one.
    needs_spikes : bool
        Whether the spiking form takes spikes alone (0 or 1) rather than activities too.
    """

    needs_modulator: ClassVar[bool] = False
    needs_spikes: ClassVar[bool] = True

    def initial_state(self, n_post: int, n_pre: int, batch: tuple[int, ...] = ()) -> State:
        """State before the first step."""
        raise NotImplementedError

    @property
    def name(self) -> str:
        return type(self).__name__

    def modulator_size(self, n_post: int, n_pre: int) -> int:
        """How many cells may have a modulator of their own: here all synapses share one."""
        return 0

    def group_signals(self, pre: Array, post: Array, modulator: Array) -> dict[str, dict[str, Array]]:
        """What the two groups of the spiking form are given in each step."""
        return {"pre": {"activity": pre}, "post": {"activity": post}}

    def stepper(self, dt) -> Callable[[Array, State, Row], tuple[Array, State]]:
        """`step(weight, state, row) -> (weight, state)` for time steps of length `dt`, in rates or spikes alike.

        With a batch axis in `row`, the weights move by the sum over the batch and each element has its own state.
        """
        raise NotImplementedError

    def spiking_form(self) -> SpikingForm:
        raise NotImplementedError

    def check_choice(self, name: str, choices: tuple[str, ...]) -> None:
        if getattr(self, name) not in choices:
            raise SpikedtpError(
                f"{type(self).__name__}.{name} must be one of {', '.join(choices)}, got {getattr(self, name)!r}"
            )


def over_batch(change: Array) -> Array:
    """Sum over a leading batch axis, if there is one."""
    return change.sum(axis=0) if change.ndim == 3 else change


def decay(dt, tau) -> float:
    """What is left of a trace after one step."""
    return float(np.exp(-float(dt / tau)))
