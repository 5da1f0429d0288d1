"""Short presentations of small networks in the closed loop."""

from pathlib import Path

from brian2 import ms

from spikedtp.rate import load_rate_network
from spikedtp.spiking import Phases, SpikingNetwork, simulate

SHORT = Phases(settle=100 * ms, read=60 * ms, nudge=60 * ms, wait=20 * ms)


def closed(network, images, **options):
    given = {"population": "H2E", "loop": "closed", "device": "runtime", "phases": SHORT, "seed": 3}
    return simulate(network, *images, **given | options)


SMALL = Path(__file__).parents[2] / "golden" / "small_dtp.yaml"


def spiking(circuit=SMALL, device="runtime", **options):
    return SpikingNetwork(load_rate_network(circuit), device=device, **{"phases": SHORT} | options)
