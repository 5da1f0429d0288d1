"""Consolidation by importance: two ways to measure how much a synapse matters, and two ways to protect those that do.

EIANN has them inside its rules ``Backprop_EWC``, ``Backprop_SI``, ``DTP_SI``, ``Backprop_EWC_LR`` and
``Backprop_SI_LR``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from spikedtp.plasticity.consolidation.base import Consolidation, Step, SynapseForm, importance_state
from spikedtp.plasticity.signals import Array, State

__all__ = ["ElasticWeights", "ElasticWeightsRate", "SynapticIntelligence", "SynapticIntelligenceRate"]


class _Protects(Consolidation):
    """The part of importance that acts on synapses."""

    def codes(self, state: State) -> tuple[str, str, tuple[str, ...]]:
        """Factor and pull as code of synapses, and the arrays that they need."""
        raise NotImplementedError


# --- how importance is measured ---------------------------------------------------------------------------------------


class _Path(_Protects):
    """By what each synapse did for the loss on its way through the task, for its own length of the way."""

    damping: float
    needs_change: ClassVar[bool] = True

    def initial_state(self, weight: Array) -> State:
        return importance_state(weight) | {"path": np.zeros_like(weight), "task_start": weight.copy()}

    def after_step(self, state: State, step: Step) -> State:
        return state | {"path": state["path"] + step.change * (step.after - step.before)}

    def after_task(self, state: State, weight: Array, squares: Array | None) -> State:
        way = weight - state["task_start"]
        importance = state["importance"] + state["path"] / (way * way + self.damping)
        return {
            "importance": importance.clip(0.0, None), "anchor": weight.copy(), "tasks": state["tasks"] + 1,
            "path": np.zeros_like(weight), "task_start": weight.copy(),
        }  # fmt: skip

    def synapse_form(self, state: State) -> SynapseForm:
        factor, pull, needed = self.codes(state)
        return SynapseForm(("path", *needed), ("path",), factor, pull, "path += u*(w - before)")


class _Squares(Consolidation):
    """By the mean square of the rule's own change at the end of the task: for a gradient, the Fisher information."""

    n_samples: int

    @property
    def samples_wanted(self) -> int:
        return self.n_samples

    def initial_state(self, weight: Array) -> State:
        return importance_state(weight)

    def after_task(self, state: State, weight: Array, squares: Array | None) -> State:
        # Σ F (W - W*)² over tasks has one minimum, the mean of the W* weighted by F, and grows from it with Σ F
        assert squares is not None  # asked for by `samples_wanted`
        total = state["importance"] + squares
        share = np.divide(squares, total, out=np.zeros_like(total), where=total > 0)
        anchor = state["anchor"] + share * (weight - state["anchor"])
        return {"importance": total, "anchor": anchor, "tasks": state["tasks"] + 1}


# --- how it protects --------------------------------------------------------------------------------------------------


class _Drawn(_Protects):
    """The more important a synapse is, the harder it is drawn back to its weight at the end of earlier tasks."""

    strength: float

    def pull(self, state: State, weight: Array) -> Array | None:
        if not state["tasks"]:
            return None
        return -2.0 * self.strength * state["importance"] * (weight - state["anchor"])

    def codes(self, state: State) -> tuple[str, str, tuple[str, ...]]:
        if not state["tasks"]:
            return "", "", ()
        return "", "-2*strength*importance*(w - anchor)", ("importance", "anchor")


class _Slowed(_Protects):
    """The more important a synapse is, the slower it learns."""

    threshold: float
    width: float
    least: float

    def factor(self, state: State) -> Array | None:
        if not state["tasks"]:
            return None
        beyond = ((state["importance"] - self.threshold) / self.width).clip(0.0, 1.0)
        return 1 + (self.least - 1.0) * beyond

    def codes(self, state: State) -> tuple[str, str, tuple[str, ...]]:
        if not state["tasks"]:
            return "", "", ()
        return "(1 + (least - 1)*clip((importance - threshold)/width, 0, 1))", "", ("importance",)

    def _check_slowing(self) -> None:
        self.check_number("threshold", low=0)
        self.check_number("width", low=0, above=True)
        self.check_number("least", low=0, high=1)


# --- the four of them -------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class SynapticIntelligence(_Path, _Drawn):
    r"""Synapses are drawn back to their weights W* at the end of the last task, by what they did in all tasks so far.

    u is the rule's change at a learning rate of 1, which for a gradient is minus the gradient. In each step ω grows by
    u times the real change of the weight, bounds and constraints included. At the end of a task Ω becomes
    max(0, Ω + ω / (D² + ξ)), where D is the way of the weight in this task. From then on
    ΔW = lr · (u - 2 λ Ω (W - W*)).

    Parameters
    ----------
    strength : float
        λ. Plain descent is stable below about 1 / (lr · largest Ω).
    damping : float
        ξ, which keeps the quotient finite for weights that hardly moved.

    References
    ----------
    Zenke, Poole & Ganguli 2017, Proc. ICML 70:3987, arXiv:1703.04200. For other rules than gradients it is EIANN's
    ``DTP_SI``.

    Examples
    --------
    >>> import numpy as np
    >>> from spikedtp.plasticity import DendriticState, SynapticIntelligence
    >>> from spikedtp.plasticity.consolidation import Step
    >>> kept = SynapticIntelligence(strength=1.0, damping=0.5)
    >>> before, after = np.zeros((1, 2)), np.array([[1.0, 0.0]])
    >>> state = kept.after_step(kept.initial_state(before), Step(DendriticState(0.1), None, before, after, after))
    >>> state = kept.after_task(state, after, None)
    >>> state["importance"].round(3).tolist()  # 1 / (1² + 0.5) where the weight moved
    [[0.667, 0.0]]
    >>> kept.pull(state, np.zeros((1, 2))).round(3).tolist()  # back towards 1
    [[1.333, -0.0]]
    """

    strength: float = 1.0
    damping: float = 1e-3

    equation: ClassVar[str] = r"\Delta W = \eta\left[u - 2\lambda\,\Omega\,(W - W^*)\right]"
    reference: ClassVar[str] = "Zenke, Poole & Ganguli 2017, Proc. ICML 70:3987"

    def __post_init__(self) -> None:
        self.check_number("strength", low=0)
        self.check_number("damping", low=0, above=True)


@dataclass(frozen=True)
class SynapticIntelligenceRate(_Path, _Slowed):
    r"""Synapses learn the slower the larger their Ω of `SynapticIntelligence` is; nothing draws them back.

    The factor on u falls from 1 where Ω is at most `threshold` to `least` where it is `threshold` + `width` or more.

    Parameters
    ----------
    threshold, width : float
    least : float
        Between 0 and 1.
    damping : float
        As in `SynapticIntelligence`.

    References
    ----------
    EIANN's ``Backprop_SI_LR``, after Zenke, Poole & Ganguli 2017, Proc. ICML 70:3987.

    Examples
    --------
    >>> import numpy as np
    >>> from spikedtp.plasticity import SynapticIntelligenceRate
    >>> slowed = SynapticIntelligenceRate(threshold=1.0, width=1.0)
    >>> slowed.factor({"importance": np.array([[0.5, 1.5, 3.0]]), "tasks": 1}).tolist()
    [[1.0, 0.5, 0.0]]
    """

    threshold: float = 1.0
    width: float = 1.0
    least: float = 0.0
    damping: float = 1e-3

    equation: ClassVar[str] = r"\Delta W = \eta\, m(\Omega)\, u"
    reference: ClassVar[str] = "after Zenke, Poole & Ganguli 2017, Proc. ICML 70:3987"

    def __post_init__(self) -> None:
        self._check_slowing()
        self.check_number("damping", low=0, above=True)


@dataclass(frozen=True)
class ElasticWeights(_Squares, _Drawn):
    r"""Elastic weight consolidation: synapses are drawn back to their weights W* at the end of each earlier task.

    At the end of a task, F is the mean of u² over some of its samples, where u is the rule's change at a learning rate
    of 1. For a gradient F is the diagonal of the empirical Fisher information. From then on
    ΔW = lr · (u - 2 λ Σ F (W - W*)), with one term for each task.

    Parameters
    ----------
    strength : float
        λ. Plain descent is stable below about 1 / (lr · largest sum of F).
    n_samples : int
        How many samples of each task are kept, drawn with equal probability.

    References
    ----------
    Kirkpatrick et al. 2017, PNAS 114:3521, arXiv:1612.00796.

    Examples
    --------
    >>> import numpy as np
    >>> from spikedtp.plasticity import ElasticWeights
    >>> kept = ElasticWeights(strength=10.0)
    >>> state = kept.initial_state(np.zeros((1, 2)))
    >>> state = kept.after_task(state, np.array([[1.0, 1.0]]), squares=np.array([[0.5, 0.0]]))
    >>> kept.pull(state, np.array([[2.0, 2.0]])).tolist()
    [[-10.0, -0.0]]
    """

    strength: float = 1.0
    n_samples: int = 1000

    equation: ClassVar[str] = r"\Delta W = \eta\left[u - 2\lambda \sum_t F_t\,(W - W^*_t)\right]"
    reference: ClassVar[str] = "Kirkpatrick et al. 2017, PNAS 114:3521"

    def __post_init__(self) -> None:
        self.check_number("strength", low=0)
        check_samples(self)


@dataclass(frozen=True)
class ElasticWeightsRate(_Squares, _Slowed):
    r"""Synapses learn the slower the larger their sum of F of `ElasticWeights` is; nothing draws them back.

    Parameters
    ----------
    threshold, width, least : float
        As in `SynapticIntelligenceRate`.
    n_samples : int
        As in `ElasticWeights`.

    References
    ----------
    EIANN's ``Backprop_EWC_LR``, after Kirkpatrick et al. 2017, PNAS 114:3521.

    Examples
    --------
    >>> import numpy as np
    >>> from spikedtp.plasticity import ElasticWeightsRate
    >>> slowed = ElasticWeightsRate(threshold=1.0, width=1.0, least=0.1)
    >>> slowed.factor({"importance": np.array([[0.5, 3.0]]), "tasks": 1}).round(3).tolist()
    [[1.0, 0.1]]
    """

    threshold: float = 1e-4
    width: float = 1e-4
    least: float = 0.0
    n_samples: int = 1000

    equation: ClassVar[str] = r"\Delta W = \eta\, m\left(\textstyle\sum_t F_t\right) u"
    reference: ClassVar[str] = "after Kirkpatrick et al. 2017, PNAS 114:3521"

    def __post_init__(self) -> None:
        self._check_slowing()
        check_samples(self)


def check_samples(kept: ElasticWeights | ElasticWeightsRate) -> None:
    n = kept.n_samples
    kept.check("n_samples", isinstance(n, int) and not isinstance(n, bool) and n >= 1, "a whole number of at least 1")
