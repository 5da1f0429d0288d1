"""Temporary folders that are removed with the process that uses them, however it ends."""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["hold", "working_folder"]

#: Younger ones may belong to a process that has not locked its folder yet.
YOUNG = 60.0  # seconds


def hold(folder: Path, *, alone: bool = False) -> int | None:
    """Lock a folder for as long as the returned file descriptor is open. None is returned if the folder is gone.

    Parameters
    ----------
    folder : Path
    alone : bool
        With it the caller is the only holder, or gets None. Without it others may hold the folder too. If another
        process holds it alone, which checks whether it is in use or removes it, the call waits.
    """
    try:
        descriptor = os.open(folder, os.O_RDONLY)
    except OSError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB if alone else fcntl.LOCK_SH)
    except OSError:
        os.close(descriptor)
        return None
    return descriptor


@contextmanager
def working_folder(root: Path, prefix: str) -> Iterator[Path]:
    """A new folder in `root`, removed at the end. The folders of killed processes are removed by the next process."""
    for left in root.glob(f"{prefix}*"):
        _sweep(left)
    folder = Path(tempfile.mkdtemp(prefix=prefix, dir=root))
    descriptor = hold(folder, alone=True)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        if descriptor is not None:
            os.close(descriptor)


def _sweep(folder: Path) -> None:
    try:
        stat = folder.stat()
    except OSError:
        return
    if time.time() - stat.st_mtime < YOUNG or stat.st_uid != os.getuid():
        return
    descriptor = hold(folder, alone=True)
    if descriptor is not None:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(descriptor)
