"""Spike-timing-dependent plasticity of spike pairs. Its traces also serve the reward-modulated rules."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from brian2 import ms, second

from spikedtp.parameters import parameter
from spikedtp.plasticity.signals import outer
from spikedtp.plasticity.spiking_form import SpikingForm
from spikedtp.plasticity.timed import TimedRule, decay, over_batch

__all__ = ["STDP"]

CONVENTIONS = ("same-step", "lag")
TRACES = ("cumulative", "nearest")


@dataclass(frozen=True)
class STDP(TimedRule):
    r"""Pairs of spikes: in each step, in execution order::

        P⁺ <- P⁺ e^(-dt/tau_plus)  + a_plus  pre        one per presynaptic cell
        P⁻ <- P⁻ e^(-dt/tau_minus) + a_minus post       one per postsynaptic cell
        ζ   = P⁺ post + P⁻ pre                          one per synapse
        W  <- W + learning_rate ζ                       "lag": the ζ of the step before

    Traces are updated before they are used, so spikes in the same step count on both sides. In spikes, P⁺ lives in the
    presynaptic and P⁻ in the postsynaptic group, and a synapse changes only when one of its two cells fires.

    Parameters
    ----------
    a_plus, a_minus : float
        Jumps of the traces; potentiation and (negative) depression.
    tau_plus, tau_minus : Quantity (second)
    learning_rate : float
    convention : {"same-step", "lag"}
        Whether ζ acts in its own step (as in Inferno) or in the next one (the paper's equations).
    traces : {"cumulative", "nearest"}
        Whether a spike adds to its trace, or sets it (then only the nearest spikes interact).

    References
    ----------
    Song, Miller & Abbott 2000, Nat. Neurosci. 3:919; in the notation of Florian 2007, 10.1162/neco.2007.19.6.1468.
    """

    a_plus: float = parameter(1.0)
    a_minus: float = parameter(-1.0)
    tau_plus: second = parameter(20 * ms, above=0 * ms)
    tau_minus: second = parameter(20 * ms, above=0 * ms)
    learning_rate: float = parameter(0.2, least=0.0)
    convention: str = "same-step"
    traces: str = "cumulative"

    equation: ClassVar[str] = (
        r"\dot P^\pm = -P^\pm/\tau_\pm + A_\pm \sum_f \delta(t - t_f), \quad "
        r"\zeta = P^+ S_\mathrm{post} + P^- S_\mathrm{pre}, \quad \Delta W = \gamma\,\zeta"
    )
    reference: ClassVar[str] = "Song, Miller & Abbott 2000, Nat. Neurosci. 3:919, in the notation of Florian 2007"

    def __post_init__(self):
        super().__post_init__()
        self.check_choice("convention", CONVENTIONS)
        self.check_choice("traces", TRACES)

    # --- rate form ----------------------------------------------------------------------------------------------------

    def initial_state(self, n_post, n_pre, batch=()):
        shapes = {"p_plus": (n_pre,), "p_minus": (n_post,), "zeta": (n_post, n_pre)}
        return {name: np.zeros((*batch, *shape)) for name, shape in shapes.items()}

    def _pair_stepper(self, dt):
        """`step(state, row)` -> the three states of the pair term, one step on."""
        keep_plus, keep_minus = decay(dt, self.tau_plus), decay(dt, self.tau_minus)
        nearest = self.traces == "nearest"

        def trace(old, jump, signal):
            return old * (1.0 - signal) + jump * signal if nearest else old + jump * signal

        def step(state, row):
            p_plus = trace(state["p_plus"] * keep_plus, self.a_plus, row.pre)
            p_minus = trace(state["p_minus"] * keep_minus, self.a_minus, row.post)
            return {"p_plus": p_plus, "p_minus": p_minus, "zeta": outer(row.post, p_plus) + outer(p_minus, row.pre)}

        return step

    def _acting(self, pair, state, row):
        """The pair term that acts in this step, and the new state."""
        new = pair(state, row)
        return state["zeta"] if self.convention == "lag" else new["zeta"], new

    def stepper(self, dt):
        pair = self._pair_stepper(dt)

        def step(weight, state, row):
            acting, state = self._acting(pair, state, row)
            return weight + self.learning_rate * over_batch(acting), state

        return step

    # --- spiking form -------------------------------------------------------------------------------------------------

    def spiking_form(self):
        return self._pair_form(on_pre="w += learning_rate*p_minus_post", on_post="w += learning_rate*p_plus_pre")

    def _pair_form(self, *, states: dict[str, str] | None = None, **code) -> SpikingForm:
        """The traces of the pair term in their groups, with the synapse code of one rule."""
        zeta = "p_plus_pre*activity_post + p_minus_post*activity_pre"
        jump = "=" if self.traces == "nearest" else "+="
        return SpikingForm(
            pre="dp_plus/dt = -p_plus/tau_plus : 1",
            post="dp_minus/dt = -p_minus/tau_minus : 1",
            at_pre_spike=f"p_plus {jump} a_plus",
            at_post_spike=f"p_minus {jump} a_minus",
            lag=self.convention == "lag",
            states={"p_plus": "pre.p_plus", "p_minus": "post.p_minus", "zeta": f"synapse.{zeta}"} | (states or {}),
            **code,
        )
