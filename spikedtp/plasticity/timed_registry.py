"""Rules in time steps by name. A circuit learns once per presentation, so circuit files cannot name them."""

from __future__ import annotations

from spikedtp.errors import known_names
from spikedtp.plasticity.bcm import BCM
from spikedtp.plasticity.mstdp import MSTDP
from spikedtp.plasticity.mstdpet import MSTDPET
from spikedtp.plasticity.registry import build
from spikedtp.plasticity.stdp import STDP
from spikedtp.plasticity.timed import TimedRule
from spikedtp.plasticity.triplet_stdp import TripletSTDP
from spikedtp.plasticity.urbanczik_senn import UrbanczikSenn

__all__ = ["TIMED_RULES", "make_timed_rule"]

TIMED_RULES: dict[str, type[TimedRule]] = {
    rule.__name__: rule for rule in (STDP, MSTDP, MSTDPET, TripletSTDP, BCM, UrbanczikSenn)
}


def make_timed_rule(name: str, /, **kwargs) -> TimedRule:
    """Make the rule in time steps of this name. Parameters and errors are as in `make_rule`.

    Examples
    --------
    >>> from brian2 import ms
    >>> from spikedtp.plasticity import make_timed_rule
    >>> make_timed_rule("MSTDPET", tau_e=50 * ms).tau_e
    50. * msecond
    """
    if name not in TIMED_RULES:
        raise known_names("learning rule in time steps", name, TIMED_RULES)
    return build(TIMED_RULES[name], name, kwargs)
