"""Where a network runs: `runtime` (numpy, no compiler) or `cpp_standalone` (compiled, for work)."""

from __future__ import annotations

import os
import shutil

from spikedtp.errors import SpikedtpError, known_names

__all__ = ["DEVICES", "check_device", "compiler_available", "default_device"]

DEVICES = ("cpp_standalone", "runtime")


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
    if device not in DEVICES:
        raise known_names("device", device, DEVICES)
    if device == "cpp_standalone" and not compiler_available():
        raise SpikedtpError(
            "device 'cpp_standalone' needs a C++ compiler ($CXX, or g++) and make, which were not found: install them, "
            "or use the slower device 'runtime'"
        )
    return device
