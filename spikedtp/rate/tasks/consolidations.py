"""The consolidations of a network's projections at work: what they do to a step, and what they remember."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from copy import copy
from dataclasses import replace
from typing import Any

import numpy as np

from spikedtp.circuit import Circuit, Projection
from spikedtp.errors import SpikedtpError
from spikedtp.plasticity import Consolidation, Factors, LearningRule, Signals
from spikedtp.plasticity.consolidation import Step
from spikedtp.rate.tasks.reservoir import Reservoir, Seen

__all__ = ["Consolidations"]

State = dict[str, np.ndarray]
#: Shows a presentation again: gives what the rule of a projection sees in it.
Show = Callable[[Seen], Callable[[Projection], Signals]]


class Consolidations:
    """Those of one circuit. Their states are kept by the network, beside those of the rules, in `rule_state`.

    Attributes
    ----------
    names : tuple of str
        The projections that have one.
    seen : Reservoir or None
        The presentations of this task that will be shown again at its end.
    """

    def __init__(self, circuit: Circuit):
        self._of = {p.name: p for p in circuit.projections if p.consolidation is not None}
        self.names = tuple(self._of)
        sizes = {self._kept(name).samples_wanted: name for name in self.names} if self.names else {}
        sizes.pop(0, None)
        if len(sizes) > 1:
            listed = ", ".join(f"{n} ({name})" for n, name in sizes.items())
            raise SpikedtpError(f"{circuit.name}: n_samples must be the same in all projections, got {listed}")
        self._size = next(iter(sizes), 0)
        self.forget()

    def __getstate__(self) -> dict[str, Any]:
        """A copy has a reservoir of its own."""
        return self.__dict__ | {"seen": copy(self.seen)}

    def forget(self) -> None:
        """Begin with the first task."""
        self.seen = Reservoir(self._size) if self._size else None

    def see(self, x: np.ndarray, target: np.ndarray) -> None:
        """A presentation of the present task."""
        if self.seen is not None:
            self.seen.see(x, target)

    def initial_state(self, name: str, weight: np.ndarray) -> State:
        return self._kept(name).initial_state(weight) if name in self._of else {}

    def added(
        self, name: str, change: Factors | np.ndarray, weight: np.ndarray, state: State
    ) -> list[Factors | np.ndarray]:
        """What a step adds to the weights: the rule's change under the factor, and the pull."""
        kept, rule = self._kept(name), self._of[name].learned_by
        factor, pull = kept.factor(state), kept.pull(state, weight)
        if factor is not None:
            dense = change.dense(weight) if isinstance(change, Factors) else change
            change = (factor * dense).astype(np.float32)
        return [change] if pull is None else [change, (rule.learning_rate * pull).astype(np.float32)]

    def after_step(self, name: str, signals: Signals, state: State, before: np.ndarray, after: np.ndarray) -> State:
        """Its part of the state after a step."""
        kept, rule = self._kept(name), self._of[name].learned_by
        change = _unit_change(rule, signals, before, state) if kept.needs_change else None
        return _float32(kept.after_step(kept.own(state), Step(rule, signals, before, after, change)))

    def after_task(
        self, states: Mapping[str, State], weights: Mapping[str, np.ndarray], show: Show
    ) -> dict[str, State]:
        """Its part of all states after a task."""
        squares = self._mean_squares(states, weights, show)
        return {
            name: _float32(
                self._kept(name).after_task(self._kept(name).own(states[name]), weights[name], squares.get(name))
            )
            for name in self.names
        }

    def _mean_squares(
        self, states: Mapping[str, State], weights: Mapping[str, np.ndarray], show: Show
    ) -> dict[str, np.ndarray]:
        """Mean of the rules' squared changes at a learning rate of 1, over the presentations that were kept."""
        wanted = [p for name, p in self._of.items() if self._kept(name).samples_wanted]
        total = {p.name: np.zeros_like(weights[p.name]) for p in wanted}
        seen = [] if self.seen is None else self.seen.empty()
        for one in seen:
            signals = show(one)
            for p in wanted:
                total[p.name] += _unit_change(p.learned_by, signals(p), weights[p.name], states[p.name]) ** 2
        return {name: squares / np.float32(max(len(seen), 1)) for name, squares in total.items()}

    def _kept(self, name: str) -> Consolidation:
        kept = self._of[name].consolidation
        assert kept is not None
        return kept


def _unit_change(rule: LearningRule, signals: Signals, weight: np.ndarray, state: State) -> np.ndarray:
    """What a rule changes at a learning rate of 1."""
    change = replace(rule, learning_rate=1.0).update(signals, weight, state)
    return np.asarray(change, dtype=np.float32)


def _float32(state: State) -> State:
    """Matrices as float32, as the weights are; counts as they are."""
    arrays = {name: np.asarray(value) for name, value in state.items()}
    return {name: a.astype(np.float32, copy=False) if a.dtype.kind == "f" else a for name, a in arrays.items()}
