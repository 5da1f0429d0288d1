"""A rule of spike pairs as numbers, with which synapses compute it in closed form between spikes."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

from brian2.units.fundamentalunits import Quantity

from spikedtp.errors import SpikedtpError

__all__ = ["PairForm", "PairTrace", "VoltageTraces"]


class PairTrace(NamedTuple):
    """A trace of one cell. It decays with `tau`. A spike adds `jump` to it, or sets it to `jump` (nearest spikes)."""

    tau: Quantity
    jump: float = 1.0


class VoltageTraces(NamedTuple):
    r"""What stands for postsynaptic spikes in a rule of the voltage u: two factors, in mV and mV². In each step::

        ltd = [u_minus - theta_minus]₊ (u_mean - u_rest)²/u_ref²     the second factor if there is a `u_ref`
        ltp = [u - theta_plus]₊ [u_plus - theta_minus]₊ dt/ms
        u_minus <- u + (u_minus - u) e^(-dt/tau_minus),  u_plus alike,  u_mean alike but of u_minus

    u is the voltage when thresholds are checked: before spikes arrive and cells are reset. Traces begin at `u_rest`.
    """

    theta_minus: Quantity
    theta_plus: Quantity
    tau_minus: Quantity
    tau_plus: Quantity
    u_rest: Quantity
    u_ref: Quantity | None = None
    tau_mean: Quantity | None = None


@dataclass(frozen=True)
class PairForm:
    r"""In each step, after all traces have decayed and the fast ones (x and y), but not the slow ones, have jumped::

        spike of i:  dw_ij = learning_rate r (pre_gain + pre_gain_slow slow_i) y_j
        spike of j:  dw_ij = learning_rate r (post_gain + post_gain_slow slow_j) x_i

    Without a modulator r = 1. With `tau_e` dw feeds an eligibility trace, as in `MSTDPET`. With `voltage` y is ltd_j,
    and in the place of a spike of j there is ltp_j > 0: dw_ij = learning_rate r post_gain ltp_j x_i.

    Attributes
    ----------
    pre, post : PairTrace
        x of the presynaptic and y of the postsynaptic cells; `post` is None if there is `voltage`.
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
        Weights are clipped after each dw. In one step, the dw of presynaptic spikes come first. With `tau_e` they are
        clipped once in each step.
    voltage : VoltageTraces or None
        The rule learns from the postsynaptic voltage, and not from postsynaptic spikes.
    """

    pre: PairTrace
    post: PairTrace | None
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
    voltage: VoltageTraces | None = None

    def check_modulator(self, rule: str, modulator: str) -> None:
        """Raise unless a modulator is given where the rule of that name has one."""
        if self.modulated and not modulator:
            raise SpikedtpError(f"{rule} needs a modulator: an expression such as 'reward_post'")

    @property
    def limits(self) -> tuple[float, float]:
        """The bounds as numbers, which are infinite where there is none."""
        low, high = self.bounds
        return -math.inf if low is None else low, math.inf if high is None else high

    @property
    def bounded(self) -> bool:
        return self.bounds != (None, None)

    @property
    def may_wait(self) -> bool:
        """Whether changes by postsynaptic spikes may wait for a presynaptic one: not if clipping comes in between."""
        return not (self.bounded and self.modulated)
