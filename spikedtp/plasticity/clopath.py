"""Learning from presynaptic spikes and the postsynaptic voltage."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from brian2 import ms, mV
from brian2.units.fundamentalunits import Quantity

from spikedtp.errors import SpikedtpError
from spikedtp.parameters import check_quantity, parameter
from spikedtp.plasticity.pair_form import PairForm, PairTrace, VoltageTraces
from spikedtp.plasticity.signals import Array, State, outer
from spikedtp.plasticity.spiking_form import SpikingForm
from spikedtp.plasticity.timed import Row, Step, TimedRule, decay, over_batch

__all__ = ["Clopath"]

#: trace of the voltage -> its time constant and what it filters
FILTERS = {"u_minus": ("tau_minus", "u"), "u_plus": ("tau_plus", "u"), "u_mean": ("tau_mean", "u_minus")}


@dataclass(frozen=True)
class Clopath(TimedRule):
    r"""Voltage-based STDP. In each step, where u is the postsynaptic voltage and [a]₊ = max(a, 0), in execution order::

        x  <- x e^(-dt/tau_x) + pre/tau_x                                        one per presynaptic cell, in 1/ms
        W  <- W - a_ltd [u_minus - theta_minus]₊ pre                             depression by presynaptic spikes
        W  <- W + a_ltp x [u - theta_plus]₊ [u_plus - theta_minus]₊ dt           potentiation while u is high
        u_mean  <- u_minus + (u_mean - u_minus) e^(-dt/tau_mean)                 one each per postsynaptic cell
        u_minus <- u + (u_minus - u) e^(-dt/tau_minus),  u_plus alike with tau_plus

    The weights are clipped after each of the two terms. With `u_ref` depression is multiplied by
    (u_mean - u_rest)²/u_ref² (homeostasis). The voltage traces begin at `u_rest`. The default values are those of the
    paper for visual cortex.

    In `replay` the postsynaptic activity is u in mV. In a network u is the voltage when thresholds are checked: before
    spikes arrive and before the reset. The rule needs voltages that exceed `theta_plus` while a cell fires. Give a cell
    whose spikes are no more than a threshold and a reset a low `theta_plus`, or a model with a spike.

    Parameters
    ----------
    a_ltd : Quantity (1/mV)
    a_ltp : Quantity (1/mV²)
        Amplitudes.
    theta_minus, theta_plus : Quantity (mV)
        Thresholds of the traces and of u.
    tau_x, tau_minus, tau_plus, tau_mean : Quantity (second)
        Time constants of the traces.
    u_rest : Quantity (mV)
    u_ref : Quantity (mV), optional
        Depolarisation at which depression has the amplitude `a_ltd`. None: always.
    w_min, w_max : float, optional
        Hard bounds on the weights. None means no bound.

    References
    ----------
    Clopath, Büsing, Vasilaki & Gerstner 2010, Nat. Neurosci. 13:344, 10.1038/nn.2479; equations 1 to 3 and Table 1.

    Examples
    --------
    >>> import numpy as np
    >>> from spikedtp import replay
    >>> from spikedtp.plasticity import Clopath
    >>> pre, u = np.zeros((300, 1)), np.full((300, 1), -70.6)  # mV, every 0.1 ms
    >>> pre[50], u[150:170] = 1, 20  # the postsynaptic spike comes 10 ms later
    >>> done = replay(Clopath(), pre, u, 0.5, dt=0.1 * ms)
    >>> round(float(done.w[-1, 0, 0]), 6)
    0.503688
    """

    a_ltd: Quantity = parameter(14e-5 / mV, least=0 / mV)
    a_ltp: Quantity = parameter(8e-5 / mV**2, least=0 / mV**2)
    theta_minus: Quantity = parameter(-70.6 * mV)
    theta_plus: Quantity = parameter(-45.3 * mV)
    tau_x: Quantity = parameter(15 * ms, above=0 * ms)
    tau_minus: Quantity = parameter(10 * ms, above=0 * ms)
    tau_plus: Quantity = parameter(7 * ms, above=0 * ms)
    tau_mean: Quantity = parameter(1000 * ms, above=0 * ms)
    u_rest: Quantity = parameter(-70.6 * mV)
    u_ref: Quantity | None = None
    w_min: float | None = 0.0
    w_max: float | None = 3.0

    equation: ClassVar[str] = (
        r"\dot W = -A_\mathrm{LTD}\, S_\mathrm{pre} [\bar u_- - \theta_-]_+ "
        r"+ A_\mathrm{LTP}\, \bar x\, [u - \theta_+]_+ [\bar u_+ - \theta_-]_+"
    )
    reference: ClassVar[str] = "Clopath, Büsing, Vasilaki & Gerstner 2010, Nat. Neurosci. 13:344, 10.1038/nn.2479"
    needs_spikes: ClassVar[bool] = False

    def __post_init__(self) -> None:
        super().__post_init__()
        for name, bound in (("w_min", self.w_min), ("w_max", self.w_max)):
            if bound is not None:
                check_quantity("Clopath", name, bound, 1.0)
        if self.w_min is not None and self.w_max is not None and self.w_min >= self.w_max:
            raise SpikedtpError(f"Clopath.w_min must be below w_max = {self.w_max}, got {self.w_min}")
        if self.u_ref is not None:
            check_quantity("Clopath", "u_ref", self.u_ref, 1 * mV, above=0 * mV)

    @property
    def bounds(self) -> tuple[float | None, float | None]:
        return self.w_min, self.w_max

    # --- rate form ----------------------------------------------------------------------------------------------------

    def initial_state(self, n_post: int, n_pre: int, batch: tuple[int, ...] = ()) -> State:
        rest = {name: np.full((*batch, n_post), float(self.u_rest / mV)) for name in FILTERS}
        return {"x": np.zeros((*batch, n_pre))} | rest

    def stepper(self, dt: Quantity) -> Step:
        keep = {name: decay(dt, getattr(self, tau)) for name, (tau, _) in FILTERS.items()}
        keep_x, jump, step_ms = decay(dt, self.tau_x), float(ms / self.tau_x), float(dt / ms)
        low, high, rest = (float(value / mV) for value in (self.theta_minus, self.theta_plus, self.u_rest))
        a_ltd, a_ltp = float(self.a_ltd * mV), float(self.a_ltp * mV**2)
        u_ref = None if self.u_ref is None else float(self.u_ref / mV)

        def step(weight: Array, state: State, row: Row) -> tuple[Array, State]:
            values = {"u": row.post, **state}
            x = state["x"] * keep_x + jump * row.pre
            depressed = a_ltd * np.maximum(state["u_minus"] - low, 0.0)
            if u_ref is not None:
                depressed = depressed * ((state["u_mean"] - rest) / u_ref) ** 2
            raised = a_ltp * step_ms * np.maximum(row.post - high, 0.0) * np.maximum(state["u_plus"] - low, 0.0)
            for change in (-outer(depressed, row.pre), outer(raised, x)):
                weight = weight + over_batch(change)
                weight = weight if self.bounds == (None, None) else np.clip(weight, *self.bounds)
            new = {name: values[of] + (state[name] - values[of]) * keep[name] for name, (_, of) in FILTERS.items()}
            return weight, {"x": x} | new

        return step

    # --- spiking form -------------------------------------------------------------------------------------------------

    def spiking_form(self) -> SpikingForm:
        clip = ""
        if self.bounds != (None, None):
            low = "w_min" if self.w_min is not None else "-inf"
            high = "w_max" if self.w_max is not None else "inf"
            clip = f"\nw = clip(w, {low}, {high})"
        homeostasis = "" if self.u_ref is None else "*((u_mean - u_rest/mV)*mV/u_ref)**2"
        filters = [
            f"{name} = {of} + ({name} - {of})*exp(-dt/{tau})"
            for name, (tau, of) in reversed(FILTERS.items())  # the slowest reads another before it moves
        ]
        return SpikingForm(
            pre="x_before : 1\nx = x_before*exp(-dt/tau_x) + activity*ms/tau_x : 1",
            post=f"""
                u = activity : 1
                {chr(10).join(f"{name} : 1" for name in FILTERS)}
                depressed = a_ltd*mV*clip(u_minus - theta_minus/mV, 0, inf){homeostasis} : 1
                raised = a_ltp*mV**2*dt/ms*clip(u - theta_plus/mV, 0, inf)*clip(u_plus - theta_minus/mV, 0, inf) : 1
            """,
            initial={f"post.{name}": "u_rest/mV" for name in FILTERS},
            on_learn=f"w -= depressed_post*activity_pre{clip}\nw += raised_post*x_pre{clip}",
            after_learn_pre="x_before = x",
            after_learn_post="\n".join(filters),
            states={"x": "pre.x_before"} | {name: f"post.{name}" for name in FILTERS},
        )

    def pair_form(self) -> PairForm:
        return PairForm(
            pre=PairTrace(self.tau_x, float(ms / self.tau_x)),
            post=None,
            learning_rate=1.0,
            gains=(-float(self.a_ltd * mV), float(self.a_ltp * mV**2)),
            bounds=self.bounds,
            voltage=VoltageTraces(
                self.theta_minus,
                self.theta_plus,
                self.tau_minus,
                self.tau_plus,
                self.u_rest,
                self.u_ref,
                None if self.u_ref is None else self.tau_mean,
            ),
        )
