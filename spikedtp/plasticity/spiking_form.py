"""The spiking form of a rule, as data. Brian2 objects are only created in `spikedtp.spiking`."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, fields
from typing import Any

__all__ = ["SpikingForm"]


@dataclass(frozen=True)
class SpikingForm:
    """A rule as Brian2 code, named by when it runs and whose state it touches.

    Both groups have the signal that drives the rule (`activity`, or the names of `Signals`). A group of one cell has
    the modulator. Every synapse sees its value as ``modulator_post`` and the value one step before as
    ``modulator_before_post``. The parameters of the rule are constants of both groups.

    Attributes
    ----------
    pre, post, synapse : str
        Equations of the presynaptic group, the postsynaptic group and of each synapse (which also has ``w``).
    initial : dict
        ``"post.theta"`` -> expression of the initial value. Every other variable starts at 0.
    at_pre_spike, at_post_spike : str
        Code of the group that spikes. It runs before any synapse sees the spike, so coincident spikes count on both
        sides.
    after_pre_spike, after_post_spike : str
        Code of the group that spikes. It runs after the synapses have seen the spike.
    on_pre, on_post : str
        Code of the synapses of a cell that spikes.
    on_modulator : str
        Code of every synapse in a step in which the modulator changes.
    on_learn : str
        Code of every synapse at a learning event. In `replay` each row is one.
    after_learn_pre, after_learn_post : str
        Code of a group after the learning event.
    lag : bool
        Whether `on_pre` and `on_post` act at the start of the next step, on traces as they were at the spike.
    weight : str
        The present weight of the synapse, as an expression. Reading it changes nothing.
    states : dict
        The states that `replay` records: name -> ``"pre.variable"``, ``"post.variable"`` or ``"synapse.expression"``.

    Examples
    --------
    >>> from spikedtp.plasticity import SpikingForm
    >>> form = SpikingForm(on_learn="w += learning_rate*plateau_post*pre_nudged_pre")
    >>> form.uses("learning_rate"), form.uses("tau")
    (True, False)
    >>> form.reading("pre_settled", instead_of="pre_nudged").on_learn
    'w += learning_rate*plateau_post*pre_settled_pre'
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

    def reading(self, signal: str, instead_of: str) -> SpikingForm:
        """The same code with one of the names of `Signals` in the place of another."""
        name = re.compile(rf"\b{instead_of}(?=\b|_pre\b|_post\b)")

        def read(value: Any) -> Any:
            if isinstance(value, dict):
                return {key: read(text) for key, text in value.items()}
            return name.sub(signal, value) if isinstance(value, str) else value

        return SpikingForm(**{f.name: read(getattr(self, f.name)) for f in fields(self)})

    def uses(self, name: str) -> bool:
        """Whether any of the code mentions this identifier."""
        values = [getattr(self, f.name) for f in fields(self)]
        texts = [text for value in values for text in (value.values() if isinstance(value, dict) else (value,))]
        return any(re.search(rf"\b{name}\b", text) for text in texts if isinstance(text, str))
