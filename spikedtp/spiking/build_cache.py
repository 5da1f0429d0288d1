"""Compiled projects, kept by content: the same generated source, compiler and flags never compile twice."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

import platformdirs

from spikedtp.errors import SpikedtpError

__all__ = ["cache_folder", "compiled_project"]


def cache_folder() -> Path:
    """`$SPIKEDTP_CACHE`, or the user's cache folder."""
    chosen = os.environ.get("SPIKEDTP_CACHE")
    return (Path(chosen) if chosen else Path(platformdirs.user_cache_dir("spikedtp"))) / "builds"


def compiled_project(write_source: Callable[[Path], None]) -> Path:
    """The folder of a compiled project whose source is what `write_source(folder)` writes.

    A project is compiled in a folder of its own and renamed into place when it is complete, so a killed build is
    never used, and of two processes that build the same network at once the first to finish serves both.
    """
    root = cache_folder()
    try:
        root.mkdir(parents=True, exist_ok=True)
        work = Path(tempfile.mkdtemp(prefix="partial-", dir=root))
    except OSError as error:
        raise SpikedtpError(
            f"the build cache {root} cannot be written ({error.strerror}): set SPIKEDTP_CACHE to another folder"
        ) from None
    try:
        write_source(work)
        project = root / _fingerprint(work)
        if not project.exists():
            _compile(work)
            try:
                work.rename(project)
            except OSError:
                if not project.exists():
                    raise
        os.utime(project)
        return project
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _fingerprint(folder: Path) -> str:
    """Hash of every file (the makefile holds the flags), and of the compiler."""
    digest = hashlib.sha256(_compiler_version().encode())
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        digest.update(str(path.relative_to(folder)).encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()[:32]


def _compiler_version() -> str:
    compiler = os.environ.get("CXX", "g++").split()
    return subprocess.run([*compiler, "--version"], capture_output=True, text=True, check=False).stdout


def _compile(folder: Path) -> None:
    jobs = str(os.cpu_count() or 1)
    made = subprocess.run(["make", "-j", jobs], cwd=folder, capture_output=True, text=True, check=False)
    if made.returncode:
        last = (made.stderr or made.stdout).strip().splitlines()[-1:] or ["no output"]
        raise SpikedtpError(
            f"compiling the network failed (make: {last[0]}): check the C++ compiler, or use device='runtime'"
        )
