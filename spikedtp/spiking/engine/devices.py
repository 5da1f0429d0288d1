"""Where a network runs: `runtime` (numpy, no compiler), `cpp_standalone` (compiled, for work), or what others add."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from typing import Any, NamedTuple

from spikedtp.errors import SpikedtpError, shown
from spikedtp.registries import Registry
from spikedtp.spiking.engine.compiled.standalone import run_standalone
from spikedtp.spiking.engine.runtime import run_runtime

__all__ = ["DEVICES", "Device", "check_device", "compiler_available", "default_device", "register_device"]


def always() -> bool:
    return True


class Device(NamedTuple):
    """How networks are run; what a package offers as an entry point in the group ``spikedtp.devices``.

    Attributes
    ----------
    run : callable
        ``run(build, data, progress, n_processes, kept) -> RunResults``, as `spikedtp.spiking.engine.run.run_on` says.
    available : callable
        Whether it works here.
    remedy : str
        What to do where it does not.
    """

    run: Callable[..., Any]
    available: Callable[[], bool] = always
    remedy: str = ""


def compiler_available() -> bool:
    """Whether Brian2's C++ standalone device can compile here (a C++ compiler and make).

    Examples
    --------
    >>> from spikedtp.spiking import compiler_available, default_device
    >>> compiler_available() == (default_device() == "cpp_standalone")
    True
    """
    compiler = os.environ.get("CXX", "g++").split()  # with its options; nothing, if $CXX is blank
    return bool(compiler) and None not in (shutil.which(compiler[0]), shutil.which("make"))


def _check(name: str, device: Any) -> None:
    if not isinstance(device, Device) or not callable(device.run) or not callable(device.available):
        raise SpikedtpError(f"the device {name!r} must be a Device(run, available) of functions, got {shown(device)}")


DEVICES: Registry[Device] = Registry(
    "device",
    "spikedtp.devices",
    {
        "cpp_standalone": Device(
            run_standalone,
            lambda: compiler_available(),  # looked up in each call
            "needs a C++ compiler ($CXX, or g++) and make, which were not found: install them, or use the "
            "slower device 'runtime'",
        ),
        "runtime": Device(run_runtime),
    },
    check=_check,
)


def register_device(
    name: str, run: Callable[..., Any], available: Callable[[], bool] = always, remedy: str = ""
) -> None:
    """Give a way to run networks a name, for ``device=`` and ``--device``.

    Parameters
    ----------
    name : str
    run : callable
        ``run(build, data, progress, n_processes, kept) -> RunResults``, as `spikedtp.spiking.engine.run.run_on` says.
    available : callable, optional
        Whether it works here; default: everywhere.
    remedy : str
        What to do where it does not, for the message.

    Raises
    ------
    SpikedtpError
        A name that is taken, or what is no function.

    Examples
    --------
    >>> from spikedtp.spiking.engine.runtime import run_runtime
    >>> def run_aloud(build, data, progress, n_processes, kept):
    ...     print(f"{len(data)} presentations")
    ...     return run_runtime(build, data, progress, n_processes, kept)
    >>> register_device("aloud", run_aloud)
    >>> check_device("aloud")
    'aloud'
    """
    DEVICES.register(name, Device(run, available, remedy))


def default_device() -> str:
    """The device to use by default: `cpp_standalone` if it can compile here, else `runtime`.

    Examples
    --------
    >>> from spikedtp.spiking import default_device
    >>> default_device() in ("cpp_standalone", "runtime")
    True
    """
    return "cpp_standalone" if compiler_available() else "runtime"


def check_device(device: str) -> str:
    """`device`, if there is one of this name and it can run here."""
    found = DEVICES.named(device)
    if not found.available():
        raise SpikedtpError(f"device {device!r} {found.remedy or 'does not work here: use another one'}")
    return device
