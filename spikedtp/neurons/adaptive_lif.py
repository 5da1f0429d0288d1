"""A leaky integrate-and-fire soma and a dendrite, with synaptic conductances, adaptation and background noise."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from brian2 import Equations, ms, pA
from brian2.units.fundamentalunits import Quantity

from spikedtp.equations.membrane import synaptic_drive
from spikedtp.equations.midpoint import Compartment, midpoint_step
from spikedtp.equations.noise import noise_step, stationary
from spikedtp.errors import SpikedtpError, known_names
from spikedtp.neurons.base import Declaration
from spikedtp.neurons.receptors import Receptors
from spikedtp.neurons.two_compartment_lif import TwoCompartmentLIF
from spikedtp.parameters import parameter

__all__ = ["AdaptiveLIF"]

COMPARTMENTS = ("soma", "dend")
#: Receptor, part of the signed input, and the voltage where its spikes carry the charge of `TwoCompartmentLIF`'s.
HEARS = {
    "ampa": ("clip({}, 0, inf)", "v_rest"),
    "nmda": ("clip({}, 0, inf)", "v_rest"),
    "gaba": ("clip(-{}, 0, inf)", "v_threshold"),
}


@dataclass(frozen=True)
class AdaptiveLIF(Receptors, TwoCompartmentLIF):
    r"""`TwoCompartmentLIF` with synaptic conductances or currents, spike-triggered adaptation and background noise.

    ::

        c_soma dV_soma/dt = g_soma (v_rest - V_soma) + g_coupling (V_dend - V_soma) + I_soma - w_soma
        c_dend dV_dend/dt = g_dend (v_rest - V_dend) + g_coupling (V_soma - V_dend) + I_dend
        I  = i + noise + sum over receptors of g (v_reversal - V), with g B(V) for NMDA
        tau_w dw_soma/dt = -w_soma
        V_soma > v_threshold:  spike, V_soma <- v_reset for t_refractory, w_soma <- w_soma + b

    The noise of a compartment is an Ornstein-Uhlenbeck current with the stated mean, standard deviation and correlation
    time `tau_noise`, and it begins in its stationary state. The currents ``i_soma`` and ``i_dend`` are set by the user.

    Synapses of your own add siemens to ``ampa_soma``, ``gaba_soma``, ``ampa_dend``, ``gaba_dend`` and ``nmda_dend``. In
    the networks of a circuit, the sum of the weights that arrive in a step reaches AMPA where it is positive and GABA-A
    where it is negative. A spike of weight w carries as much charge as in `TwoCompartmentLIF`: through AMPA at
    `v_rest`, through GABA-A at `v_threshold`. On the dendrite NMDA takes `nmda_share` of the excitation, which is
    counted without its block. With ``synapses="currents"`` there are no receptors. The input then drives
    the currents ``current_soma`` and ``current_dend``, which decay with `tau_current` and carry that charge at any
    voltage.

    Conductances, currents, adaptation and noise are exact for any time step. Voltages take a midpoint step: the other
    compartment and the block of NMDA are those of the middle of the step, and the rest is an exponential. Its error
    is of the second order.

    Parameters
    ----------
    c_soma, c_dend, g_soma, g_dend, g_coupling, v_rest, v_threshold, v_reset, t_refractory
        As in `TwoCompartmentLIF`.
    unit_voltage, weight_scale, spike_width
        As in `TwoCompartmentLIF`.
    v_ampa, v_gaba, v_nmda, tau_ampa, tau_gaba, tau_nmda, tau_rise_ampa, tau_rise_gaba, tau_rise_nmda, magnesium
        As in `Receptors`.
    b : Quantity (amp)
        What a spike adds to the adaptation current.
    tau_w : Quantity (second)
        Its decay.
    noise_mean_soma, noise_mean_dend : Quantity (amp)
    noise_sd_soma, noise_sd_dend : Quantity (amp)
        Mean and standard deviation of the noise.
    tau_noise : Quantity (second)
        Its correlation time.
    nmda_share : float
        What NMDA takes of the excitation of the dendrite in the networks of a circuit.
    synapses : {"conductances", "currents"}
    tau_current : Quantity (second)
        Decay of the currents.

    Examples
    --------
    >>> from brian2 import Network, SpikeMonitor, ms, nS, pA, prefs
    >>> from spikedtp.neurons import AdaptiveLIF, PoissonInput
    >>> from spikedtp.synapses import DenseSynapses
    >>> target, prefs.codegen.target = prefs.codegen.target, "numpy"  # compiling would take longer than running
    >>> inputs = PoissonInput().group(20, dt=0.5 * ms, name="doc_adaptive_inputs")
    >>> inputs.activity = 0.1
    >>> cells = AdaptiveLIF(b=20 * pA).group(3, dt=0.5 * ms, name="doc_adaptive_cells")
    >>> excitation = DenseSynapses(inputs, cells, "ampa_soma", name="doc_adaptive_synapses")
    >>> excitation.weights = 0.5 * nS
    >>> spikes = SpikeMonitor(cells)
    >>> Network(inputs, cells, excitation, spikes).run(200 * ms)
    >>> prefs.codegen.target = target
    >>> bool(spikes.num_spikes > 6)
    True
    """

    b: Quantity = parameter(0 * pA, least=0 * pA)
    tau_w: Quantity = parameter(100 * ms, above=0 * ms)
    noise_mean_soma: Quantity = parameter(0 * pA)
    noise_mean_dend: Quantity = parameter(0 * pA)
    noise_sd_soma: Quantity = parameter(0 * pA, least=0 * pA)
    noise_sd_dend: Quantity = parameter(0 * pA, least=0 * pA)
    tau_noise: Quantity = parameter(5 * ms, above=0 * ms)
    nmda_share: float = parameter(0.0, least=0.0, most=1.0)
    synapses: str = "conductances"
    tau_current: Quantity = parameter(5 * ms, above=0 * ms)

    #: voltages take no Euler steps
    time_constants: ClassVar[tuple[str, ...]] = ()

    def __post_init__(self) -> None:
        if self.synapses not in ("conductances", "currents"):
            raise known_names(f"synapses of {type(self).__name__}", self.synapses, ("conductances", "currents"))
        super().__post_init__()
        if self.synapses == "currents" and self.nmda_share > 0:
            raise SpikedtpError(
                f"{type(self).__name__}.nmda_share = {self.nmda_share} needs NMDA, and synapses='currents' has no "
                "receptors: use synapses='conductances', or nmda_share=0"
            )

    def check_time_step(self, dt: Quantity) -> None:
        super().check_time_step(dt)
        for tau in ("tau_soma", "tau_dend", "tau_w"):
            if getattr(self, tau) <= dt:
                raise SpikedtpError(
                    f"{type(self).__name__}.{tau} = {getattr(self, tau)} must be longer than the time step dt = {dt}: "
                    "use a smaller dt"
                )

    def channels(self, compartment: str, voltage: str) -> list[tuple[str, str]]:
        """(conductance, reversal potential) of what opens in a compartment, at a voltage."""
        if self.synapses == "currents":
            return []
        return [(kind.conductance(voltage), f"v_{kind.name}") for kind in self.of(compartment)]

    def declaration(self) -> Declaration:
        currents = self.synapses == "currents"
        noisy = [name for name in COMPARTMENTS if self.quantities()[f"noise_sd_{name}"] > 0 * pA]
        equations = Equations(
            """
            v_soma : volt
            v_dend : volt
            w_soma : amp
            i_soma : amp
            i_dend : amp
            dendritic_state = (v_dend - v_rest + (v_dend - v_soma)*g_coupling/g_dend)/unit_voltage : 1
            somatic_activity = (v_soma - v_rest)/unit_voltage : 1
            """
        )
        for name in COMPARTMENTS:
            equations += synaptic_drive(name)
            if currents:
                equations += Equations(f"current_{name} : amp")
            else:
                equations += sum((kind.equations for kind in self.of(name)), Equations(""))
        equations += Equations("\n".join(f"noise_{name} : amp" for name in noisy))
        passes = "w_soma *= exp(-dt/2/tau_w)\n"
        passes += (
            "\n".join(f"current_{name} *= exp(-dt/2/tau_current)" for name in COMPARTMENTS)
            if currents
            else self.step("dt/2")
        )
        return Declaration(
            equations=equations,
            threshold="v_soma > v_threshold",
            reset="v_soma = v_reset\nw_soma += b",
            early_reset=True,
            refractory="t_refractory",
            update="\n".join(
                [
                    *map(self._arrival, COMPARTMENTS),
                    passes,
                    midpoint_step(
                        {
                            name: self._compartment(name, other, f"noise_{'' if name in noisy else 'mean_'}{name}")
                            for name, other in zip(COMPARTMENTS, reversed(COMPARTMENTS), strict=True)
                        }
                    ),
                    passes,
                    *(noise_step(f"noise_{n}", f"noise_mean_{n}", f"noise_sd_{n}", "tau_noise") for n in noisy),
                ]
            ),
            clear=("input_soma", "input_dend"),
            initial={"v_soma": "v_rest", "v_dend": "v_rest"}
            | {f"noise_{n}": stationary(f"noise_mean_{n}", f"noise_sd_{n}") for n in noisy},
        )

    def _arrival(self, name: str) -> str:
        """Code for the weights that a circuit's network has summed in this step."""
        charge = f"g_{name}*unit_voltage*weight_scale*spike_width"
        if self.synapses == "currents":
            return f"current_{name} += {charge}/tau_current*input_{name}"
        code = []
        for kind in self.of(name):
            part, voltage = HEARS[kind.name]
            share = {"nmda": "nmda_share*", "ampa": "(1 - nmda_share)*" if name == "dend" else ""}.get(kind.name, "")
            height = f"{charge}/(abs(v_{kind.name} - {voltage})*{kind.area})"
            code.append(f"{kind.arrives} += {share}{height}*{part.format(f'input_{name}')}")
        return "\n".join(code)

    def _compartment(self, name: str, other: str, noise: str) -> Compartment:
        def channels(voltages: Mapping[str, str]) -> list[tuple[str, str]]:
            passive = [(f"g_{name}", "v_rest"), ("g_coupling", voltages[other])]
            return passive + self.channels(name, voltages[name])

        current = f"i_{name} + {noise}"
        current += f" + current_{name}" if self.synapses == "currents" else ""
        current, moves = (f"{current} - w_soma", "int(not_refractory)") if name == "soma" else (current, "")
        return Compartment(f"c_{name}", channels, current, moves)
