"""Dendritic loss: dendrite-targeting interneurons learn to cancel the top-down input in the absence of a target.

EIANN's ``DendriticLoss_6``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from spikedtp.plasticity.base import Factors, LearningRule
from spikedtp.plasticity.plateau import Plateau
from spikedtp.plasticity.signals import Signals, State, clip01
from spikedtp.plasticity.spiking_form import SpikingForm

__all__ = ["DendriticLoss"]


@dataclass(frozen=True)
class DendriticLoss(LearningRule):
    """ΔW = sign · lr · clip(forward dendritic state, -1, 1) ⊗ c(pre one step before the end of the settle phase).

    Parameters
    ----------
    learning_rate : float
    sign : {1, -1}
        -1 is for inhibitory synapses, as in the published circuits: a dendritic state above 0 makes inhibition
        stronger.

    References
    ----------
    Galloni, Peddada, Chennawar & Milstein 2026, Cell Reports 45:117159.

    Examples
    --------
    >>> import numpy as np
    >>> from spikedtp.plasticity import DendriticLoss, Signals
    >>> before, after = np.array([0.5, 1.0]), np.array([0.5, 0.8])  # two presynaptic cells
    >>> signals = Signals(before, before, np.array([0.2]), pre_nudged=after, dendrite_settled=np.array([0.4]))
    >>> DendriticLoss(learning_rate=0.1, sign=-1).update(signals, np.zeros((1, 2)), {}).round(3).tolist()
    [[-0.02, -0.04]]
    """

    sign: int = 1

    equation: ClassVar[str] = r"\Delta W = \pm\eta\, \mathrm{clip}(d_\mathrm{settled}, -1, 1) \otimes c(a_\mathrm{pre})"
    reference: ClassVar[str] = "Galloni, Peddada, Chennawar & Milstein 2026, Cell Reports 45:117159"
    modulated: ClassVar[str] = "dendrite_settled"
    legacy_names: ClassVar[tuple[str, ...]] = ("DendriticLoss_6",)

    def __post_init__(self) -> None:
        super().__post_init__()
        self.check("sign", self.sign in (1, -1), "1 or -1")

    def factors(self, signals: Signals, state: State) -> Factors:
        rate = self.sign * self.learning_rate
        return Factors(((rate * Plateau.clip(signals.dendrite_settled), clip01(signals.pre_settled_previous)),))

    def spiking_form(self) -> SpikingForm:
        change = f"learning_rate*{Plateau.clip_code('dendrite_settled_post')}*clip(pre_settled_previous_pre, 0, 1)"
        return SpikingForm(on_learn=f"w {'+' if self.sign == 1 else '-'}= {change}")
