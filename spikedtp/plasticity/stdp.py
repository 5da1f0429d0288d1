"""Spike-timing-dependent plasticity of spike pairs. The reward-modulated rules use its traces too."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from brian2 import ms
from brian2.units.fundamentalunits import Quantity

from spikedtp.errors import SpikedtpError
from spikedtp.parameters import check_quantity, parameter
from spikedtp.plasticity.pair_form import PairForm, PairTrace
from spikedtp.plasticity.signals import Array, State, outer
from spikedtp.plasticity.spiking_form import SpikingForm
from spikedtp.plasticity.timed import Row, Step, TimedRule, decay, over_batch

__all__ = ["STDP", "PairRule"]

CONVENTIONS = ("same-step", "lag")
TRACES = ("cumulative", "nearest")


@dataclass(frozen=True)
class PairRule(TimedRule):
    r"""What all rules of spike pairs share: the traces P of both sides and the pair term ζ (as in `STDP`).

    Parameters
    ----------
    a_plus, a_minus : float
        Jumps of the traces at a spike, which give potentiation and (with a negative value) depression.
    tau_plus, tau_minus : Quantity (second)
        Time constants of the traces.
    learning_rate : float
    convention : {"same-step", "lag"}
        Whether ζ acts in its own step, as in Inferno, or in the next step, as in the equations of the paper.
    traces : {"cumulative", "nearest"}
        Whether a spike adds to its trace or sets it. If it sets the trace, only the nearest spikes interact.
    w_min, w_max : float, optional
        Hard bounds on the weights. None means no bound. They are allowed only with the convention "same-step".
    """

    a_plus: float = parameter(1.0)
    a_minus: float = parameter(-1.0)
    tau_plus: Quantity = parameter(20 * ms, above=0 * ms)
    tau_minus: Quantity = parameter(20 * ms, above=0 * ms)
    learning_rate: float = parameter(0.2, least=0.0)
    convention: str = "same-step"
    traces: str = "cumulative"
    w_min: float | None = None
    w_max: float | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        self.check_choice("convention", CONVENTIONS)
        self.check_choice("traces", TRACES)
        for name, bound in (("w_min", self.w_min), ("w_max", self.w_max)):
            if bound is not None:
                check_quantity(self.name, name, bound, 1.0)
        if self.w_min is not None and self.w_max is not None and self.w_min >= self.w_max:
            raise SpikedtpError(f"{self.name}.w_min must be below w_max = {self.w_max}, got {self.w_min}")
        if self.bounded and self.convention == "lag":
            raise SpikedtpError(f"{self.name}.convention must be same-step where weights have bounds, got 'lag'")

    @property
    def bounds(self) -> tuple[float | None, float | None]:
        return self.w_min, self.w_max

    @property
    def bounded(self) -> bool:
        return self.bounds != (None, None)

    # --- rate form ----------------------------------------------------------------------------------------------------

    def initial_state(self, n_post: int, n_pre: int, batch: tuple[int, ...] = ()) -> State:
        shapes = {"p_plus": (n_pre,), "p_minus": (n_post,), "zeta": (n_post, n_pre)}
        return {name: np.zeros((*batch, *shape)) for name, shape in shapes.items()}

    def _pair_stepper(self, dt: Quantity) -> Callable[[State, Row], State]:
        """`step(state, row)` -> the three states of the pair term, one step on."""
        keep_plus, keep_minus = decay(dt, self.tau_plus), decay(dt, self.tau_minus)
        nearest = self.traces == "nearest"

        def trace(old: Array, jump: float, signal: Array) -> Array:
            return old * (1.0 - signal) + jump * signal if nearest else old + jump * signal

        def step(state: State, row: Row) -> State:
            p_plus = trace(state["p_plus"] * keep_plus, self.a_plus, row.pre)
            p_minus = trace(state["p_minus"] * keep_minus, self.a_minus, row.post)
            return {"p_plus": p_plus, "p_minus": p_minus, "zeta": outer(row.post, p_plus) + outer(p_minus, row.pre)}

        return step

    def _acting(self, pair: Callable[[State, Row], State], state: State, row: Row) -> tuple[Array, State]:
        """The pair term that acts in this step, and the new state."""
        new = pair(state, row)
        return state["zeta"] if self.convention == "lag" else new["zeta"], new

    @staticmethod
    def _terms(state: State, row: Row) -> tuple[Array, Array]:
        """The parts of ζ in the order in which weights with bounds take them: presynaptic spikes come first."""
        return outer(state["p_minus"], row.pre), outer(row.post, state["p_plus"])

    # --- spiking form -------------------------------------------------------------------------------------------------

    def _pair_form(self, *, states: dict[str, str] | None = None, **code: Any) -> SpikingForm:
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

    def _within(self, weight: str) -> str:
        """An expression of the weight, within the bounds if there are any."""
        low = "w_min" if self.w_min is not None else "-inf"
        high = "w_max" if self.w_max is not None else "inf"
        return f"clip({weight}, {low}, {high})" if self.bounded else weight

    @property
    def _clip(self) -> str:
        """A line that brings the weight within its bounds, if there are any."""
        return f"\nw = {self._within('w')}" if self.bounded else ""

    def pair_form(self) -> PairForm:
        return PairForm(
            pre=PairTrace(self.tau_plus, self.a_plus),
            post=PairTrace(self.tau_minus, self.a_minus),
            learning_rate=self.learning_rate,
            nearest=self.traces == "nearest",
            lag=self.convention == "lag",
            bounds=self.bounds,
        )


@dataclass(frozen=True)
class STDP(PairRule):
    r"""Learning from pairs of spikes. In each step, in execution order::

        P⁺ <- P⁺ e^(-dt/tau_plus)  + a_plus  pre        one per presynaptic cell
        P⁻ <- P⁻ e^(-dt/tau_minus) + a_minus post       one per postsynaptic cell
        ζ   = P⁺ post + P⁻ pre                          one per synapse
        W  <- W + learning_rate ζ                       "lag": the ζ of the step before

    Traces are updated before they are used, so spikes in the same step count on both sides. In spikes, P⁺ belongs to
    the presynaptic and P⁻ to the postsynaptic group, and a synapse changes only when one of its two cells fires.

    If there are bounds, the weights are clipped after each term: first after P⁻ pre, then after P⁺ post.

    Parameters
    ----------
    a_plus, a_minus, tau_plus, tau_minus, learning_rate, convention, traces, w_min, w_max
        As in `PairRule`.

    References
    ----------
    Song, Miller & Abbott 2000, Nat. Neurosci. 3:919; in the notation of Florian 2007, 10.1162/neco.2007.19.6.1468.

    Examples
    --------
    >>> import numpy as np
    >>> from spikedtp import replay
    >>> from spikedtp.plasticity import STDP
    >>> pre, post = np.zeros((20, 1)), np.zeros((20, 1))
    >>> pre[5], post[15] = 1, 1  # the postsynaptic spike comes 10 ms later
    >>> done = replay(STDP(learning_rate=0.01), pre, post, 0.5)
    >>> round(float(done.w[-1, 0, 0]), 6)
    0.506065
    """

    equation: ClassVar[str] = (
        r"\dot P^\pm = -P^\pm/\tau_\pm + A_\pm \sum_f \delta(t - t_f), \quad "
        r"\zeta = P^+ S_\mathrm{post} + P^- S_\mathrm{pre}, \quad \Delta W = \gamma\,\zeta"
    )
    reference: ClassVar[str] = "Song, Miller & Abbott 2000, Nat. Neurosci. 3:919, in the notation of Florian 2007"

    # --- rate form ----------------------------------------------------------------------------------------------------

    def stepper(self, dt: Quantity) -> Step:
        pair = self._pair_stepper(dt)

        def step(weight: Array, state: State, row: Row) -> tuple[Array, State]:
            acting, state = self._acting(pair, state, row)
            if not self.bounded:
                return weight + self.learning_rate * over_batch(acting), state
            for term in self._terms(state, row):
                weight = np.clip(weight + self.learning_rate * over_batch(term), *self.bounds)
            return weight, state

        return step

    # --- spiking form -------------------------------------------------------------------------------------------------

    def spiking_form(self) -> SpikingForm:
        return self._pair_form(
            on_pre="w += learning_rate*p_minus_post" + self._clip,
            on_post="w += learning_rate*p_plus_pre" + self._clip,
        )
