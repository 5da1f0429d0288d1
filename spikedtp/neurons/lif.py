"""The ordinary leaky integrate-and-fire cell without units, integrated exactly."""

from __future__ import annotations

from dataclasses import dataclass

from brian2 import Equations, ms, second

from spikedtp.errors import SpikedtpError
from spikedtp.neurons.base import CellModel, Declaration
from spikedtp.parameters import parameter

__all__ = ["LIF"]


@dataclass(frozen=True)
class LIF(CellModel):
    r"""tau dv/dt = -v, integrated exactly; a spike of weight w makes v jump by w.

    In each step: v > threshold makes a spike in this very step and sets v to the reset, where it stays for
    `t_refractory`; what arrives in the step of the spike is lost; then the leak. Threshold and reset are in units of
    the weights.

    Parameters
    ----------
    tau : Quantity (second)
    threshold, reset : float
    t_refractory : Quantity (second)
    """

    tau: second = parameter(5 * ms, above=0 * ms)
    threshold: float = parameter(1.0)
    reset: float = parameter(0.0)
    t_refractory: second = parameter(0 * ms, least=0 * ms)

    def __post_init__(self):
        super().__post_init__()
        if self.reset >= self.threshold:
            raise SpikedtpError(f"LIF.reset = {self.reset} must be below threshold = {self.threshold}")

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
