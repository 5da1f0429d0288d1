"""The base class of every learning rule. One rule = one frozen dataclass = one file beside this one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from spikedtp.plasticity.signals import Array, Signals

__all__ = ["LearningRule"]


@dataclass(frozen=True)
class LearningRule:
    """How one projection changes its weights after one presentation.

    A rule is a declaration: its fields are its parameters, `update` is its equation. It keeps no state on itself:
    what must last from one presentation to the next is returned by `next_state` and handed back by the caller.

    Attributes
    ----------
    legacy_names : tuple of str
        EIANN's names of the rule, accepted in circuit files only.
    nudge : {"none", "one-pass", "equilibrated", "output-only"}
        The nudge phase that the rule needs (``rate/phases.py`` runs it).
    """

    legacy_names: ClassVar[tuple[str, ...]] = ()
    nudge: ClassVar[str] = "none"

    def initial_state(self, n_post: int, n_pre: int) -> dict[str, Any]:
        """State before the first presentation; empty for a rule without memory."""
        return {}

    def update(self, signals: Signals, weight: Array, state: dict[str, Array]) -> Array:
        """ΔW of one presentation, without bounds or constraints: ``(..., n_post, n_pre)``."""
        raise TypeError(f"{type(self).__name__} has no update")

    def next_state(self, signals: Signals, state: dict[str, Array]) -> dict[str, Array]:
        """State after the presentation. Called once the weights have been committed."""
        return state
