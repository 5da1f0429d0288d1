"""The C++ compiler: who it is, and how to run it on a project."""

from __future__ import annotations

import os
import shutil
import subprocess
from functools import lru_cache
from hashlib import sha256
from pathlib import Path

from spikedtp.errors import SpikedtpError

__all__ = ["compile_project", "compiler_identity"]

#: What make and Python's own build tools read.
VARIABLES = ("CXX", "CC", "CFLAGS", "CXXFLAGS", "CPPFLAGS", "LDFLAGS", "MAKEFLAGS", "PATH")


def compiler_identity() -> str:
    """Hash of all that makes the same source another binary: the compiler, its version, this CPU, the environment."""
    return _identity(tuple(os.environ.get(name, "") for name in VARIABLES))


@lru_cache
def _identity(environment: tuple[str, ...]) -> str:
    command = (environment[0] or "g++").split()
    path = shutil.which(command[0])
    macros = subprocess.CompletedProcess([], 1)
    for native in (["-march=native"], []):  # not every compiler knows the flag
        if path and macros.returncode:
            macros = subprocess.run(
                [*command, *native, "-dM", "-E", "-x", "c++", os.devnull], capture_output=True, check=False
            )
    if macros.returncode:
        raise SpikedtpError(
            f"the C++ compiler {command[0]!r} is missing or does not work: install g++, name another in CXX, or use "
            "device='runtime'"
        )
    file = Path(path).resolve()
    stat = file.stat()
    return sha256(repr((str(file), stat.st_size, stat.st_mtime_ns, environment)).encode() + macros.stdout).hexdigest()


def compile_project(folder: Path) -> None:
    """Run make in a generated project.

    Raises
    ------
    SpikedtpError
        With the compiler's first complaint.
    """
    jobs = str(os.cpu_count() or 1)
    try:
        made = subprocess.run(["make", "-j", jobs], cwd=folder, capture_output=True, text=True, check=False)
    except OSError as error:
        raise SpikedtpError(f"make cannot be run ({error.strerror}): install it, or use device='runtime'") from None
    if made.returncode:
        lines = (made.stderr or made.stdout).strip().splitlines() or ["no output"]
        complaint = next((line for line in lines if "error" in line.lower()), lines[-1])
        raise SpikedtpError(
            f"compiling the network failed (make: {complaint}): check the C++ compiler, or use device='runtime'"
        )
