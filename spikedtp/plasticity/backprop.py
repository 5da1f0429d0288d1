"""Backpropagation as a learning rule: the rate network computes the gradient, and the rule takes a step against it.

EIANN's ``Backprop``, ``Backprop_CL``, ``BackpropBias`` and ``Backprop_DendriticLoss``. A gradient has no spiking form.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from spikedtp.plasticity.base import BiasRule, LearningRule
from spikedtp.plasticity.signals import Array, Signals, State

__all__ = ["Backprop", "BackpropBias", "LocalBackprop"]


@dataclass(frozen=True)
class Backprop(LearningRule):
    """ΔW = -lr · ∂L/∂W, where L is the mean squared error of the output.

    The gradient goes through the last `backward_steps` settle steps.

    Parameters
    ----------
    learning_rate : float

    Examples
    --------
    >>> import numpy as np
    >>> from spikedtp import load_rate_network
    >>> network = load_rate_network("digits_backprop_dale", seed=1)
    >>> type(network.circuit.projection("OutputE_H2E").rule).__name__
    'Backprop'
    >>> network.weight_updates(np.full(64, 0.2), np.eye(10)[3])["OutputE_H2E"].shape
    (10, 100)
    """

    equation: ClassVar[str] = (
        r"\Delta W = -\eta\, \partial L/\partial W, \quad L = \langle (a - \mathrm{target})^2 \rangle"
    )
    reference: ClassVar[str] = "Rumelhart, Hinton & Williams 1986, Nature 323:533"
    legacy_names: ClassVar[tuple[str, ...]] = ("Backprop", "Backprop_CL")
    needs_gradient: ClassVar[str | None] = "output"

    def update(self, signals: Signals, weight: Array, state: State) -> Array:
        return -self.learning_rate * signals.gradient


@dataclass(frozen=True)
class LocalBackprop(LearningRule):
    """ΔW = -lr · ∂L/∂W, where L is the mean squared forward dendritic state of one population.

    Parameters
    ----------
    learning_rate : float
    source : str
        The population whose dendritic state is brought to 0, e.g. ``"H1E"``.

    Examples
    --------
    >>> from spikedtp.plasticity import LocalBackprop
    >>> LocalBackprop(learning_rate=0.1, source="H1.E")  # EIANN writes a dot in the names of populations
    LocalBackprop(learning_rate=0.1, source='H1E')
    """

    source: str

    equation: ClassVar[str] = (
        r"\Delta W = -\eta\, \partial L/\partial W, \quad L = \langle d_\mathrm{settled}^2 \rangle"
    )
    reference: ClassVar[str] = "Galloni, Peddada, Chennawar & Milstein 2026, Cell Reports 45:117159"
    legacy_names: ClassVar[tuple[str, ...]] = ("Backprop_DendriticLoss",)
    needs_gradient: ClassVar[str | None] = "dendrite"

    def __post_init__(self) -> None:
        super().__post_init__()
        self.check("source", isinstance(self.source, str) and bool(self.source), "the name of a population, as in H1.E")
        object.__setattr__(self, "source", self.source.replace(".", ""))  # H1.E in circuit files

    def update(self, signals: Signals, weight: Array, state: State) -> Array:
        return -self.learning_rate * signals.gradient


@dataclass(frozen=True)
class BackpropBias(BiasRule):
    """Δbias = -lr · ∂L/∂bias, with L as in `Backprop`.

    Parameters
    ----------
    learning_rate : float

    Examples
    --------
    >>> import numpy as np
    >>> from spikedtp.plasticity import BackpropBias
    >>> BackpropBias(learning_rate=0.1).update(plateau=None, gradient=np.array([0.5, -1.0])).tolist()
    [-0.05, 0.1]
    """

    equation: ClassVar[str] = (
        r"\Delta b = -\eta\, \partial L/\partial b, \quad L = \langle (a - \mathrm{target})^2 \rangle"
    )
    reference: ClassVar[str] = "Rumelhart, Hinton & Williams 1986, Nature 323:533"
    legacy_names: ClassVar[tuple[str, ...]] = ("BackpropBias", "Backprop")
    needs_gradient: ClassVar[str | None] = "output"

    def update(self, plateau: Array | None, gradient: Array) -> Array:
        return -self.learning_rate * gradient
