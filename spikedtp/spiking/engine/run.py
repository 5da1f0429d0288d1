"""Runs a network where the caller wants it: the one place that chooses a runner."""

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
    """Build a network and run every presentation of `data` on `device`; see `RunInputs` and `RunResults`.

    Parameters
    ----------
    progress : callable, optional
        Called with the number of presentations done.
    n_processes : int
        Among how many processes of the compiled binary the presentations are split; results are the same bytes.

    kept : callable, optional
        Called with the number of presentations done and the results so far whenever what lasts has been kept.

    Raises
    ------
    SpikedtpError
        Several processes of a network that learns from one presentation to the next, or on the runtime device; no
        compiler; no space.
    """
    return DEVICES[check_device(device)].run(build, data, progress, n_processes, kept)
