"""The cells of surrogate-gradient networks in discrete time: one whose spike comes a step late, and a read-out.

The leak and the inputs are added in two pieces of code. In a single one a compiler would round product and sum only
once, and results would differ from torch's in the last bit.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from brian2 import Equations, ms
from brian2.units.fundamentalunits import Quantity

from spikedtp.neurons.base import CellModel, Declaration
from spikedtp.parameters import parameter

__all__ = ["DiscreteLIF", "LeakyReadout"]


@dataclass(frozen=True)
class DiscreteLIF(CellModel):
    r"""Leaky integrate-and-fire cell as it is trained in discrete time, step for step.

    Let h[k] be the sum of the weights of the spikes that arrive in step k, and alpha = e^(-dt/tau)::

        v[k+1] = (alpha v[k] + h[k]) (1 - s[k])
        s[k+1] = 1 if v[k] > threshold else 0          the old v, strictly above

    Voltage and spike are 0 in step 0. The spike comes one step after the crossing, and the reset one step after the
    spike. A cell whose input goes on therefore crosses the threshold again in between and fires doublets. An ordinary
    LIF cell (`LIF`) with the same constants gives another spike train.

    Parameters
    ----------
    tau : Quantity (second)
        Membrane time constant.
    threshold : float
        The cell fires if its voltage is above this.

    References
    ----------
    Zenke & Ganguli 2018, Neural Comput. 30:1514, for the training; the dynamics are those of the COMOB project's
    sound-localisation notebooks (2023).

    Examples
    --------
    >>> import numpy as np
    >>> from brian2 import ms
    >>> from spikedtp.neurons import DiscreteLIF
    >>> cell, v, s = DiscreteLIF(), np.zeros(1), np.zeros(1)
    >>> for h in (1.5, 0.0, 0.0):  # the inputs of three steps
    ...     v, s = cell.step(v, s, h, 1 * ms)
    ...     print(f"v = {v[0]:.3f}, spike = {s[0]:.0f}")
    v = 1.500, spike = 0
    v = 1.228, spike = 1
    v = 0.000, spike = 1
    """

    tau: Quantity = parameter(5 * ms, above=0 * ms)
    threshold: float = parameter(1.0)

    def step(self, v: np.ndarray, s: np.ndarray, h: np.ndarray, dt: Quantity) -> tuple[np.ndarray, np.ndarray]:
        """One time step in arrays, ``(v, s, h) -> (v, s)``. The declaration below does the same in Brian2."""
        alpha = np.exp(-float(dt / self.tau))
        return (alpha * v + h) * (1 - s), (v > self.threshold).astype(float)

    def declaration(self) -> Declaration:
        return Declaration(
            equations=Equations(
                """
                v_soma : 1
                fires : 1
                crossed : 1
                input_soma : 1
                alpha = exp(-dt/tau) : 1
                """
            ),
            threshold="fires > 0.5",
            before_threshold="crossed = int(v_soma > threshold)\nv_soma *= alpha",
            update="v_soma = (v_soma + input_soma)*(1 - fires)\nfires = crossed",
            clear=("input_soma",),
        )


@dataclass(frozen=True)
class LeakyReadout(CellModel):
    r"""A cell without threshold that filters its inputs: ``v[k+1] = e^(-dt/tau) v[k] + h[k]``.

    Parameters
    ----------
    tau : Quantity (second)
        Time constant of the filter.

    Examples
    --------
    >>> from brian2 import ms
    >>> from spikedtp.neurons import LeakyReadout
    >>> LeakyReadout(tau=5 * ms).declaration().update
    'v_soma += input_soma'
    """

    tau: Quantity = parameter(5 * ms, above=0 * ms)

    def declaration(self) -> Declaration:
        return Declaration(
            equations=Equations(
                """
                v_soma : 1
                input_soma : 1
                alpha = exp(-dt/tau) : 1
                """
            ),
            threshold="",
            before_threshold="v_soma *= alpha",
            update="v_soma += input_soma",
            clear=("input_soma",),
        )
