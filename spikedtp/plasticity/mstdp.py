"""Reward-modulated STDP without eligibility trace: the pair term of spikes is multiplied by the present reward."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
from brian2.units.fundamentalunits import Quantity

from spikedtp.plasticity.pair_form import PairForm
from spikedtp.plasticity.signals import Array, State
from spikedtp.plasticity.spiking_form import SpikingForm
from spikedtp.plasticity.stdp import PairRule
from spikedtp.plasticity.timed import Row, Step, over_batch

__all__ = ["MSTDP"]


@dataclass(frozen=True)
class MSTDP(PairRule):
    r"""STDP whose pair term ζ is multiplied by a reward r that all synapses share::

        W <- W + learning_rate r ζ          "same-step": r and ζ of this step
        W <- W + learning_rate r ζ'         "lag": ζ' is the pair term of the step before

    Inferno computes "same-step". ngc-learn computes "lag", which is also what the equations of the paper say. In spikes
    the reward is the state of one modulator cell. A synapse reads it when one of its cells fires, or one step later
    for "lag".

    If there are bounds, the weights are clipped after each term, as in `STDP`.

    Parameters
    ----------
    a_plus, a_minus, tau_plus, tau_minus, learning_rate, convention, traces, w_min, w_max
        As in `PairRule`.

    References
    ----------
    Florian 2007, Neural Comput. 19:1468, 10.1162/neco.2007.19.6.1468.

    Examples
    --------
    >>> import numpy as np
    >>> from spikedtp import replay
    >>> from spikedtp.plasticity import MSTDP
    >>> pre, post = np.zeros((20, 1)), np.zeros((20, 1))
    >>> pre[5], post[15] = 1, 1  # the postsynaptic spike comes 10 ms later
    >>> reward = np.full(20, -1.0)  # a punishment turns growth into decay
    >>> done = replay(MSTDP(learning_rate=0.01), pre, post, 0.5, modulator=reward)
    >>> round(float(done.w[-1, 0, 0]), 6)
    0.493935
    """

    equation: ClassVar[str] = (
        r"\Delta W = \gamma\, r\, \zeta, \quad \zeta = P^+ S_\mathrm{post} + P^- S_\mathrm{pre}"
        r"\quad\text{(lag: } \zeta \text{ of the step before)}"
    )
    reference: ClassVar[str] = "Florian 2007, Neural Comput. 19:1468, 10.1162/neco.2007.19.6.1468"
    needs_modulator: ClassVar[bool] = True

    def stepper(self, dt: Quantity) -> Step:
        pair = self._pair_stepper(dt)

        def step(weight: Array, state: State, row: Row) -> tuple[Array, State]:
            acting, state = self._acting(pair, state, row)
            reward = per_synapse(row.modulator)
            if not self.bounded:
                return weight + self.learning_rate * over_batch(reward * acting), state
            for term in self._terms(state, row):
                weight = np.clip(weight + self.learning_rate * over_batch(reward * term), *self.bounds)
            return weight, state

        return step

    def spiking_form(self) -> SpikingForm:
        return self._pair_form(
            on_pre="w += learning_rate*modulator_post*p_minus_post" + self._clip,
            on_post="w += learning_rate*modulator_post*p_plus_pre" + self._clip,
        )

    def pair_form(self) -> PairForm:
        return replace(super().pair_form(), modulated=True)


def per_synapse(modulator: Array | float) -> np.ndarray:
    """A number, or one per element of a batch, ready to multiply ``(..., n_post, n_pre)``."""
    return np.asarray(modulator)[..., None, None]
