"""Presentations of a small network in the open loop."""

from __future__ import annotations

import numpy as np
import pytest
from compare.repeats_shown import N_REPEATS

from spikedtp.rate import load_rate_network
from spikedtp.spiking import default_device, simulate


@pytest.fixture(scope="session")
def network(small_circuit):
    return load_rate_network(small_circuit, seed=3)


@pytest.fixture(scope="session")
def images():
    rng = np.random.default_rng(5)
    return rng.random((2, 64)).astype(np.float32), np.eye(10, dtype=np.float32)[[1, 7]]


@pytest.fixture(scope="session", params=["paper", "best"])
def response(request, network, images):
    return simulate(
        network,
        *images,
        population="H2E",
        n_repeats=N_REPEATS,
        readout=request.param,
        record=(),
        device=default_device(),
    )
