"""Dendritic state rule (LDS, dendritic target propagation): the plateau gates presynaptic eligibility.

EIANN's ``BP_like_2L`` (equilibrated) and ``BP_like_2E`` (one pass).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from spikedtp.plasticity.base import LearningRule
from spikedtp.plasticity.signals import clip01, outer

__all__ = ["DendriticState"]


@dataclass(frozen=True)
class DendriticState(LearningRule):
    r"""ΔW = lr · plateau ⊗ c(pre), with c(x) = min(max(x, 0), 1).

    Parameters
    ----------
    learning_rate : float
    forward_only : bool
        Take pre at the end of the settle phase instead of the end of the nudge phase.
    relu_gate : bool
        No plateau in a cell that was silent in the settle phase.
    max_pop_fraction : float
        Keep at most this fraction of the cells' most positive, and of their most negative, plateaus.
    one_pass : bool
        One top-down sweep in place of an equilibrated nudge phase; pre is then always the settled one.

    References
    ----------
    Galloni, Peddada, Chennawar & Milstein 2025, bioRxiv 2025.05.22.655599.
    """

    learning_rate: float
    forward_only: bool = False
    relu_gate: bool = False
    max_pop_fraction: float = 1.0
    one_pass: bool = False

    legacy_names: ClassVar[tuple[str, ...]] = ("BP_like_2L", "BP_like_2E")

    @property
    def nudge(self) -> str:
        return "one-pass" if self.one_pass else "equilibrated"

    def update(self, signals, weight, state):
        pre = signals.pre_settled if self.one_pass or self.forward_only else signals.pre_nudged
        return self.learning_rate * outer(signals.plateau, clip01(pre))
