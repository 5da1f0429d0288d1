"""Behavioral-timescale plasticity: a plateau moves weights towards the eligibility of this and the last sample.

EIANN's ``BTSP_19``; and, where nothing is left of the last sample, its ``BTSP_20`` and ``BTSP_CL``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from spikedtp.plasticity.base import Factors, LearningRule
from spikedtp.plasticity.plateau import Plateau
from spikedtp.plasticity.signals import Array, Signals, State, clip01, exp, positive
from spikedtp.plasticity.spiking_form import SpikingForm

__all__ = ["BTSP"]


@dataclass(frozen=True)
class BTSP(LearningRule):
    r"""ΔW = lr · [P⁺ f(E) + P⁺ f(κ E_past) + P⁺_past f(κ E) + P⁻ ⊗ E] with f(E) = (w_max - W) E - W · dep_ratio · q(E).

    E is c(pre) at the end of the nudge phase. P⁺ and P⁻ are the positive and the negative part of the plateau. "past"
    marks the values of the previous presentation, which are 0 at first. q is a logistic function with threshold
    `dep_th` and slope 2 / `dep_width`, rescaled so that q(0) = 0 and q(1) = 1.

    Parameters
    ----------
    learning_rate : float
    w_max : float
        The upper bound of the weights. It is 2 where a circuit file gives none.
    temporal_discount : float
        κ, the factor on what remains of the previous presentation, between 0 and 1.
    dep_ratio, dep_th, dep_width : float
        Strength, threshold and width of the depression.
    neg_rate_th : float or None
        A cell whose settled activity does not exceed this has no negative plateau.
    relu_gate, max_pop_fraction
        How the plateau is made, as in `DendriticState`.

    References
    ----------
    Milstein et al. 2021 (eLife 10:e73046); Galloni, Peddada, Chennawar & Milstein 2026, Cell Reports 45:117159.

    Examples
    --------
    >>> import numpy as np
    >>> from spikedtp.plasticity import BTSP, Signals
    >>> before, after = np.array([0.5, 1.0]), np.array([0.5, 0.8])  # two presynaptic cells
    >>> signals = Signals(before, before, np.array([0.2]), pre_nudged=after, plateau=np.array([0.4]))
    >>> rule = BTSP(learning_rate=0.1)
    >>> state = rule.initial_state(n_post=1, n_pre=2)
    >>> rule.update(signals, np.zeros((1, 2)), state).round(3).tolist()
    [[0.04, 0.064]]
    >>> sorted(rule.next_state(signals, state))  # what it remembers of this presentation
    ['past_plateau', 'past_pre']
    """

    w_max: float = 2.0
    temporal_discount: float = 0.25
    dep_ratio: float = 1.0
    dep_th: float = 0.01
    dep_width: float = 0.01
    neg_rate_th: float | None = None
    relu_gate: bool = True
    max_pop_fraction: float = 1.0

    equation: ClassVar[str] = (
        r"\Delta W = \eta\left[P^+ f(E) + P^+ f(\kappa E_\mathrm{past}) + P^+_\mathrm{past} f(\kappa E)"
        r" + P^- \otimes E\right], \quad f(E) = (w_\mathrm{max} - W)\, E - W q(E)"
    )
    reference: ClassVar[str] = "Milstein et al. 2021, eLife 10:e73046; Galloni et al. 2026, Cell Reports 45:117159"
    modulated: ClassVar[str] = "plateau"
    legacy_names: ClassVar[tuple[str, ...]] = ("BTSP_19", "BTSP_20", "BTSP_CL")
    legacy_fields: ClassVar[dict[str, dict[str, Any]]] = {
        "BTSP_20": {"temporal_discount": 0.0},
        "BTSP_CL": {"temporal_discount": 0.0},
    }
    nudge: ClassVar[str] = "equilibrated"
    uses_weight: ClassVar[bool] = True

    def __post_init__(self) -> None:
        super().__post_init__()
        self.check_number("w_max", low=0, above=True)
        self.check_number("temporal_discount", low=0, high=1)
        self.check_number("dep_ratio", low=0)
        self.check_number("dep_th")
        self.check_number("dep_width", low=0, above=True)
        if self.neg_rate_th is not None:
            self.check_number("neg_rate_th")
        self.check_number("max_pop_fraction", low=0, high=1)
        self.check_flags("relu_gate")

    def initial_state(self, n_post: int, n_pre: int, dtype: type = np.float32) -> State:
        return {"past_pre": np.zeros(n_pre, dtype=dtype), "past_plateau": np.zeros(n_post, dtype=dtype)}

    def depression(self, eligibility: Array) -> Array:
        """q(E), the share of a weight that the eligibility E removes."""

        def logistic(x: Array) -> Array:
            return 1.0 / (1.0 + exp((self.dep_th - x) * (2.0 / self.dep_width)))

        # 0 and 1 go through the same rounding as the data, so that no eligibility means exactly no depression
        zero = eligibility[..., :1] * 0.0
        low, high = logistic(zero), logistic(zero + 1.0)
        return (logistic(eligibility) - low) / (high - low)

    def factors(self, signals: Signals, state: State) -> Factors:
        now = clip01(signals.pre_nudged)
        past = self.temporal_discount * clip01(state["past_pre"])
        fading = self.temporal_discount * now
        up = self.learning_rate * positive(signals.plateau)
        up_past = self.learning_rate * positive(state["past_plateau"])
        down = -self.learning_rate * positive(-signals.plateau)

        lost_up = now + past + self.dep_ratio * (self.depression(now) + self.depression(past))
        lost_up_past = fading + self.dep_ratio * self.depression(fading)
        return Factors(
            gain=((self.w_max * up, now + past), (self.w_max * up_past, fading), (down, now)),
            decay=((up, lost_up), (up_past, lost_up_past)),
        )

    def next_state(self, signals: Signals, state: State) -> State:
        return {"past_pre": clip01(signals.pre_nudged), "past_plateau": 1.0 * signals.plateau}

    def plateau_form(self) -> Plateau:
        return Plateau(self.relu_gate, self.max_pop_fraction, self.neg_rate_th)

    def spiking_form(self) -> SpikingForm:
        def depression(x: str) -> str:
            def logistic(x: str) -> str:
                return f"1/(1 + exp((dep_th - {x})*2/dep_width))"

            low, high = logistic("0"), logistic("1")
            return f"dep_ratio*({logistic(x)} - {low})/({high} - {low})"

        return SpikingForm(
            pre=f"""
                past : 1
                eligible = clip(pre_nudged, 0, 1) : 1
                earlier = temporal_discount*past : 1
                fading = temporal_discount*eligible : 1
                gained = eligible + earlier : 1
                lost = gained + {depression("eligible")} + {depression("earlier")} : 1
                lost_later = fading + {depression("fading")} : 1
            """,
            post="past_plateau : 1\nup = clip(plateau, 0, inf) : 1\nup_past = clip(past_plateau, 0, inf) : 1",
            on_learn="""
                toward = up_post*(w_max*gained_pre - w*lost_pre) + up_past_post*(w_max*fading_pre - w*lost_later_pre)
                w += learning_rate*(toward + clip(plateau_post, -inf, 0)*eligible_pre)
            """,
            after_learn_pre="past = eligible",
            after_learn_post="past_plateau = plateau",
            states={"past_pre": "pre.past", "past_plateau": "post.past_plateau"},
        )
