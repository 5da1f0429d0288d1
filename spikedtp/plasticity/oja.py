"""Oja's rule: Hebbian growth with a decay that keeps the length of a weight vector near 1. EIANN's ``Ojas_rule``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from spikedtp.plasticity.base import Factors, LearningRule
from spikedtp.plasticity.signals import Signals, State, clip01
from spikedtp.plasticity.spiking_form import SpikingForm

__all__ = ["Oja"]


@dataclass(frozen=True)
class Oja(LearningRule):
    """ΔW = lr · [c(post) ⊗ c(pre) - c(post)² W], with activities at the end of the nudge phase.

    Parameters
    ----------
    learning_rate : float

    References
    ----------
    Oja 1982, J. Math. Biol. 15:267.

    Examples
    --------
    >>> import numpy as np
    >>> from spikedtp.plasticity import Oja, Signals
    >>> before, after = np.array([0.5, 1.0]), np.array([0.5, 0.8])  # two presynaptic cells
    >>> signals = Signals(before, before, np.array([0.2]), pre_nudged=after, post_nudged=np.array([0.6]))
    >>> Oja(learning_rate=0.1).update(signals, np.ones((1, 2)), {}).round(3).tolist()
    [[-0.006, 0.012]]
    """

    equation: ClassVar[str] = (
        r"\Delta W = \eta\left[c(a_\mathrm{post}) \otimes c(a_\mathrm{pre}) - c(a_\mathrm{post})^2 W\right]"
    )
    reference: ClassVar[str] = "Oja 1982, J. Math. Biol. 15:267"
    legacy_names: ClassVar[tuple[str, ...]] = ("Ojas_rule",)
    uses_weight: ClassVar[bool] = True
    silent_inputs_keep_weights: ClassVar[bool] = False  # the decay asks for the postsynaptic cell alone

    def factors(self, signals: Signals, state: State) -> Factors:
        post, pre = clip01(signals.post_nudged), clip01(signals.pre_nudged)
        return Factors(((self.learning_rate * post, pre),), ((self.learning_rate * post**2, 1.0 + 0.0 * pre),))

    def spiking_form(self) -> SpikingForm:
        return SpikingForm(
            post="post = clip(post_nudged, 0, 1) : 1",
            on_learn="w += learning_rate*post_post*(clip(pre_nudged_pre, 0, 1) - post_post*w)",
        )
