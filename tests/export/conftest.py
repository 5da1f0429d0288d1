"""Responses of a small network, to be exported."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from brian2 import ms

from spikedtp.rate import RateNetwork, load_rate_network
from spikedtp.spiking import SpikingResponse, simulate


@pytest.fixture(scope="session")
def network(small_circuit) -> RateNetwork:
    return load_rate_network(small_circuit, seed=1)


@pytest.fixture(scope="session")
def run(network) -> Callable[..., SpikingResponse]:
    """``run(n_samples, **options)``: two repeats in the open loop."""

    def respond(n_samples: int, **options) -> SpikingResponse:
        rng = np.random.default_rng(0)
        x = rng.random((n_samples, network.circuit.input.size))
        target = np.eye(network.circuit.output.size)[rng.integers(0, network.circuit.output.size, n_samples)]
        if n_samples == 1:
            x, target = x[0], target[0]
        options = dict(population="H1E", n_repeats=2, time_per_step=5 * ms, device="runtime") | options
        return simulate(network, x, target, **options)

    return respond
