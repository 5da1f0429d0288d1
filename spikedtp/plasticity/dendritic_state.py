"""Dendritic state rule (LDS, dendritic target propagation): the plateau gates presynaptic eligibility.

EIANN's ``BP_like_2L`` (equilibrated), ``BP_like_2E`` and ``DTP_CL`` (one pass), ``Top_Layer_BP_like_2L`` (the output
alone).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from spikedtp.plasticity.base import Factors, LearningRule
from spikedtp.plasticity.plateau import Plateau
from spikedtp.plasticity.signals import Signals, State, clip01
from spikedtp.plasticity.spiking_form import SpikingForm

__all__ = ["DendriticState"]


@dataclass(frozen=True)
class DendriticState(LearningRule):
    r"""ΔW = lr · plateau ⊗ c(pre), with c(x) = min(max(x, 0), 1).

    Parameters
    ----------
    learning_rate : float
    forward_only : bool
        Whether pre is taken at the end of the settle phase instead of the end of the nudge phase.
    relu_gate : bool
        Whether cells that were silent at the end of the settle phase have no plateau.
    max_pop_fraction : float
        At most this fraction of the cells of a hidden population keep a positive, and at most as many a negative,
        plateau: those with the largest ones.
    one_pass : bool
        Whether the rule asks for a one-pass nudge instead of an equilibrated one. pre is then always the settled
        activity.
    top_layer_only : bool
        Whether only the output is nudged. No top-down signal then reaches the hidden layers.

    References
    ----------
    Galloni, Peddada, Chennawar & Milstein 2026, Cell Reports 45:117159.

    Examples
    --------
    >>> import numpy as np
    >>> from spikedtp.plasticity import DendriticState, Signals
    >>> before, after = np.array([0.5, 1.0]), np.array([0.5, 0.8])  # two presynaptic cells
    >>> signals = Signals(before, before, np.array([0.2]), pre_nudged=after, plateau=np.array([0.4]))
    >>> DendriticState(learning_rate=0.1).update(signals, np.zeros((1, 2)), {}).round(3).tolist()
    [[0.02, 0.032]]
    >>> DendriticState(learning_rate=0.1, one_pass=True).update(signals, np.zeros((1, 2)), {}).round(3).tolist()
    [[0.02, 0.04]]
    """

    forward_only: bool = False
    relu_gate: bool = False
    max_pop_fraction: float = 1.0
    one_pass: bool = False
    top_layer_only: bool = False

    equation: ClassVar[str] = r"\Delta W = \eta\, P \otimes c(a_\mathrm{pre})"
    reference: ClassVar[str] = "Galloni, Peddada, Chennawar & Milstein 2026, Cell Reports 45:117159"
    modulated: ClassVar[str] = "plateau"
    legacy_names: ClassVar[tuple[str, ...]] = ("BP_like_2L", "BP_like_2E", "DTP_CL", "Top_Layer_BP_like_2L")
    legacy_fields: ClassVar[dict[str, dict[str, Any]]] = {
        "BP_like_2E": {"one_pass": True},
        "DTP_CL": {"one_pass": True},
        "Top_Layer_BP_like_2L": {"top_layer_only": True},
    }

    def __post_init__(self) -> None:
        super().__post_init__()
        self.check_number("max_pop_fraction", low=0, high=1)
        self.check_flags("forward_only", "relu_gate", "one_pass", "top_layer_only")
        self.check("one_pass", not (self.one_pass and self.top_layer_only), "false together with top_layer_only")

    @property
    def nudge(self) -> str:  # type: ignore[override]  # its fields say so: read of a rule, not of the class
        if self.top_layer_only:
            return "output-only"
        return "one-pass" if self.one_pass else "equilibrated"

    @property
    def _pre(self) -> str:
        return "pre_settled" if self.one_pass or self.forward_only else "pre_nudged"

    def factors(self, signals: Signals, state: State) -> Factors:
        return Factors(((self.learning_rate * signals.plateau, clip01(getattr(signals, self._pre))),))

    def plateau_form(self) -> Plateau:
        return Plateau(self.relu_gate, self.max_pop_fraction)

    def spiking_form(self) -> SpikingForm:
        return SpikingForm(on_learn=f"w += learning_rate*plateau_post*clip({self._pre}_pre, 0, 1)")
