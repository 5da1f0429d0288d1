"""Memory is flat, and results are maps of deleted files."""

import mmap

import numpy as np
import pytest
from spiking.engine.noisy_network import run

from spikedtp.spiking.engine.devices import compiler_available

pytestmark = pytest.mark.skipif(not compiler_available(), reason="needs a C++ compiler and make")


def test_memory_is_flat_and_results_are_maps_of_deleted_files(temporary):
    few, many = run(2), run(120)
    assert 1e6 < few.peak_memory[0] < 50e6
    assert many.peak_memory[0] - few.peak_memory[0] < 2e6 < many.traces["v"].nbytes / 10
    base = many.traces["v"]
    while isinstance(base, np.ndarray):
        base = base.base
    assert isinstance(getattr(base, "obj", base), mmap.mmap)
    assert not list(temporary.iterdir())
    np.testing.assert_array_equal(many.traces["v"][1], few.traces["v"][1])
    many.traces["v"][1] = 0  # a map is private, and may be written to
    assert not many.traces["v"][1].any()
    assert {"build", "run", "simulate", "write"} == many.timings.keys()
    assert 0 < many.timings["write"] < many.timings["simulate"] < many.timings["run"]
