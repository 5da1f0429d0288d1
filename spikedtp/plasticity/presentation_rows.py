"""Rules that learn once per presentation, driven row by row. The table says what a row of `replay` stands for.

=========================================  ============================================================================
signal of the rule                         in a row
=========================================  ============================================================================
pre_settled, pre_settled_previous          ``pre``
pre_nudged                                 ``pre``; with a presynaptic nudge max(pre + modulator, 0)
post_settled                               ``post``
post_nudged                                ``post``; with a postsynaptic nudge max(post + modulator, 0)
plateau                                    ``modulator`` (`DendriticState`, `BTSP`)
dendrite_settled                           ``modulator`` (`DendriticLoss`)
=========================================  ============================================================================

The nudge is postsynaptic for `TemporalContrastHebb` and for the "product" form of `TopDownHebb`. It is presynaptic for
the other two forms of `TopDownHebb`. A modulator of 0 then means a presentation without contrast. `HebbWeightNorm`,
`SupervisedBCM` and `Oja` see no modulator. The modulator is one number for each row, or one for each cell. Rows follow
each other as presentations do: the past of BTSP and the threshold of BCM pass from row to row, and each element of a
batch has its own. There are no bounds and no constraints.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from brian2.units.fundamentalunits import Quantity

from spikedtp.errors import SpikedtpError
from spikedtp.plasticity.base import LearningRule
from spikedtp.plasticity.signals import Array, Signals, State
from spikedtp.plasticity.spiking_form import SpikingForm
from spikedtp.plasticity.timed import Row, Step, over_batch

__all__ = ["PresentationRows"]


class PresentationRows:
    """A `LearningRule` with the interface of a `TimedRule`. Each step is one presentation.

    Examples
    --------
    >>> import numpy as np
    >>> from spikedtp.plasticity import DendriticState, PresentationRows
    >>> rows = PresentationRows(DendriticState(learning_rate=0.1))
    >>> rows.name, rows.needs_modulator  # the modulator is the plateau
    ('DendriticState', True)
    >>> rows.signals(np.array([0.5]), np.array([0.2]), -0.3).plateau
    array([-0.3])
    """

    needs_spikes = False
    bounds = (None, None)

    def __init__(self, rule: LearningRule):
        if rule.needs_gradient:
            raise SpikedtpError(f"{type(rule).__name__} learns by a gradient: it cannot be driven by given signals")
        self.rule = rule
        self.needs_modulator = bool(rule.modulated)

    @property
    def name(self) -> str:
        return type(self.rule).__name__

    def modulator_size(self, n_post: int, n_pre: int) -> int:
        """How many cells may have a modulator of their own."""
        return n_pre if self.rule.modulated == "pre_nudged" else n_post

    def initial_state(self, n_post: int, n_pre: int, batch: tuple[int, ...] = ()) -> State:
        state = self.rule.initial_state(n_post, n_pre, dtype=np.float64)
        return {name: np.broadcast_to(values, (*batch, *values.shape)) for name, values in state.items()}

    def signals(self, pre: Array, post: Array, modulator: Array) -> Signals:
        """The rule's signals in one row, or in many: leading axes are allowed."""
        size = self.modulator_size(post.shape[-1], pre.shape[-1])
        wanted = (*post.shape[:-1], size)
        modulator = np.asarray(modulator, dtype=float)
        while modulator.ndim < len(wanted):
            modulator = modulator[..., None]
        modulator = np.broadcast_to(modulator, wanted)
        known = dict.fromkeys(("plateau", "dendrite_settled"), np.zeros_like(post))
        known |= {"pre_nudged": pre, "post_nudged": post}
        if self.rule.modulated in ("pre_nudged", "post_nudged"):
            modulator = (known[self.rule.modulated] + modulator).clip(0.0, None)
        if self.rule.modulated:
            known[self.rule.modulated] = modulator
        return Signals(pre_settled=pre, pre_settled_previous=pre, post_settled=post, **known)

    def stepper(self, dt: Quantity) -> Step:
        def step(weight: Array, state: State, row: Row) -> tuple[Array, State]:
            signals = self.signals(*row)
            change = self.rule.update(signals, weight, state)
            return weight + over_batch(change), self.rule.next_state(signals, state)

        return step

    def spiking_form(self) -> SpikingForm | None:
        return self.rule.spiking_form()

    def numbers(self) -> dict[str, Any]:
        return self.rule.numbers()

    def group_signals(self, pre: Array, post: Array, modulator: Array) -> dict[str, dict[str, Array]]:
        """What the two groups of the spiking form are given, by the names of `Signals`."""
        signals = vars(self.signals(pre, post, modulator))
        sides: dict[str, tuple[str, ...]] = {"pre": ("pre_settled", "pre_settled_previous", "pre_nudged")}
        sides["post"] = ("post_settled", "post_nudged", "plateau", "dendrite_settled")
        return {side: {name: signals[name] for name in names} for side, names in sides.items()}
