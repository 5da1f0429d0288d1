"""Runs a network on the device that the caller wants. Only this module chooses a runner."""

from __future__ import annotations

from collections.abc import Callable

from spikedtp.spiking.engine.batch import Kept, Progress, RunInputs, RunResults
from spikedtp.spiking.engine.built_network import BuiltNetwork
from spikedtp.spiking.engine.devices import DEVICES, check_device

__all__ = ["run_on"]


def run_on(
    device: str,
    build: Callable[[], BuiltNetwork],
    data: RunInputs,
    progress: Progress | None = None,
    n_processes: int = 1,
    kept: Kept | None = None,
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
    return DEVICES[check_device(device)].run(build, data, progress, n_processes, kept)
