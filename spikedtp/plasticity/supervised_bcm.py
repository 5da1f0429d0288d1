"""Supervised BCM: a sliding threshold decides between growth and decay of what the nudge made active.

EIANN's ``Supervised_BCM_4``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from spikedtp.plasticity.base import Factors, LearningRule
from spikedtp.plasticity.plateau import Plateau
from spikedtp.plasticity.signals import Signals, State, clip01
from spikedtp.plasticity.spiking_form import SpikingForm

__all__ = ["SupervisedBCM"]


@dataclass(frozen=True)
class SupervisedBCM(LearningRule):
    """ΔW = sign · lr · a (a - θ) ⊗ c(pre), then θ += (-θ + a² / k) / θ_tau.

    a and pre are the activities at the end of the nudge phase. The weight change uses the old θ. θ, ``(n_post,)``,
    starts at k and depends only on the postsynaptic cell.

    Parameters
    ----------
    learning_rate : float
    theta_tau : float
        Time constant of θ in presentations.
    k : float
        The value at which θ starts, and the activity at which θ stays constant.
    sign : {1, -1}
        -1 is for inhibitory weights.
    relu_gate, max_pop_fraction
        How the plateau is made, as in `DendriticState`.

    References
    ----------
    Bienenstock, Cooper & Munro 1982; Galloni, Peddada, Chennawar & Milstein 2026, Cell Reports 45:117159.

    Examples
    --------
    >>> import numpy as np
    >>> from spikedtp.plasticity import SupervisedBCM, Signals
    >>> before, after = np.array([0.5, 1.0]), np.array([0.5, 0.8])  # two presynaptic cells
    >>> signals = Signals(before, before, np.array([0.2]), pre_nudged=after, post_nudged=np.array([0.6]))
    >>> rule = SupervisedBCM(learning_rate=0.1, theta_tau=10.0, k=0.5)
    >>> state = rule.initial_state(n_post=1, n_pre=2)
    >>> rule.update(signals, np.zeros((1, 2)), state).round(4).tolist()
    [[0.003, 0.0048]]
    >>> rule.next_state(signals, state)["theta"].round(4).tolist()
    [0.522]
    """

    theta_tau: float
    k: float
    sign: int = 1
    relu_gate: bool = False
    max_pop_fraction: float = 1.0

    equation: ClassVar[str] = (
        r"\Delta W = \pm\eta\, a\,(a - \theta) \otimes c(a_\mathrm{pre}), \quad "
        r"\theta \leftarrow \theta + (a^2/k - \theta)/\tau_\theta"
    )
    reference: ClassVar[str] = "Bienenstock, Cooper & Munro 1982; Galloni et al. 2026, Cell Reports 45:117159"
    legacy_names: ClassVar[tuple[str, ...]] = ("Supervised_BCM_4",)
    nudge: ClassVar[str] = "equilibrated"

    def __post_init__(self) -> None:
        super().__post_init__()
        self.check_number("theta_tau", low=0, above=True)
        self.check_number("k", low=0, above=True)
        self.check("sign", self.sign in (1, -1), "1 or -1")
        self.check_number("max_pop_fraction", low=0, high=1)
        self.check_flags("relu_gate")

    def initial_state(self, n_post: int, n_pre: int, dtype: type = np.float32) -> State:
        return {"theta": np.full(n_post, self.k, dtype=dtype)}

    def factors(self, signals: Signals, state: State) -> Factors:
        post = signals.post_nudged
        rate = self.sign * self.learning_rate
        return Factors(((rate * post * (post - state["theta"]), clip01(signals.pre_nudged)),))

    def next_state(self, signals: Signals, state: State) -> State:
        theta = state["theta"]
        return {"theta": theta + (signals.post_nudged**2 / self.k - theta) / self.theta_tau}

    def plateau_form(self) -> Plateau:
        return Plateau(self.relu_gate, self.max_pop_fraction)

    def spiking_form(self) -> SpikingForm:
        change = "learning_rate*post_nudged_post*(post_nudged_post - theta_post)*clip(pre_nudged_pre, 0, 1)"
        return SpikingForm(
            post="theta : 1",
            initial={"post.theta": "k"},
            on_learn=f"w {'+' if self.sign == 1 else '-'}= {change}",
            after_learn_post="theta += (post_nudged**2/k - theta)/theta_tau",
            states={"theta": "post.theta"},
        )
