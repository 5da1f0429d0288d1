"""Temporally contrastive Hebb (TCH): the Hebbian product after the nudge minus the one before it.

EIANN's ``Hebbian_Temporal_Contrast``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from spikedtp.plasticity.base import Factors, LearningRule
from spikedtp.plasticity.plateau import Plateau
from spikedtp.plasticity.signals import Signals, State, clip01
from spikedtp.plasticity.spiking_form import SpikingForm

__all__ = ["TemporalContrastHebb"]


@dataclass(frozen=True)
class TemporalContrastHebb(LearningRule):
    """ΔW = lr · [(c(post nudged) where post was active before) ⊗ c(pre nudged) - c(post settled) ⊗ c(pre settled)].

    Parameters
    ----------
    learning_rate : float
    relu_gate : bool
        Whether a cell that was silent at the end of the settle phase has no plateau and no contribution of the nudge.
    max_pop_fraction : float
        How the plateau is made, as in `DendriticState`.

    References
    ----------
    Galloni, Peddada, Chennawar & Milstein 2026, Cell Reports 45:117159.

    Examples
    --------
    >>> import numpy as np
    >>> from spikedtp.plasticity import TemporalContrastHebb, Signals
    >>> before, after = np.array([0.5, 1.0]), np.array([0.5, 0.8])  # two presynaptic cells
    >>> signals = Signals(before, before, np.array([0.2]), pre_nudged=after, post_nudged=np.array([0.6]))
    >>> TemporalContrastHebb(learning_rate=0.1).update(signals, np.zeros((1, 2)), {}).round(3).tolist()
    [[0.02, 0.028]]
    """

    relu_gate: bool = True
    max_pop_fraction: float = 1.0

    equation: ClassVar[str] = (
        r"\Delta W = \eta\left[c(a_\mathrm{post}) \otimes c(a_\mathrm{pre})\big|_\mathrm{nudged}"
        r" - c(a_\mathrm{post}) \otimes c(a_\mathrm{pre})\big|_\mathrm{settled}\right]"
    )
    reference: ClassVar[str] = "Galloni, Peddada, Chennawar & Milstein 2026, Cell Reports 45:117159"
    modulated: ClassVar[str] = "post_nudged"
    legacy_names: ClassVar[tuple[str, ...]] = ("Hebbian_Temporal_Contrast",)
    nudge: ClassVar[str] = "equilibrated"
    contrasts: ClassVar[bool] = True

    def __post_init__(self) -> None:
        super().__post_init__()
        self.check_number("max_pop_fraction", low=0, high=1)
        self.check_flags("relu_gate")

    def factors(self, signals: Signals, state: State) -> Factors:
        after = clip01(signals.post_nudged)
        if self.relu_gate:
            after = after * (signals.post_settled > 0)
        return Factors(
            (
                (self.learning_rate * after, clip01(signals.pre_nudged)),
                (-self.learning_rate * clip01(signals.post_settled), clip01(signals.pre_settled)),
            )
        )

    def plateau_form(self) -> Plateau:
        return Plateau(self.relu_gate, self.max_pop_fraction)

    def spiking_form(self) -> SpikingForm:
        gate = "*int(post_settled > 0)" if self.relu_gate else ""
        return SpikingForm(
            pre="before = clip(pre_settled, 0, 1) : 1\nafter = clip(pre_nudged, 0, 1) : 1",
            post=f"before = clip(post_settled, 0, 1) : 1\nafter = clip(post_nudged, 0, 1){gate} : 1",
            on_learn="w += learning_rate*(after_post*after_pre - before_post*before_pre)",
        )
