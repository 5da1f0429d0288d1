"""The adaptive exponential integrate-and-fire cell, with conductances."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from brian2 import Equations, ms, mV, nS, pA, pF
from brian2.units.fundamentalunits import Quantity

from spikedtp.equations.conductances import decay_of, drive_of, names_of, with_conductances
from spikedtp.errors import SpikedtpError, known_names
from spikedtp.neurons.base import CellModel, Declaration
from spikedtp.parameters import parameter

__all__ = ["AdEx"]

#: Constants of the interneurons of Payeur et al. 2021. The onset of "SOM" gives a rheobase of 25 pA.
KINDS: dict[str, dict[str, Quantity]] = {
    "PV": {},
    "SOM": dict(
        g_leak=5 * nS, v_slope=4 * mV, v_onset=(-70 + 25 / 5.5 + 4 - 4 * np.log(1.1)) * mV, v_reset=-65 * mV,
        t_refractory=2 * ms, a=0.5 * nS, b=10 * pA, tau_w=500 * ms,
    ),
}  # fmt: skip


@dataclass(frozen=True)
class AdEx(CellModel):
    r"""Adaptive exponential integrate-and-fire cell. In execution order, in each step of length dt::

        I    = g_exc (v_exc - V) + g_inh (v_inh - V),   then  g <- g e^(-dt/tau)
        V   <- V + dt/c (g_leak (v_rest - V + v_slope exp((V - v_onset)/v_slope) + I) - w + i_soma)
        w   <- w + dt/tau_w (a (V_before - v_rest) - w)
        V is kept between -80 and 20 mV
        if V > 0 mV:  spike, V <- v_reset, w <- w + b

    After a spike V is held at `v_rest` for `t_refractory`. Conductances are in units of the leak.

    Parameters
    ----------
    c : Quantity (farad)
    g_leak : Quantity (siemens)
    v_rest, v_exc, v_inh : Quantity (volt)
        Resting potential, and reversal potentials of the synapses.
    v_slope, v_onset, v_reset : Quantity (volt)
        Slope and onset of the spike, and where V is set after it.
    t_refractory : Quantity (second)
        A whole number of time steps.
    a : Quantity (siemens)
        Adaptation to the voltage.
    b : Quantity (amp)
        Adaptation by a spike.
    tau_w : Quantity (second)
    tau_exc, tau_inh : Quantity (second)
        Decay of the conductances.

    References
    ----------
    Brette & Gerstner 2005, J. Neurophysiol. 94:3637, 10.1152/jn.00686.2005; the constants of `kind` are those of
    Payeur et al. 2021, Nat. Neurosci. 24:1010, 10.1038/s41593-021-00857-x.

    Examples
    --------
    >>> from spikedtp.neurons import AdEx
    >>> AdEx.kind("PV").v_reset, AdEx.kind("SOM").b
    (-55. * mvolt, 10. * pamp)
    """

    c: Quantity = parameter(100 * pF, above=0 * pF)
    g_leak: Quantity = parameter(10 * nS, above=0 * nS)
    v_rest: Quantity = parameter(-70 * mV)
    v_exc: Quantity = parameter(0 * mV)
    v_inh: Quantity = parameter(-80 * mV)
    v_slope: Quantity = parameter(2 * mV, above=0 * mV)
    v_onset: Quantity = parameter(-48 * mV)
    v_reset: Quantity = parameter(-55 * mV)
    t_refractory: Quantity = parameter(1 * ms, least=0 * ms)
    a: Quantity = parameter(0 * nS, least=0 * nS)
    b: Quantity = parameter(0 * pA, least=0 * pA)
    tau_w: Quantity = parameter(5 * ms, above=0 * ms)
    tau_exc: Quantity = parameter(5 * ms, above=0 * ms)
    tau_inh: Quantity = parameter(10 * ms, above=0 * ms)

    time_constants: ClassVar[tuple[str, ...]] = ("tau_m", "tau_w")
    whole_steps: ClassVar[tuple[str, ...]] = ("t_refractory",)

    @classmethod
    def kind(cls, name: str) -> AdEx:
        """Constants of an interneuron: "PV" (fast-spiking basket cell) or "SOM" (Martinotti cell)."""
        if name not in KINDS:
            raise known_names("kind of AdEx", name, KINDS)
        return cls(**KINDS[name])

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.v_reset < 0 * mV:
            raise SpikedtpError(f"AdEx.v_reset = {self.v_reset} must be below 0 mV, where the cell fires")

    @property
    def tau_m(self) -> Quantity:
        """Membrane time constant (second)."""
        return self.c / self.g_leak

    @property
    def never_negative(self) -> tuple[str, ...]:
        return names_of("soma")

    def declaration(self) -> Declaration:
        return Declaration(
            equations=Equations("v_soma : volt\nw_soma : amp\ni_soma : amp\nready : integer")
            + with_conductances("soma"),
            threshold="v_soma > 0*mV",
            reset="v_soma = v_reset\nw_soma += b\nready = t_in_timesteps + int(t_refractory/dt + 0.5) + 1",
            early_reset=True,
            update=f"""
                _drive = {drive_of("soma", "v_soma")}
                {decay_of("soma")}
                _upstroke = v_slope*exp(clip((v_soma - v_onset)/v_slope, -50, 50))
                _next = v_soma + dt/c*(g_leak*(v_rest - v_soma + _upstroke + _drive) - w_soma + i_soma)
                w_soma += dt/tau_w*(a*(v_soma - v_rest) - w_soma)
                _next = clip(_next, -80*mV, 20*mV)
                v_soma = _next + int(t_in_timesteps < ready)*(v_rest - _next)
            """,
            initial={"v_soma": "v_rest"},
        )
