"""A small network and two images."""

from __future__ import annotations

import numpy as np
import pytest

from spikedtp.rate import load_rate_network


@pytest.fixture(scope="session")
def network(small_circuit):
    return load_rate_network(small_circuit, seed=3)


@pytest.fixture(scope="session")
def images():
    rng = np.random.default_rng(5)
    return rng.random((2, 64)).astype(np.float32), np.eye(10, dtype=np.float32)[[1, 7]]
