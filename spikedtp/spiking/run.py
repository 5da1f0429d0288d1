"""Runs a network where the caller wants it: the one place that chooses between the two runners."""

from __future__ import annotations

from collections.abc import Callable

from spikedtp.spiking.built import BuiltNetwork
from spikedtp.spiking.devices import check_device
from spikedtp.spiking.run_data import RunInputs, RunResults
from spikedtp.spiking.runtime import run_runtime
from spikedtp.spiking.standalone import run_standalone

__all__ = ["run_on"]

RUNNERS = {"cpp_standalone": run_standalone, "runtime": run_runtime}


def run_on(device: str, build: Callable[[], BuiltNetwork], data: RunInputs, progress=None) -> RunResults:
    """Build a network and run every presentation of `data` on `device`; see `RunInputs` and `RunResults`."""
    return RUNNERS[check_device(device)](build, data, progress)
