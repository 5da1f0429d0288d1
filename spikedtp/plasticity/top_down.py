"""Learned top-down weights. EIANN's ``Top_Down_Hebbian_Temporal_Contrast_1`` and ``_3``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from spikedtp.plasticity.base import Factors, LearningRule
from spikedtp.plasticity.signals import Signals, State, clip01
from spikedtp.plasticity.spiking_form import SpikingForm

__all__ = ["TopDownHebb"]

FORMS = ("product", "settled", "nudged")


@dataclass(frozen=True)
class TopDownHebb(LearningRule):
    """Temporal contrast for top-down weights. `form` says which activities are contrasted.

    ========== ========================================================================
    form       ΔW / lr
    ========== ========================================================================
    "product"  c(post nudged) ⊗ c(pre nudged) - c(post settled) ⊗ c(pre settled)
    "settled"  c(post settled) ⊗ clip(pre nudged - pre settled, -1, 1)
    "nudged"   c(post nudged) ⊗ clip(pre nudged - pre settled, -1, 1)
    ========== ========================================================================

    EIANN's first rule is "product", or "settled" with ``forward_only: true``. Its third rule is "nudged".

    Parameters
    ----------
    learning_rate : float
    form : {"product", "settled", "nudged"}

    References
    ----------
    Galloni, Peddada, Chennawar & Milstein 2026, Cell Reports 45:117159.

    Examples
    --------
    >>> import numpy as np
    >>> from spikedtp.plasticity import TopDownHebb, Signals
    >>> before, after = np.array([0.5, 1.0]), np.array([0.5, 0.8])  # two presynaptic cells
    >>> signals = Signals(before, before, np.array([0.2]), pre_nudged=after, post_nudged=np.array([0.6]))
    >>> for form in ("product", "settled", "nudged"):
    ...     print(form, TopDownHebb(0.1, form=form).update(signals, np.zeros((1, 2)), {}).round(3).tolist())
    product [[0.02, 0.028]]
    settled [[0.0, -0.004]]
    nudged [[0.0, -0.012]]
    """

    form: str = "product"

    equation: ClassVar[str] = (
        r"\Delta W = \eta\left[c(a_\mathrm{post}) \otimes c(a_\mathrm{pre})\big|_\mathrm{nudged}"
        r" - \ldots\big|_\mathrm{settled}\right]"
        r"\ \text{or}\ \eta\, c(a_\mathrm{post}) \otimes \mathrm{clip}(\Delta a_\mathrm{pre}, -1, 1)"
    )
    reference: ClassVar[str] = "Galloni, Peddada, Chennawar & Milstein 2026, Cell Reports 45:117159"
    contrasts: ClassVar[bool] = True
    legacy_names: ClassVar[tuple[str, ...]] = (
        "Top_Down_Hebbian_Temporal_Contrast_1",
        "Top_Down_Hebbian_Temporal_Contrast_3",
    )
    legacy_fields: ClassVar[dict[str, dict[str, Any]]] = {"Top_Down_Hebbian_Temporal_Contrast_3": {"form": "nudged"}}

    def __post_init__(self) -> None:
        super().__post_init__()
        self.check("form", self.form in FORMS, f"one of {', '.join(FORMS)}")

    @property
    def modulated(self) -> str:  # type: ignore[override]  # its form says so: read of a rule, not of the class
        return "post_nudged" if self.form == "product" else "pre_nudged"

    def factors(self, signals: Signals, state: State) -> Factors:
        rate = self.learning_rate
        if self.form == "product":
            return Factors(
                (
                    (rate * clip01(signals.post_nudged), clip01(signals.pre_nudged)),
                    (-rate * clip01(signals.post_settled), clip01(signals.pre_settled)),
                )
            )
        post = signals.post_settled if self.form == "settled" else signals.post_nudged
        contrast = (signals.pre_nudged - signals.pre_settled).clip(-1.0, 1.0)
        return Factors(((rate * clip01(post), contrast),))

    def spiking_form(self) -> SpikingForm:
        if self.form == "product":
            change = (
                "clip(post_nudged_post, 0, 1)*clip(pre_nudged_pre, 0, 1)"
                " - clip(post_settled_post, 0, 1)*clip(pre_settled_pre, 0, 1)"
            )
        else:
            change = f"clip(post_{self.form}_post, 0, 1)*clip(pre_nudged_pre - pre_settled_pre, -1, 1)"
        return SpikingForm(on_learn=f"w += learning_rate*({change})")
