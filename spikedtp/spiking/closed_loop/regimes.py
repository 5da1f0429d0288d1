"""Whole settings of a closed loop by name: what a circuit needs to learn in one kind of spikes."""

from __future__ import annotations

from typing import Any

from brian2 import Hz, ms

from spikedtp.circuit import Circuit
from spikedtp.errors import SpikedtpError, known_names, shown
from spikedtp.neurons import MembraneCell
from spikedtp.spiking.closed_loop.phases import Phases
from spikedtp.spiking.closed_loop.plan import inhibitory

__all__ = ["REGIMES", "regime"]

#: Of each interneuron and each output. Weights of excitatory synapses cannot fall below zero, so noise in plateaus
#: makes them grow. Most of this noise comes from the spikes of interneurons.
UNITS = 16
#: Outputs that begin to learn ask for activities of 100. Units with a low rate fire at 40.
OUTPUT_RATE = 25 * Hz


def _idealised(circuit: Circuit) -> dict[str, Any]:
    return {}


def _physiological(circuit: Circuit) -> dict[str, Any]:
    output = circuit.output.name
    interneurons = [p.name for p in circuit.populations[1:] if inhibitory(circuit, p.name)]
    return {
        "cell": MembraneCell(),
        "unit_rate": 100 * Hz,
        "unit_rates": {output: OUTPUT_RATE},
        "spikers": dict.fromkeys([*interneurons, output], UNITS),
        "phases": Phases(settle=400 * ms, latch=True, hold="none"),
    }


#: Name -> settings of `SpikingNetwork` for a circuit.
REGIMES = {"idealised": _idealised, "physiological": _physiological}


def regime(name: str, circuit: Circuit) -> dict[str, Any]:
    """Keyword arguments of `SpikingNetwork`: cells, unit rates, numbers of units and phases that belong together.

    "physiological": somas fire from leaky membranes of their own, with adaptation and noise (`MembraneCell`); hidden
    cells fire below 10 Hz on average. Plateaus are latched and somas free. It learns all of MNIST as well as the rate
    network (docs/physiology.md, which says what further steps cost). "idealised" has no settings of its own: they are
    the defaults of `SpikingNetwork`.

    Parameters
    ----------
    name : {"idealised", "physiological"}
    circuit : Circuit

    Raises
    ------
    SpikedtpError
        There is no such regime.

    Examples
    --------
    >>> from spikedtp import load_rate_network
    >>> from spikedtp.spiking import SpikingNetwork, regime
    >>> network = load_rate_network("digits_dtp", seed=1)
    >>> settings = regime("physiological", network.circuit)
    >>> sorted(settings)
    ['cell', 'phases', 'spikers', 'unit_rate', 'unit_rates']
    >>> spiking = SpikingNetwork(network, **settings)
    """
    if name not in REGIMES:
        raise known_names("regime", name, REGIMES)
    if not isinstance(circuit, Circuit):
        raise SpikedtpError(f"regime needs the circuit, such as network.circuit, got {shown(circuit)}")
    return REGIMES[name](circuit)
