"""Runs a network on the device that the caller wants. Only this module chooses between the two runners."""

from __future__ import annotations

from collections.abc import Callable

from spikedtp.spiking.engine.batch import RunInputs, RunResults
from spikedtp.spiking.engine.built_network import BuiltNetwork
from spikedtp.spiking.engine.compiled.standalone import run_standalone
from spikedtp.spiking.engine.devices import check_device
from spikedtp.spiking.engine.runtime import run_runtime

__all__ = ["run_on"]

RUNNERS = {"cpp_standalone": run_standalone, "runtime": run_runtime}


def run_on(
    device: str, build: Callable[[], BuiltNetwork], data: RunInputs, progress=None, n_processes: int = 1, kept=None
) -> RunResults:
    """Build a network and run every presentation of `data` on `device`. See `RunInputs` and `RunResults`.

    Parameters
    ----------
    progress : callable, optional
        It is called with the number of presentations that are done.
    n_processes : int
        The number of processes of the compiled binary that share the presentations. It does not change the results.

    kept : callable, optional
        It is called with the number of presentations that are done and the results so far, each time lasting variables
        have been kept.

    Raises
    ------
    SpikedtpError
        Several processes were asked for on the runtime device, or for a network that learns from one presentation to
        the next; there is no compiler; or there is no space.
    """
    return RUNNERS[check_device(device)](build, data, progress, n_processes, kept)
