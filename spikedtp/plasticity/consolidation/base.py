"""What every consolidation is: a frozen declaration with arithmetic on arrays. It keeps no state on itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import numpy as np

from spikedtp.plasticity.base import LearningRule, _Checked
from spikedtp.plasticity.described import Described
from spikedtp.plasticity.signals import Array, Signals, State

__all__ = ["Consolidation", "Step", "SynapseForm", "importance_state"]


class Step(NamedTuple):
    """One learning step of one projection, as its consolidation sees it afterwards.

    Attributes
    ----------
    rule : LearningRule
    signals : Signals
        What the rule saw.
    before, after : (n_post, n_pre)
        The weights before the step, and after it with bounds and constraints.
    change : (n_post, n_pre) or None
        What the rule alone changes at a learning rate of 1. It is None unless the consolidation asks for it.
    """

    rule: LearningRule
    signals: Signals
    before: Array
    after: Array
    change: Array = None


class SynapseForm(NamedTuple):
    """A consolidation as code of synapses, for a network that spikes.

    The code may use the parameters and the state of the consolidation, parameters and variables of the rule's own
    spiking form, ``w``, and ``u``, the change of the rule at a learning rate of 1.

    Attributes
    ----------
    states : tuple of str
        The arrays of the state that it needs.
    kept : tuple of str
        Those of them that learning changes.
    factor, pull : str
        Expressions as `Consolidation.factor` and `Consolidation.pull`; empty where they would be None.
    after : str
        Code after the step, which may also use ``before``, the weight before it.
    """

    states: tuple[str, ...]
    kept: tuple[str, ...] = ()
    factor: str = ""
    pull: str = ""
    after: str = ""


@dataclass(frozen=True)
class Consolidation(_Checked, Described):
    """How one projection keeps what it learned in earlier tasks.

    The weights of a step become W + lr · (m · u + pull), where u is the change of the rule at a learning rate of 1, m
    is `factor` and pull is `pull`. What is remembered of each synapse lies in a state that the caller hands back.

    Attributes
    ----------
    needs_change : bool
        Whether `after_step` wants u as a matrix.
    equation, reference : str
        For `describe`: the equation in LaTeX, and the source.

    Examples
    --------
    A consolidation that lets nothing change after the first task:

    >>> from dataclasses import dataclass
    >>> import numpy as np
    >>> from spikedtp.plasticity import Consolidation
    >>> @dataclass(frozen=True)
    ... class Freeze(Consolidation):
    ...     def initial_state(self, weight):
    ...         return {"open": np.ones_like(weight)}
    ...     def factor(self, state):
    ...         return state["open"]
    ...     def after_task(self, state, weight, squares):
    ...         return {"open": np.zeros_like(weight)}
    >>> state = Freeze().after_task({}, np.zeros((1, 2)), None)
    >>> Freeze().factor(state).tolist()
    [[0.0, 0.0]]
    """

    needs_change: ClassVar[bool] = False

    def __post_init__(self) -> None:
        """Nothing to check."""

    @property
    def samples_wanted(self) -> int:
        """How many presentations of a task are to be kept for `after_task`."""
        return 0

    def check_rule(self, rule: LearningRule) -> None:
        """`SpikedtpError` where this consolidation cannot wrap a rule."""

    def initial_state(self, weight: Array) -> State:
        """The state before the first step, from the weights at that time. Its names are not those of a rule."""
        return {}

    def factor(self, state: State) -> Array | None:
        """The factor on each synapse's change, `(n_post, n_pre)`; None where it is 1 everywhere."""
        return None

    def pull(self, state: State, weight: Array) -> Array | None:
        """What is added to the rule's change at a learning rate of 1, `(n_post, n_pre)`; None where it is 0."""
        return None

    def after_step(self, state: State, step: Step) -> State:
        """The state after a step. Arrays are replaced and never changed in place."""
        return state

    def after_task(self, state: State, weight: Array, squares: Array | None) -> State:
        """The state after a task that ends with these weights.

        `squares` is the mean of u² over the kept presentations, at these weights; None if none were asked for.
        """
        return state

    def synapse_form(self, state: State) -> SynapseForm | None:
        """The code of synapses in spikes, with this state at the begin; None where there is none."""
        return None

    def own(self, state: State) -> State:
        """The part of a projection's state that is not the rule's."""
        return {key: state[key] for key in self.initial_state(np.zeros((0, 0), np.float32))}


def importance_state(weight: Array) -> State:
    """Importance of each synapse and the weight to which it is drawn; `tasks` counts the tasks that are done."""
    return {"importance": np.zeros_like(weight), "anchor": weight.copy(), "tasks": np.zeros((), np.int64)}
