"""A rule of spike pairs as numbers, with which synapses compute it in closed form between spikes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from brian2.units.fundamentalunits import Quantity

__all__ = ["PairForm", "PairTrace"]


class PairTrace(NamedTuple):
    """A trace of one cell. It decays with `tau`. A spike adds `jump` to it, or sets it to `jump` (nearest spikes)."""

    tau: Quantity
    jump: float = 1.0


@dataclass(frozen=True)
class PairForm:
    r"""In each step, after all traces have decayed and the fast ones (x and y), but not the slow ones, have jumped::

        spike of i:  dw_ij = learning_rate r (pre_gain + pre_gain_slow slow_i) y_j
        spike of j:  dw_ij = learning_rate r (post_gain + post_gain_slow slow_j) x_i

    Without a modulator r = 1. With `tau_e` dw feeds an eligibility trace, as in `MSTDPET`.

    Attributes
    ----------
    pre, post : PairTrace
        x of the presynaptic and y of the postsynaptic cells.
    learning_rate : float
    nearest : bool
        Whether spikes set traces instead of adding to them.
    slow_pre, slow_post : PairTrace or None
        Traces that jump only after a spike has read them.
    gains, slow_gains : (float, float)
        (pre_gain, post_gain) and (pre_gain_slow, post_gain_slow).
    modulated : bool
    tau_e : Quantity or None
        Time constant of the eligibility trace.
    lag : bool
        Whether dw acts in the next step, with the modulator of that step.
    bounds : (float or None, float or None)
        Weights are clipped after each dw. In one step, the dw of presynaptic spikes come first.
    """

    pre: PairTrace
    post: PairTrace
    learning_rate: float
    nearest: bool = False
    slow_pre: PairTrace | None = None
    slow_post: PairTrace | None = None
    gains: tuple[float, float] = (1.0, 1.0)
    slow_gains: tuple[float, float] = (0.0, 0.0)
    modulated: bool = False
    tau_e: Quantity | None = None
    lag: bool = False
    bounds: tuple[float | None, float | None] = (None, None)

    @property
    def bounded(self) -> bool:
        return self.bounds != (None, None)
