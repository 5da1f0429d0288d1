"""A small network."""

from __future__ import annotations

import numpy as np
import pytest
from spiking.feedforward.torch_loop import N_HID, N_IN, N_OUT, T


@pytest.fixture(scope="module")
def net():
    rng = np.random.default_rng(5)
    return [rng.normal(0, 0.6, (N_IN, N_HID)), rng.normal(0, 1, (N_HID, N_OUT))], rng.random((3, T, N_IN)) < 0.3
