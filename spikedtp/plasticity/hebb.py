"""Hebbian learning, bounded by the `NormalizeRows` constraint of the projection.

EIANN's ``Hebb_WeightNorm`` and ``Hebb_WeightNorm_4``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from spikedtp.plasticity.base import Factors, LearningRule
from spikedtp.plasticity.signals import Signals, State, clip01
from spikedtp.plasticity.spiking_form import SpikingForm

__all__ = ["HebbWeightNorm"]


@dataclass(frozen=True)
class HebbWeightNorm(LearningRule):
    """ΔW = sign · lr · post ⊗ pre. A constraint of the projection then scales each row to a fixed sum.

    Parameters
    ----------
    learning_rate : float
    sign : {1, -1}
        -1 is for inhibitory weights, which become more negative.
    forward_only : bool
        Whether both activities are taken at the end of the settle phase instead of the end of the nudge phase.
    clipped : bool
        Whether both activities are clipped to between 0 and 1.

    References
    ----------
    Galloni, Peddada, Chennawar & Milstein 2026, Cell Reports 45:117159.

    Examples
    --------
    >>> import numpy as np
    >>> from spikedtp.plasticity import HebbWeightNorm, Signals
    >>> before, after = np.array([0.5, 1.0]), np.array([0.5, 0.8])  # two presynaptic cells
    >>> signals = Signals(before, before, np.array([0.2]), pre_nudged=after, post_nudged=np.array([0.6]))
    >>> HebbWeightNorm(learning_rate=0.1).update(signals, np.zeros((1, 2)), {}).round(3).tolist()
    [[0.03, 0.048]]
    """

    sign: int = 1
    forward_only: bool = False
    clipped: bool = False

    equation: ClassVar[str] = (
        r"\Delta W = \pm\eta\, a_\mathrm{post} \otimes a_\mathrm{pre}, \quad \sum_j |W_{ij}| = \mathrm{const}"
    )
    reference: ClassVar[str] = "Galloni, Peddada, Chennawar & Milstein 2026, Cell Reports 45:117159"
    legacy_names: ClassVar[tuple[str, ...]] = ("Hebb_WeightNorm", "Hebb_WeightNorm_4")
    legacy_fields: ClassVar[dict[str, dict[str, Any]]] = {"Hebb_WeightNorm_4": {"clipped": True}}

    def __post_init__(self) -> None:
        super().__post_init__()
        self.check("sign", self.sign in (1, -1), "1 or -1")
        self.check_flags("forward_only", "clipped")

    def factors(self, signals: Signals, state: State) -> Factors:
        if self.forward_only:
            post, pre = signals.post_settled, signals.pre_settled
        else:
            post, pre = signals.post_nudged, signals.pre_nudged
        if self.clipped:
            post, pre = clip01(post), clip01(pre)
        return Factors(((self.sign * self.learning_rate * post, pre),))

    def spiking_form(self) -> SpikingForm:
        phase = "settled" if self.forward_only else "nudged"
        post, pre = f"post_{phase}_post", f"pre_{phase}_pre"
        if self.clipped:
            post, pre = f"clip({post}, 0, 1)", f"clip({pre}, 0, 1)"
        return SpikingForm(on_learn=f"w {'+' if self.sign == 1 else '-'}= learning_rate*{post}*{pre}")
