"""The BCM synapse, which grows above a sliding threshold and shrinks below it. (`SupervisedBCM` is for circuits.)"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from brian2 import ms
from brian2.units.fundamentalunits import Quantity

from spikedtp.parameters import parameter
from spikedtp.plasticity.signals import Array, State, outer
from spikedtp.plasticity.spiking_form import SpikingForm
from spikedtp.plasticity.timed import Row, Step, TimedRule, over_batch

__all__ = ["BCM"]

EPSILON = 1e-7  # of the original program; keeps the division finite as θ -> 0


@dataclass(frozen=True)
class BCM(TimedRule):
    r"""In each step, with pre and post activities x, y and the old W and θ throughout::

        p  = y (y - θ)/(θ + 1e-7)
        ΔW = p ⊗ x                            summed over a batch
        ΔW <- ΔW (w_bound - |W|)              if w_bound > 0
        ΔW <- ΔW - w_decay W
        W  <- W + ΔW dt/tau_w
        θ  <- θ + (y² - θ) dt/tau_theta       y²: its mean over a batch

    θ follows the mean of y², so y stays constant where y = θ = y², which means at 1. This point is stable only if θ
    moves faster than W.

    In spikes each step is a learning event of all synapses. θ belongs to the postsynaptic group, which changes it after
    the weights have changed.

    Parameters
    ----------
    tau_w, tau_theta : Quantity (second)
        Time constants of W and θ.
    theta0 : float
        The value at which θ starts.
    w_bound : float
        Soft bound of the size of W. With 0 there is none.
    w_decay : float
        Rate at which W decays by itself.

    References
    ----------
    Bienenstock, Cooper & Munro 1982, J. Neurosci. 2:32; the normalised form is that of ngc-learn's BCM synapse.

    Examples
    --------
    >>> import numpy as np
    >>> from spikedtp import replay
    >>> from spikedtp.plasticity import BCM
    >>> pre, post = np.ones((50, 1)), np.full((50, 1), 0.8)
    >>> done = replay(BCM(), pre, post, 0.5)
    >>> done.state["theta"][[0, 25, 50], 0].round(2).tolist()  # the threshold moves to 0.8² = 0.64
    [0.5, 0.6, 0.63]
    """

    tau_w: Quantity = parameter(40 * ms, above=0 * ms)
    tau_theta: Quantity = parameter(20 * ms, above=0 * ms)
    theta0: float = parameter(0.5, above=0.0)
    w_bound: float = parameter(0.0, least=0.0)
    w_decay: float = parameter(0.0, least=0.0)

    equation: ClassVar[str] = (
        r"\tau_w \dot W = \frac{y\,(y - \theta)}{\theta}\, x\,(w_\mathrm{bound} - |W|)"
        r"_{\text{if } w_\mathrm{bound} > 0} - w_\mathrm{decay} W, \quad \tau_\theta \dot\theta = y^2 - \theta"
    )
    reference: ClassVar[str] = "Bienenstock, Cooper & Munro 1982, J. Neurosci. 2:32; ngc-learn's BCM synapse"
    needs_spikes: ClassVar[bool] = False

    @property
    def silent_inputs_keep_weights(self) -> bool:  # type: ignore[override]
        return self.w_decay == 0

    def initial_state(self, n_post: int, n_pre: int, batch: tuple[int, ...] = ()) -> State:
        return {"theta": np.full(n_post, float(self.theta0))}

    def stepper(self, dt: Quantity) -> Step:
        weight_step, theta_step = float(dt / self.tau_w), float(dt / self.tau_theta)

        def step(weight: Array, state: State, row: Row) -> tuple[Array, State]:
            theta, post = state["theta"], row.post
            change = over_batch(outer(post * (post - theta) / (theta + EPSILON), row.pre))
            if self.w_bound > 0:
                change = change * (self.w_bound - abs(weight))
            change = change - self.w_decay * weight
            target = post**2 if post.ndim == 1 else (post**2).mean(axis=0)
            return weight + weight_step * change, {"theta": theta + theta_step * (target - theta)}

        return step

    def spiking_form(self) -> SpikingForm:
        growth = "(w_bound - abs(w))*p_post*activity_pre" if self.w_bound > 0 else "p_post*activity_pre"
        return SpikingForm(
            post=f"theta : 1\np = activity*(activity - theta)/(theta + {EPSILON}) : 1",
            initial={"post.theta": "theta0"},
            on_learn=f"w += dt/tau_w*({growth} - w_decay*w)",
            after_learn_post="theta += dt/tau_theta*(activity**2 - theta)",
            states={"theta": "post.theta"},
        )
