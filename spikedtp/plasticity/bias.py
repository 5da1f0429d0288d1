"""Bias rules that are local. EIANN's ``DendriticLossBias``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from spikedtp.plasticity.base import BiasRule
from spikedtp.plasticity.signals import Array

__all__ = ["PlateauBias"]


@dataclass(frozen=True)
class PlateauBias(BiasRule):
    """Δbias = lr · plateau. In spikes each cell changes its own bias at the learning event.

    Parameters
    ----------
    learning_rate : float

    Examples
    --------
    >>> import numpy as np
    >>> from spikedtp.plasticity import PlateauBias
    >>> PlateauBias(learning_rate=0.1).update(plateau=np.array([0.5, -1.0]), gradient=None).tolist()
    [0.05, -0.1]
    """

    equation: ClassVar[str] = r"\Delta b = \eta\, P"
    reference: ClassVar[str] = "Galloni, Peddada, Chennawar & Milstein 2026, Cell Reports 45:117159"
    legacy_names: ClassVar[tuple[str, ...]] = ("DendriticLossBias",)

    def update(self, plateau: Array, gradient: Array | None) -> Array:
        return self.learning_rate * plateau

    def spiking_form(self) -> str:
        return "bias += learning_rate*plateau"
