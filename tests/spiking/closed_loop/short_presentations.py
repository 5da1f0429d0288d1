"""Short presentations of small networks in the closed loop."""

from dataclasses import dataclass, replace
from pathlib import Path

from brian2 import Equations, ms

from spikedtp.neurons import MembraneCell
from spikedtp.rate import load_rate_network
from spikedtp.spiking import Phases, SpikingNetwork, simulate

SHORT = Phases(settle=100 * ms, read=60 * ms, nudge=60 * ms, wait=20 * ms)


def closed(network, images, **options):
    given = {"population": "H2E", "loop": "closed", "device": "runtime", "phases": SHORT, "seed": 3}
    return simulate(network, *images, **given | options)


SMALL = Path(__file__).parents[2] / "golden" / "small_dtp.yaml"


def spiking(circuit=SMALL, device="runtime", **options):
    return SpikingNetwork(load_rate_network(circuit), device=device, **{"phases": SHORT} | options)


@dataclass(frozen=True)
class KnownByItsSpikes(MembraneCell):
    """Nothing in the cell is its activity."""

    def declaration(self):
        made = super().declaration()
        left = [equation for name, equation in made.equations.items() if name != "somatic_activity"]
        return replace(made, equations=Equations(left))
