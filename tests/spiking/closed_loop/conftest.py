"""Networks and images for closed loops."""

from __future__ import annotations

import pytest

from spikedtp.datasets import load
from spikedtp.models import weights_file
from spikedtp.rate import load_rate_network


@pytest.fixture(scope="module")
def network():
    return load_rate_network("digits_dtp", weights_file("digits_dtp"))


@pytest.fixture(scope="module")
def images():
    found = load("digits", parts=("test",))
    return found.test_x[:2], found.test_t[:2]


@pytest.fixture(scope="module")
def digits():
    return load("digits")
