"""Elastic learning rates of BTSP: synapses near their equilibrium become rigid. EIANN's ``BTSP_ELR_1``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from spikedtp.errors import SpikedtpError
from spikedtp.plasticity.base import LearningRule
from spikedtp.plasticity.btsp import BTSP
from spikedtp.plasticity.consolidation.base import Consolidation, Step, SynapseForm
from spikedtp.plasticity.signals import Array, State, clip01, outer, positive

__all__ = ["ElasticRate"]


@dataclass(frozen=True)
class ElasticRate(Consolidation):
    r"""Each synapse has a factor m on its change, which falls while the weight is near its equilibrium under BTSP.

    ΔW = lr · m · u. After each step m grows by P⁺ E g(d) and stays between `least` and 1. P⁺ is the positive part of
    the plateau, E the eligibility, and d the distance of the weight from the value at which `BTSP` would leave it,
    \|(w_max - W) E - W · dep_ratio · q(E)\| / (E + dep_ratio · q(E)). g is -`scale` where d is at most `threshold`,
    `scale` where it is `threshold` + `width` or more, and linear between. Nothing happens at the end of a task.

    Parameters
    ----------
    threshold, width : float
    scale : float
        By how much m can change in a step.
    least : float
        The lowest m, between 0 and 1.

    Raises
    ------
    SpikedtpError
        The rule is not `BTSP` with a `temporal_discount` of 0.

    Examples
    --------
    >>> import numpy as np
    >>> from spikedtp.plasticity import BTSP, ElasticRate, Signals
    >>> from spikedtp.plasticity.consolidation import Step
    >>> rule, rate = BTSP(0.1, w_max=2.0, temporal_discount=0.0), ElasticRate()
    >>> weight = np.array([[1.0, 0.0]])  # at its equilibrium, and far from it
    >>> seen = Signals(None, None, None, pre_nudged=np.ones(2), plateau=np.array([0.5]))
    >>> state = rate.after_step({"elasticity": np.full((1, 2), 0.5)}, Step(rule, seen, weight, weight))
    >>> state["elasticity"].round(3).tolist()
    [[0.45, 0.55]]
    """

    threshold: float = 0.0
    width: float = 0.5
    scale: float = 0.1
    least: float = 0.01

    equation: ClassVar[str] = r"\Delta W = \eta\, m\, u, \quad \Delta m = P^+ E\, g(|W - W_\mathrm{eq}|)"

    def __post_init__(self) -> None:
        self.check_number("threshold", low=0)
        self.check_number("width", low=0, above=True)
        self.check_number("scale", low=0)
        self.check_number("least", low=0, high=1)

    def check_rule(self, rule: LearningRule) -> None:
        if not isinstance(rule, BTSP) or rule.temporal_discount:
            raise SpikedtpError(
                "ElasticRate measures the distance from the equilibrium of BTSP without the sample before "
                "(temporal_discount 0, EIANN's BTSP_20): give the projection this rule, or no ElasticRate"
            )

    def initial_state(self, weight: Array) -> State:
        return {"elasticity": np.ones_like(weight)}

    def factor(self, state: State) -> Array:
        return state["elasticity"]

    def after_step(self, state: State, step: Step) -> State:
        rule = step.rule
        assert isinstance(rule, BTSP)
        eligible, weight = clip01(step.signals.pre_nudged), step.before
        lost = rule.dep_ratio * rule.depression(eligible)
        total = eligible + lost
        # where nothing is eligible the distance does not matter
        toward = rule.w_max * eligible - weight * total
        distance = np.abs(toward) / np.where(eligible > 0, total, 1)
        beyond = ((distance - self.threshold) / self.width).clip(0.0, 1.0)
        grown = outer(positive(step.signals.plateau), eligible) * (self.scale * (2 * beyond - 1))
        return {"elasticity": (state["elasticity"] + grown).clip(self.least, 1.0)}

    def synapse_form(self, state: State) -> SynapseForm:
        # eligible, lost and up are those of BTSP's own spiking form
        distance = "abs(w_max*eligible_pre - before*lost_pre)/(lost_pre + int(eligible_pre == 0))"
        grown = f"scale*(2*clip(({distance} - threshold)/width, 0, 1) - 1)"
        after = f"elasticity = clip(elasticity + up_post*eligible_pre*{grown}, least, 1)"
        return SynapseForm(("elasticity",), ("elasticity",), factor="elasticity", after=after)
