"""What both cells of Burstprop share: two compartments with conductances, adaptation and a moving threshold.

The order of operations in a time step is that of the published simulations, so that they can be reproduced number by
number: what is exact there is exact here, and what is a step of Euler's method there is one here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from brian2 import Equations, ms, mV, nS, pA, pF
from brian2.units.fundamentalunits import Quantity

from spikedtp.equations.conductances import decay_of, drive_of, names_of, with_conductances
from spikedtp.errors import SpikedtpError
from spikedtp.neurons.base import CellModel
from spikedtp.parameters import parameter

__all__ = ["Pyramidal"]

COMPARTMENTS = ("soma", "dend")
VARIABLES = """
    v_soma : volt
    v_dend : volt
    w_soma : 1
    w_dend : volt
    v_threshold : volt
    i_soma : amp
    i_dend : amp
    """
#: `soma` and `dend`: further terms of a cell.
STEP = """
    v_soma += dt*i_soma/c_soma
    v_dend += dt*i_dend/c_dend
    _before = v_soma
    _drive_soma = {drive_soma}
    _drive_dend = {drive_dend}
    {first}
    {decay}
    v_soma += dt/tau_soma*(v_rest - v_soma + _drive_soma) + dt*b_soma/c_soma*w_soma {soma}
    v_dend += dt/tau_dend*(v_rest - v_dend + _drive_dend) + dt*a_dend/c_dend*w_dend {dend}
    w_soma *= exp(-dt/tau_w_soma)
    w_dend += dt/tau_w_dend*(v_dend - v_rest - w_dend)
    v_threshold += dt/tau_threshold*(v_threshold_rest - v_threshold)
    """


@dataclass(frozen=True)
class Pyramidal(CellModel):
    """Parameters and passive dynamics; not a cell by itself."""

    tau_soma: Quantity = parameter(16 * ms, above=0 * ms)
    tau_dend: Quantity = parameter(7 * ms, above=0 * ms)
    c_soma: Quantity = parameter(370 * pF, above=0 * pF)
    c_dend: Quantity = parameter(170 * pF, above=0 * pF)
    v_rest: Quantity = parameter(-70 * mV)
    v_exc: Quantity = parameter(0 * mV)
    v_inh: Quantity = parameter(-80 * mV)
    tau_exc: Quantity = parameter(5 * ms, above=0 * ms)
    tau_inh: Quantity = parameter(10 * ms, above=0 * ms)
    b_soma: Quantity = parameter(-200 * pA, most=0 * pA)
    tau_w_soma: Quantity = parameter(100 * ms, above=0 * ms)
    a_dend: Quantity = parameter(-13 * nS, most=0 * nS)
    tau_w_dend: Quantity = parameter(30 * ms, above=0 * ms)
    v_threshold_rest: Quantity = parameter(-50 * mV)
    threshold_jump: Quantity = parameter(2 * mV, least=0 * mV)
    tau_threshold: Quantity = parameter(27 * ms, above=0 * ms)
    v_half: Quantity = parameter(-38 * mV)
    v_slope: Quantity = parameter(6 * mV, above=0 * mV)

    time_constants: ClassVar[tuple[str, ...]] = ("tau_soma", "tau_dend", "tau_w_dend", "tau_threshold")

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.v_inh <= self.v_rest < self.v_threshold_rest < self.v_exc:
            raise SpikedtpError(
                f"{type(self).__name__}: voltages must be in the order v_inh <= v_rest < v_threshold_rest < v_exc, got "
                f"{self.v_inh}, {self.v_rest}, {self.v_threshold_rest}, {self.v_exc}"
            )

    @property
    def never_negative(self) -> tuple[str, ...]:
        return tuple(name for compartment in COMPARTMENTS for name in names_of(compartment))

    @staticmethod
    def equations(more: str = "") -> Equations:
        return Equations(VARIABLES) + with_conductances(*COMPARTMENTS) + Equations(more)

    @staticmethod
    def step(*, first: str = "", soma: str = "", dend: str = "") -> str:
        """Code of a time step. Both compartments are driven from the voltage of the soma, as in the original."""
        drives = {f"drive_{name}": drive_of(name, "_before") for name in COMPARTMENTS}
        return STEP.format(first=first, soma=soma, dend=dend, decay=decay_of(*COMPARTMENTS), **drives)

    @property
    def first_values(self) -> dict[str, str]:
        return {"v_soma": "v_rest", "v_dend": "v_rest", "w_dend": "0.1*mV", "v_threshold": "v_threshold_rest"}
