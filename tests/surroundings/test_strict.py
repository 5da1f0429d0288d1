"""A caller who makes errors of numpy's floating point warnings and of every warning gets the same bytes."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

from spikedtp.spiking.engine.devices import DEVICES, compiler_available


@pytest.fixture
def same_bytes(make_calls, plain):
    """Compare every call, and the learning before them, in usual surroundings and in strict ones.

    The inputs are so faint that products of them underflow in float32.
    """

    def compare(which: str, device: str) -> None:
        def results() -> dict:
            return {name: plain(call()) for name, call in getattr(make_calls(device, faint=True), which)().items()}

        usual = results()
        with np.errstate(all="raise"), warnings.catch_warnings():
            warnings.simplefilter("error")
            strict = results()
        assert len(usual) > 5 and strict == usual

    return compare


def test_the_rate_side(same_bytes):
    same_bytes("rate", "runtime")


@pytest.mark.slow
@pytest.mark.parametrize("device", DEVICES)
def test_the_spiking_side(same_bytes, device):
    if device == "cpp_standalone" and not compiler_available():
        pytest.skip("needs a C++ compiler and make")
    same_bytes("spiking", device)
