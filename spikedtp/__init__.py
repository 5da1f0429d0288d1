"""spikedtp: does a learning rule found in a rate network still work when the neurons spike?

The public names, loaded on first use: `import spikedtp` alone imports neither torch nor Brian2.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from spikedtp._version import __version__
from spikedtp.errors import SpikedtpError

if TYPE_CHECKING:
    from spikedtp.compare import compare_updates
    from spikedtp.planning import PlannedComparison, plan
    from spikedtp.rate import RateNetwork, RateResponse, cross_entropy_target, from_torch, load_rate_network, to_torch
    from spikedtp.spiking import (
        EPropNetwork,
        EPropResponse,
        EPropResult,
        ReplayResult,
        SpikingResponse,
        replay,
        run_eprop,
        run_torch_snn,
        simulate,
    )

__all__ = [
    "EPropNetwork",
    "EPropResponse",
    "EPropResult",
    "PlannedComparison",
    "RateNetwork",
    "RateResponse",
    "ReplayResult",
    "SpikedtpError",
    "SpikingResponse",
    "__version__",
    "compare_updates",
    "cross_entropy_target",
    "from_torch",
    "load_rate_network",
    "plan",
    "replay",
    "run_eprop",
    "run_torch_snn",
    "simulate",
    "to_torch",
]

_HOME = {
    "RateNetwork": "spikedtp.rate",
    "RateResponse": "spikedtp.rate",
    "cross_entropy_target": "spikedtp.rate",
    "from_torch": "spikedtp.rate",
    "load_rate_network": "spikedtp.rate",
    "to_torch": "spikedtp.rate",
    "EPropNetwork": "spikedtp.spiking",
    "EPropResponse": "spikedtp.spiking",
    "EPropResult": "spikedtp.spiking",
    "ReplayResult": "spikedtp.spiking",
    "SpikingResponse": "spikedtp.spiking",
    "replay": "spikedtp.spiking",
    "run_eprop": "spikedtp.spiking",
    "run_torch_snn": "spikedtp.spiking",
    "simulate": "spikedtp.spiking",
    "compare_updates": "spikedtp.compare",
    "PlannedComparison": "spikedtp.planning",
    "plan": "spikedtp.planning",
}

#: What a layer makes through one below it -> who makes it (`registries.maker`).
MAKERS = {"synapses of a rule": "spikedtp.spiking.rule_synapses.of_rules:synapses_of"}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(_HOME[name]), name)
    globals()[name] = value  # the next access does not come here
    return value


def __dir__() -> list[str]:
    return sorted(set(globals()) | set(__all__))
