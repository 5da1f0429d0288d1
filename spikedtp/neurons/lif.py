"""The ordinary leaky integrate-and-fire cell without units, integrated exactly."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from brian2 import Equations, ms
from brian2.units.fundamentalunits import Quantity

from spikedtp.errors import SpikedtpError
from spikedtp.neurons.base import CellModel, Declaration
from spikedtp.parameters import parameter

__all__ = ["LIF"]

logger = logging.getLogger(__name__)

#: What must be left of a spike in the step after it arrived; else there is a warning.
LEAST_LEFT = 0.5


@dataclass(frozen=True)
class LIF(CellModel):
    r"""tau dv/dt = -v, integrated exactly. A spike of weight w makes v jump by w.

    In each step, if v > threshold, the cell fires in this step, and v is set to the reset, where it stays for
    `t_refractory`. Inputs that arrive in the step of the spike are lost. Then v leaks. The next test against the
    threshold therefore sees w e^(-dt/tau) of an input spike of weight w, which is 82 % with the default `tau` at
    dt = 1 ms. Threshold and reset are in units of the weights.

    Parameters
    ----------
    tau : Quantity (second)
        Membrane time constant.
    threshold, reset : float
        The cell fires above the threshold, and v is then set to the reset.
    t_refractory : Quantity (second)
        Refractory time, a whole number of time steps.

    Examples
    --------
    >>> from brian2 import ms
    >>> from spikedtp.neurons import LIF
    >>> cell = LIF(tau=20 * ms, t_refractory=2 * ms)
    >>> cell.declaration().refractory
    't_refractory'
    >>> cell.check_time_step(1 * ms)  # no warning: this time step is short enough
    """

    tau: Quantity = parameter(5 * ms, above=0 * ms)
    threshold: float = parameter(1.0)
    reset: float = parameter(0.0)
    t_refractory: Quantity = parameter(0 * ms, least=0 * ms)

    whole_steps: ClassVar[tuple[str, ...]] = ("t_refractory",)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.reset >= self.threshold:
            raise SpikedtpError(f"LIF.reset = {self.reset} must be below threshold = {self.threshold}")

    def check_time_step(self, dt: Quantity) -> None:
        super().check_time_step(dt)
        left = np.exp(-float(dt / self.tau))
        if left < LEAST_LEFT:
            logger.warning(
                "LIF.tau = %s at dt = %s: only %.2g of a spike is left when the threshold is next tested; "
                "use a smaller dt",
                self.tau, dt, left,
            )  # fmt: skip

    def declaration(self) -> Declaration:
        return Declaration(
            equations=Equations(
                """
                dv_soma/dt = -free*v_soma/tau : 1
                free : 1
                input_soma : 1
                """
            ),
            threshold="v_soma > threshold",
            reset="v_soma = reset",
            refractory="t_refractory",
            # Brian2's own "unless refractory" would drop the inputs of the step in which the refractory time ends
            update="free = int(timestep(t - lastspike, dt) >= timestep(t_refractory, dt))\nv_soma += input_soma*free",
            clear=("input_soma",),
            initial={"v_soma": "reset"},
        )
