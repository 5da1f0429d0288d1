"""Dendritic prediction of somatic spiking: a dendritic synapse learns what the soma does beyond its prediction."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from brian2 import Hz, ms
from brian2.units.fundamentalunits import Quantity

from spikedtp.errors import SpikedtpError
from spikedtp.parameters import parameter
from spikedtp.plasticity.signals import Array, State, exp, outer
from spikedtp.plasticity.spiking_form import SpikingForm
from spikedtp.plasticity.timed import Row, Step, TimedRule, decay, over_batch

__all__ = ["UrbanczikSenn"]


@dataclass(frozen=True)
class UrbanczikSenn(TimedRule):
    r"""In each step, in execution order, where ε is the epsp of a presynaptic spike::

        psp  = ε * pre               two exponentials per presynaptic cell, ε(t) = tau_l (e^(-t/tau_l) - e^(-t/tau_s))
                                     / (tau_l - tau_s)
        V    = W psp                 dendritic potential, one per postsynaptic cell
        U    = attenuation V         what the dendrite alone would do to the soma
        φ(U) = phi_max / (1 + k e^(beta (theta - U))),  h(U) = φ'(U)/φ(U)
        PI   = (post - φ(U) dt) h(U) psp        somatic spikes minus predicted spikes, one per synapse
        Δ   <- Δ e^(-dt/tau_delta) + PI/tau_delta       low-pass filter, in 1/ms
        W   <- W + learning_rate Δ dt

    When φ(U) is the rate at which the soma fires, W no longer changes on average. post is the number of somatic spikes
    in the step. In the rate form it may be a fraction, rate times dt.

    In spikes psp belongs to the presynaptic group. V, U and the prediction error belong to the postsynaptic group,
    where V is a sum over synapses. Δ belongs to the synapse. The rule is continuous: every synapse changes in every
    step.

    Parameters
    ----------
    phi_max : Quantity (Hz)
        Highest somatic rate.
    k, beta, theta : float
        Shape of φ. Potentials have no unit.
    attenuation : float
        g_D/(g_L + g_D), the share of the dendritic potential that reaches the soma.
    tau_l, tau_s : Quantity (second)
        Time constants of decay and rise of the epsp.
    tau_delta : Quantity (second)
        Time constant of the low-pass filter.
    learning_rate : float

    References
    ----------
    Urbanczik & Senn 2014, Neuron 81:521, 10.1016/j.neuron.2013.11.030. There ε is not multiplied by tau_l.

    Examples
    --------
    >>> import numpy as np
    >>> from spikedtp import replay
    >>> from spikedtp.plasticity import UrbanczikSenn
    >>> pre, post = np.zeros((50, 1)), np.zeros((50, 1))
    >>> pre[5::10], post[8::10] = 1, 1  # the soma fires more than the dendrite predicts
    >>> done = replay(UrbanczikSenn(), pre, post, 0.1)
    >>> bool(done.w[-1, 0, 0] > 0.1)
    True
    """

    phi_max: Quantity = parameter(150 * Hz, above=0 * Hz)
    k: float = parameter(0.5, above=0.0)
    beta: float = parameter(5.0, above=0.0)
    theta: float = parameter(1.0)
    attenuation: float = parameter(0.95, above=0.0, most=1.0)
    tau_l: Quantity = parameter(10 * ms, above=0 * ms)
    tau_s: Quantity = parameter(3 * ms, above=0 * ms)
    tau_delta: Quantity = parameter(100 * ms, above=0 * ms)
    learning_rate: float = parameter(0.01, least=0.0)

    equation: ClassVar[str] = (
        r"\tau_\Delta \dot\Delta = \left[S(t) - \varphi(V_w^*)\right]"
        r" \frac{\varphi'(V_w^*)}{\varphi(V_w^*)}\, \mathrm{PSP} - \Delta, \quad \dot W = \eta\,\Delta, \quad "
        r"V_w^* = \frac{g_D}{g_L + g_D} \sum_i W_i\, \mathrm{PSP}_i"
    )
    reference: ClassVar[str] = "Urbanczik & Senn 2014, Neuron 81:521, 10.1016/j.neuron.2013.11.030"

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.tau_s >= self.tau_l:
            raise SpikedtpError(f"UrbanczikSenn.tau_s must be below tau_l = {self.tau_l}, got {self.tau_s}")

    def rate(self, potential: Array) -> Array:
        """φ(U) in Hz."""
        return float(self.phi_max) / (1.0 + self.k * exp(self.beta * (self.theta - potential)))

    def initial_state(self, n_post: int, n_pre: int, batch: tuple[int, ...] = ()) -> State:
        shapes = {"slow": (n_pre,), "fast": (n_pre,), "potential": (n_post,), "delta": (n_post, n_pre)}
        return {name: np.zeros((*batch, *shape)) for name, shape in shapes.items()}

    def stepper(self, dt: Quantity) -> Step:
        keep_slow, keep_fast, keep_delta = (decay(dt, tau) for tau in (self.tau_l, self.tau_s, self.tau_delta))
        height = float(self.tau_l / (self.tau_l - self.tau_s))
        step_ms, tau_delta, step_s = float(dt / ms), float(self.tau_delta / ms), float(dt)

        def step(weight: Array, state: State, row: Row) -> tuple[Array, State]:
            slow, fast = keep_slow * state["slow"] + row.pre, keep_fast * state["fast"] + row.pre
            psp = height * (slow - fast)
            potential = psp @ weight.T
            predicted = self.rate(self.attenuation * potential) * step_s
            h = self.beta * (1.0 - predicted / (float(self.phi_max) * step_s))
            delta = keep_delta * state["delta"] + outer((row.post - predicted) * h, psp) / tau_delta
            state = {"slow": slow, "fast": fast, "potential": potential, "delta": delta}
            return weight + self.learning_rate * step_ms * over_batch(delta), state

        return step

    def spiking_form(self) -> SpikingForm:
        return SpikingForm(
            pre="""
                dslow/dt = -slow/tau_l : 1
                dfast/dt = -fast/tau_s : 1
                psp = tau_l/(tau_l - tau_s)*(slow - fast) : 1
            """,
            post="""
                potential : 1
                predicted = dt*phi_max/(1 + k*exp(beta*(theta - attenuation*potential))) : 1
                surprise = (activity - predicted)*beta*(1 - predicted/(dt*phi_max)) : 1
            """,
            synapse="delta : Hz\npotential_post = w*psp_pre : 1 (summed)",
            at_pre_spike="slow += 1\nfast += 1",
            on_learn="delta = delta*exp(-dt/tau_delta) + surprise_post*psp_pre/tau_delta\nw += learning_rate*dt*delta",
            states={
                "slow": "pre.slow",
                "fast": "pre.fast",
                "potential": "post.potential",
                "delta": "synapse.delta*ms",
            },
        )
