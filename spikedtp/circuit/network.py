"""What the spiking side asks of a network with a circuit's weights: a rate network is one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np

from spikedtp.circuit.circuit import Circuit

__all__ = ["RateNetworkLike", "RateResponseLike", "masks_of"]


class RateResponseLike(Protocol):
    """A presentation in rates; see `spikedtp.rate.RateResponse`."""

    @property
    def activity(self) -> Mapping[str, np.ndarray]: ...

    @property
    def forward_steps(self) -> int: ...


class RateNetworkLike(Protocol):
    """See `spikedtp.rate.RateNetwork`, and there what each of these is."""

    @property
    def circuit(self) -> Circuit: ...

    @property
    def weights(self) -> Mapping[str, np.ndarray]: ...

    @property
    def biases(self) -> Mapping[str, np.ndarray]: ...

    @property
    def rule_state(self) -> Mapping[str, dict[str, np.ndarray]]: ...

    def present(self, x: Any, target: Any = None, *, nudge_populations: str = ...) -> RateResponseLike: ...


def masks_of(network: RateNetworkLike) -> dict[str, np.ndarray]:
    """Where there are synapses, by sparse projection. A network that says nothing of it has none."""
    return dict(getattr(network, "masks", {}))
