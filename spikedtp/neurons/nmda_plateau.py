"""A cell whose dendrite makes plateau potentials by itself, from NMDA and an inward rectifier."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from brian2 import Equations, mV, nS, pF, siemens, volt
from brian2.units.fundamentalunits import Quantity
from scipy.optimize import brentq, minimize_scalar

from spikedtp.errors import SpikedtpError
from spikedtp.neurons.adaptive_lif import AdaptiveLIF
from spikedtp.neurons.base import Declaration
from spikedtp.parameters import parameter

__all__ = ["Bistability", "NMDAPlateau"]


class Bistability(NamedTuple):
    """Where a dendrite jumps up, and where it falls back, as its NMDA conductance changes slowly.

    Attributes
    ----------
    g_up, v_up : Quantity
        Above this conductance there is no low voltage left; `v_up` is the highest of them.
    g_down, v_down : Quantity
        Below this conductance there is no plateau left; `v_down` is the lowest of them.
    """

    g_up: Quantity
    v_up: Quantity
    g_down: Quantity
    v_down: Quantity


@dataclass(frozen=True)
class NMDAPlateau(AdaptiveLIF):
    r"""`AdaptiveLIF` with a potassium conductance in the dendrite that closes with depolarisation: an inward rectifier.

    ::

        I_dend = ... + g_kir/(1 + exp((V_dend - v_half_kir)/v_slope_kir)) (v_kir - V_dend)
        in_plateau = 1 while V_dend > v_plateau, and else 0

    The block by magnesium makes NMDA regenerative, but beside a leak alone it gives one steady voltage for each
    conductance. With the rectifier there are two for a range of conductances. A plateau begins when the conductance of
    NMDA exceeds ``bistability().g_up`` for long enough, and ends when it has decayed to ``g_down``. Nothing else sets
    its threshold, its height and its duration. `in_plateau` is only read: rules can take it as their gate.

    Parameters
    ----------
    c_soma, c_dend, g_soma, g_dend, g_coupling, v_rest, v_threshold, v_reset, t_refractory
        As in `TwoCompartmentLIF`.
    unit_voltage, weight_scale, spike_width
        As in `TwoCompartmentLIF`.
    v_ampa, v_gaba, v_nmda, tau_ampa, tau_gaba, tau_nmda, tau_rise_ampa, tau_rise_gaba, tau_rise_nmda, magnesium
        As in `Receptors`.
    b, tau_w, noise_mean_soma, noise_mean_dend, noise_sd_soma, noise_sd_dend, tau_noise
        As in `AdaptiveLIF`.
    nmda_share, synapses, tau_current
        As in `AdaptiveLIF`; `synapses` must be "conductances".
    g_kir : Quantity (siemens)
        The inward rectifier when all of it is open.
    v_kir : Quantity (volt)
        Its reversal potential.
    v_half_kir, v_slope_kir : Quantity (volt)
        The voltage at which half of it is open, and how steeply it closes.
    v_plateau : Quantity (volt)
        The dendritic voltage from which on a plateau is counted.

    References
    ----------
    Sanders, Berends, Major, Goldman & Lisman 2013, J. Neurosci. 33:424, for the pair of conductances. The constants are
    chosen here: they are not fitted to a dendrite.

    Examples
    --------
    >>> from brian2 import Network, StateMonitor, ms, nS, prefs
    >>> from spikedtp.neurons import NMDAPlateau
    >>> cell = NMDAPlateau()
    >>> cell.bistability().g_up, cell.bistability().g_down
    (21.15957762 * nsiemens, 12.34480083 * nsiemens)
    >>> target, prefs.codegen.target = prefs.codegen.target, "numpy"  # compiling would take longer than running
    >>> cells = cell.group(2, dt=0.5 * ms, name="doc_nmda_cells")
    >>> cells.nmda_dend = [18, 80] * nS  # a volley of spikes
    >>> seen = StateMonitor(cells, "in_plateau", record=True, dt=1 * ms)
    >>> Network(cells, seen).run(300 * ms)
    >>> prefs.codegen.target = target
    >>> low, high = seen.in_plateau.sum(axis=1)  # ms
    >>> bool(low == 0), bool(190 < high < 240)
    (True, True)
    """

    c_dend: Quantity = parameter(100 * pF, above=0 * pF)
    g_dend: Quantity = parameter(2 * nS, above=0 * nS)
    nmda_share: float = parameter(0.5, least=0.0, most=1.0)
    g_kir: Quantity = parameter(12 * nS, least=0 * nS)
    v_kir: Quantity = parameter(-90 * mV)
    v_half_kir: Quantity = parameter(-80 * mV)
    v_slope_kir: Quantity = parameter(10 * mV, above=0 * mV)
    v_plateau: Quantity = parameter(-40 * mV)

    def __post_init__(self) -> None:
        name = type(self).__name__
        if self.synapses == "currents":
            raise SpikedtpError(f"{name}: a plateau needs NMDA, so synapses must be 'conductances': use AdaptiveLIF")
        super().__post_init__()
        if not self.v_kir < self.v_rest:
            raise SpikedtpError(f"{name}.v_kir = {self.v_kir} must be below v_rest = {self.v_rest}: it is potassium's")
        if not self.v_rest < self.v_plateau < self.v_nmda:
            raise SpikedtpError(
                f"{name}.v_plateau = {self.v_plateau} must lie between v_rest = {self.v_rest} and v_nmda = "
                f"{self.v_nmda}"
            )

    def channels(self, compartment: str, voltage: str) -> list[tuple[str, str]]:
        found = super().channels(compartment, voltage)
        if compartment == "dend":
            found.append((f"g_kir/(1 + exp(({voltage} - v_half_kir)/v_slope_kir))", "v_kir"))
        return found

    def declaration(self) -> Declaration:
        made, (soma, dend) = super().declaration(), self.at_rest()
        return replace(
            made,
            equations=made.equations + Equations("in_plateau = int(v_dend > v_plateau) : 1"),
            initial=made.initial | {"v_soma": f"{float(soma)!r}*volt", "v_dend": f"{float(dend)!r}*volt"},
        )

    # --- what the conductances say ------------------------------------------------------------------------------------

    def holding(self, v_dend: Quantity) -> Quantity:
        """The NMDA conductance that holds the dendrite at a voltage, while the soma follows passively.

        Parameters
        ----------
        v_dend : Quantity (volt)
            Below `v_nmda`.

        Returns
        -------
        Quantity (siemens)
            The conductance before its block. It is negative below the resting voltage.
        """
        return self._holding(np.asarray(v_dend / volt, dtype=float)) * siemens

    def _holding(self, v: np.ndarray | float) -> np.ndarray | float:
        p = {name: float(value) for name, value in self.quantities().items()}
        load = p["g_coupling"] * p["g_soma"] / (p["g_coupling"] + p["g_soma"])
        kir = p["g_kir"] / (1 + np.exp((v - p["v_half_kir"]) / p["v_slope_kir"]))
        share = 1 / (1 + p["magnesium"] / 3.57 * np.exp(-62 * v))
        out = (p["g_dend"] + load) * (v - p["v_rest"]) + kir * (v - p["v_kir"])
        return out / (share * (p["v_nmda"] - v))

    def at_rest(self) -> tuple[Quantity, Quantity]:
        """Voltages of soma and dendrite without any input."""
        dend = brentq(self._holding, float(self.v_kir), float(self.v_rest) + 1e-9)
        into, leak = float(self.g_coupling), float(self.g_soma)
        return (leak * self.v_rest + into * dend * volt) / (leak + into), dend * volt

    def bistability(self) -> Bistability:
        """Threshold and end of plateaus in a slow conductance, while the soma follows passively.

        Raises
        ------
        SpikedtpError
            Each conductance has one steady voltage only: there are no plateaus with these parameters.
        """
        v = np.linspace(float(self.at_rest()[1]), float(self.v_nmda) - 1e-4, 2000)
        slope = np.sign(np.diff(self._holding(v)))
        turns = np.flatnonzero(np.diff(slope)) + 1
        if len(turns) != 2:
            raise SpikedtpError(
                f"{type(self).__name__}: each NMDA conductance has one steady voltage, so there are no plateaus: raise "
                "g_kir or magnesium, or lower g_dend"
            )
        found: list[Quantity] = []
        for turn, sign in zip(turns, (-1, 1), strict=True):
            bounds = (v[turn - 1], v[turn + 1])
            at = minimize_scalar(
                lambda x, sign=sign: sign * self._holding(x) * 1e9, bounds=bounds, method="bounded",
                options={"xatol": 1e-9},
            ).x  # fmt: skip
            found += [self._holding(at) * siemens, at * volt]
        return Bistability(*found)

    def height(self, g_nmda: Quantity) -> Quantity:
        """Steady voltage of the dendrite on its plateau, for an NMDA conductance of at least ``bistability().g_down``.

        Raises
        ------
        SpikedtpError
            The conductance is too low for a plateau.
        """
        limits = self.bistability()
        if not g_nmda >= limits.g_down:
            raise SpikedtpError(
                f"{type(self).__name__}.height: there is no plateau at {g_nmda}, but from {limits.g_down} on"
            )
        top = float(self.v_nmda) - 1e-9
        return brentq(lambda v: self._holding(v) - float(g_nmda), float(limits.v_down), top) * volt

    def duration(self, g_nmda: Quantity) -> Quantity:
        """How long a conductance that decays from `g_nmda` stays above ``g_down``, once it has risen.

        The plateau outlasts it a little, because the voltage lingers where the high state vanishes.
        """
        end = self.bistability().g_down
        return self.tau_nmda * np.log(max(float(g_nmda / end), 1.0))
