"""Burstprop between units that have an event rate and a burst probability: the model of whole networks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

import numpy as np

from spikedtp.errors import SpikedtpError, shown
from spikedtp.parameters import Parameters, parameter
from spikedtp.plasticity.signals import Array

__all__ = ["SMALL", "BurstpropRates", "WeightChanges"]

SMALL = 1e-8  # beside event rates that may be 0


@dataclass(frozen=True)
class BurstpropRates(Parameters):
    r"""Burstprop for layers of units: each has an event rate e, a burst probability p and a burst rate b = p e.

    Events go forward and bursts go back. Times have no unit. In each step, with the values of the step before on the
    right, for all layers at once::

        z <- z + dt/tau_z (-z + W e_below + bias)          e = exp(z), of outputs softmax(z)
        u <- u + dt/tau_u (-u + beta B b_above)            p = sigmoid(u)
        e_bar <- e_bar + dt/tau_avg (e - e_bar)            b_bar likewise;   p_bar = b_bar/e_bar
        while the teacher is on:
        W <- W + dt/tau_w ((p - p_bar) e - homeostasis H) e_below^T,   H = max(1 - e_max/e, 0), of outputs 0
        bias <- bias + dt/tau_w (p - p_bar) e

    A sample is a prediction and a teaching. In the prediction p of the outputs is 1/2. The teacher sets it to
    1/2 + 1/2 tanh(gain (target - e_bar)/e_bar). Where p hardly differs from 1/2, the changes of all layers are in
    proportion to a gradient, if B is the transpose of the weights above.

    Parameters
    ----------
    dt, tau_z, tau_u, tau_avg, tau_w : float
        Step and time constants: of somata, of dendrites, of averages and of learning.
    prediction, teaching : float
        How long both parts of a sample take: whole numbers of steps.
    beta : float
        Strength of the feedback.
    gain : float
        How steeply the burst probability of an output depends on its error.
    balanced : bool
        Whether the layer below the outputs hears how much the burst rates of the outputs differ from their mean, as
        with dendritic inhibition in proportion to all of them.
    hidden_rate : float
        Learning rate of hidden layers in units of that of the outputs, dt/tau_w.
    homeostasis, e_max : float
        How strongly weights fall while an event rate is above `e_max`.
    weight_decay : float
        After each sample all weights, and feedback that is learned, shrink by the part ``dt/tau_w weight_decay``.

    References
    ----------
    Payeur et al. 2021, Nat. Neurosci. 24:1010, 10.1038/s41593-021-00857-x, the coarse-grained model of its supplement,
    in the form that the authors' program computes. `gain`, `balanced`, `hidden_rate` and `weight_decay` are not in it.

    Examples
    --------
    >>> from spikedtp.plasticity import BurstpropRates
    >>> rule = BurstpropRates(teaching=1.0)
    >>> rule.n_prediction, rule.n_teaching
    (50, 10)
    >>> rule.taught([0.5, 0.25], [1.0, 0.0]).round(3).tolist()  # burst probabilities of two outputs
    [0.881, 0.119]
    """

    dt: float = parameter(0.1, above=0.0)
    tau_z: float = parameter(0.1, above=0.0)
    tau_u: float = parameter(0.1, above=0.0)
    tau_avg: float = parameter(5.0, above=0.0)
    tau_w: float = parameter(100.0, above=0.0)
    prediction: float = parameter(5.0, above=0.0)
    teaching: float = parameter(0.5, above=0.0)
    beta: float = parameter(1.0, least=0.0)
    gain: float = parameter(1.0, above=0.0)
    balanced: bool = False
    hidden_rate: float = parameter(1.0, least=0.0)
    homeostasis: float = parameter(0.05, least=0.0)
    e_max: float = parameter(5.0, above=0.0)
    weight_decay: float = parameter(0.0, least=0.0)

    reference: ClassVar[str] = "Payeur et al. 2021, Nat. Neurosci. 24:1010, 10.1038/s41593-021-00857-x"

    def __post_init__(self) -> None:
        super().__post_init__()
        if not isinstance(self.balanced, bool):
            raise SpikedtpError(f"BurstpropRates.balanced must be True or False, got {shown(self.balanced)}")
        for name in ("tau_z", "tau_u", "tau_avg"):
            if getattr(self, name) < self.dt * (1 - 1e-9):
                raise SpikedtpError(
                    f"BurstpropRates.{name} must be at least one step of dt = {self.dt:g}, got {getattr(self, name):g}"
                )
        for name in ("prediction", "teaching"):
            steps = getattr(self, name) / self.dt
            if steps < 0.5 or abs(steps - round(steps)) > 1e-6:
                raise SpikedtpError(
                    f"BurstpropRates.{name} must be a whole number of steps of dt = {self.dt:g}, got "
                    f"{getattr(self, name):g}"
                )

    @property
    def n_prediction(self) -> int:
        """Steps of the prediction."""
        return round(self.prediction / self.dt)

    @property
    def n_teaching(self) -> int:
        """Steps of the teaching."""
        return round(self.teaching / self.dt)

    @property
    def rate(self) -> float:
        """Learning rate of a step, dt/tau_w."""
        return self.rate_of(1 / self.dt)

    def rate_of(self, steps: float) -> float:
        """Learning rate of a step if `steps` of them are the time 1."""
        return 1 / (steps * self.tau_w)

    def taught(self, e_bar: Array, target: Array) -> Array:
        """Burst probabilities that the teacher gives to outputs with these averages of events."""
        e_bar = np.asarray(e_bar)
        return 0.5 + 0.5 * np.tanh(self.gain * (target - e_bar) / (e_bar + SMALL))

    def too_high(self, e: Array) -> Array:
        """H, of hidden units."""
        return np.maximum(1 - self.e_max / np.maximum(e, self.e_max), 0)


class WeightChanges(NamedTuple):
    """What each sample would add to the weights and biases of each layer of a network.

    Attributes
    ----------
    weights : list of (samples, n_post, n_pre)
    biases : list of (samples, n_post)

    Examples
    --------
    >>> from spikedtp.rate import BurstpropNetwork
    >>> network = BurstpropNetwork((4, 5, 3))
    >>> changes = network.delta_w([[0.1, 0.2, 0.3, 0.4]], [2])
    >>> [w.shape for w in changes.weights], [b.shape for b in changes.biases]
    ([(1, 5, 4), (1, 3, 5)], [(1, 5), (1, 3)])
    """

    weights: list[Any]
    biases: list[Any]
