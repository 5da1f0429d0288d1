"""ΔW that a rule makes from the signals of a spiking network. It is kept as factors and made when it is asked for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from spikedtp.arithmetic import underflow_is_zero
from spikedtp.errors import known_names
from spikedtp.plasticity import DendriticState, Factors, LearningRule, Signals
from spikedtp.summaries import Summarised, counted, shapes

__all__ = ["LearnedProjection", "PlasticProjection", "WeightUpdates"]


@dataclass(frozen=True)
class LearnedProjection:
    """A projection whose synapses learn, before any presentation.

    Attributes
    ----------
    rule : LearningRule
    weight : (n_post, n_pre)
    state : dict
        What the rule remembers of earlier presentations, as in the rate network.
    linear : bool
        Whether ΔW has Figure 3's form, in which neither dendritic voltages nor traces are clipped.
    exists : (n_post, n_pre) bool or None
        Where there are synapses; None if everywhere. `factors` and `change` know nothing of it.
    """

    rule: LearningRule
    weight: np.ndarray
    state: dict[str, np.ndarray]
    linear: bool = False
    exists: np.ndarray | None = None

    def change(self, signals: Signals) -> Factors:
        """ΔW that the rule makes from these signals, without bounds or constraints."""
        if self.linear and isinstance(self.rule, DendriticState):
            return Factors(((self.rule.learning_rate * signals.plateau, signals.pre_nudged),))
        return self.rule.factors(signals, self.state)

    def existing(self, change: np.ndarray) -> np.ndarray:
        """ΔW with 0 where there is no synapse."""
        return change if self.exists is None else change * self.exists


@dataclass(frozen=True)
class PlasticProjection(LearnedProjection):
    """A learned projection as the spiking network saw it.

    Attributes
    ----------
    signals : Signals
        The signals, with leading axes (sample, repeat).
    """

    signals: Signals = field(kw_only=True)

    @underflow_is_zero
    def update(self, *index: int | slice) -> np.ndarray:
        """ΔW of the presentations that `index` selects."""
        chosen = Factors(*(tuple((post[index], pre[index]) for post, pre in part) for part in self.factors()))
        return self.existing(np.asarray(chosen.dense(self.weight), dtype=np.float32))

    @underflow_is_zero
    def factors(self) -> Factors:
        """ΔW of all presentations in factored form, `(samples, repeats, n)`."""
        factors = self.change(self.signals)
        leading = self.signals.plateau.shape[:2]

        def whole(vector: np.ndarray) -> np.ndarray:
            return np.broadcast_to(vector, (*leading, np.shape(vector)[-1]))

        return Factors(*(tuple((whole(post), whole(pre)) for post, pre in part) for part in factors))


class WeightUpdates(Summarised, Mapping[str, np.ndarray]):
    """ΔW by projection name. It is made from factors when it is asked for, so that many samples need little memory.

    ``updates['H2E_H1E']`` is `(n_repeats, n_post, n_pre)`, with a leading sample axis for a batch.
    ``updates.of('H2E_H1E', sample, repeat)`` is that of one presentation, `(n_post, n_pre)`.
    """

    def __init__(self, projections: dict[str, PlasticProjection], batched: bool):
        self._projections = projections
        self._batched = batched

    def __getitem__(self, name: str) -> np.ndarray:
        return self._find(name).update(*(() if self._batched else (0,)))

    def __contains__(self, name: object) -> bool:
        return name in self._projections

    def get(self, name: str, default: Any = None) -> Any:
        return self[name] if name in self else default

    def of(self, name: str, sample: int = 0, repeat: int = 0) -> np.ndarray:
        """ΔW of one presentation, `(n_post, n_pre)`."""
        return self._find(name).update(sample, repeat)

    def _find(self, name: str) -> PlasticProjection:
        if name not in self._projections:
            raise known_names("projection of this simulation", name, self._projections)
        return self._projections[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._projections)

    def __len__(self) -> int:
        return len(self._projections)

    def _headline(self) -> str:
        return f"ΔW of {counted(len(self), 'projection')}, made when it is asked for"

    def _parts(self) -> dict[str, str]:
        return {"ΔW": self.shapes()}

    def shapes(self) -> str:
        """The shapes of all ΔW, in words."""
        first = 0 if self._batched else 1
        found = {
            name: (*p.signals.plateau.shape[first:-1], *p.weight.shape[-2:]) for name, p in self._projections.items()
        }
        return shapes(found, own=2)
