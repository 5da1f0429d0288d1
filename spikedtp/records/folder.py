"""The output folder: written beside its place and moved in only when everything succeeded."""

from __future__ import annotations

import errno
import glob
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from spikedtp.errors import SpikedtpError

__all__ = ["remove_partial", "staged"]

_NO_SPACE = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS)


@contextmanager
def staged(out_dir: str | os.PathLike[str]) -> Iterator[Path]:
    """A hidden folder to write results into; its files reach `out_dir` only if the block succeeds.

    A new `out_dir` appears in one rename. In one that exists, only the files that the block wrote are replaced. If the
    block raises an error or is interrupted, nothing is left, not even parent folders that were made on the way.

    Parameters
    ----------
    out_dir : path
        The final place. Missing parent folders are made.

    Yields
    ------
    Path
        The staging folder, empty.

    Raises
    ------
    SpikedtpError
        Before the block runs: `out_dir` or a parent is not a folder or cannot be written. After it: there was no space
        for a file, the folder was deleted meanwhile, or a file cannot be moved in.
    """
    out = Path(os.path.abspath(os.path.expanduser(out_dir)))
    made: list[Path] = []
    try:
        staging = _make_staging(out, made)
        try:
            yield staging
            _move_in(staging, out)
        except OSError as error:
            if error.errno not in _NO_SPACE and staging.is_dir():
                raise  # not about writing here
            reason = error.strerror if staging.is_dir() else "the folder was deleted during the run"
            raise SpikedtpError(
                f"output folder {out}: results could not be written ({reason}); free some space, or name another "
                "with --out"
            ) from error
        finally:
            shutil.rmtree(staging, ignore_errors=True)
    except BaseException:
        for folder in reversed(made):
            _remove_if_empty(folder)
        raise


def remove_partial(out: Path) -> None:
    """Remove what killed runs left of `staged` inside `out`. No other process may write there at the same time."""
    for left in out.glob(f".{glob.escape(out.name)}-????????.partial"):
        shutil.rmtree(left, ignore_errors=True)


def _make_staging(out: Path, made: list[Path]) -> Path:
    """The staging folder: inside `out` if that exists (so on its file system), else beside it."""
    if "\0" in str(out):
        raise SpikedtpError(f"output folder {out}: no folder can have this name; name another with --out")
    blocked = next((path for path in (out, *out.parents) if _exists(path) and not os.path.isdir(path)), None)
    if blocked is not None:
        raise SpikedtpError(f"output folder {out}: {blocked} is not a folder; name another with --out")
    name = f".{out.name}-{secrets.token_hex(4)}.partial"
    try:
        if os.path.isdir(out):
            staging = out / name
        else:
            for parent in reversed([path for path in out.parents if not os.path.isdir(path)]):
                parent.mkdir()
                made.append(parent)
            staging = out.parent / name
        staging.mkdir()
    except OSError as error:
        raise SpikedtpError(
            f"output folder {out} cannot be written ({error.strerror}); name another with --out"
        ) from error
    return staging


def _move_in(staging: Path, out: Path) -> None:
    try:
        if not _exists(out):
            os.rename(staging, out)
            return
        files = sorted(path.relative_to(staging) for path in staging.rglob("*") if not path.is_dir())
        for file in files:  # look before touching anything: a name clash must not leave half of the files moved
            clash = next((path for path in (file, *file.parents[:-1]) if _clashes(out / path, path == file)), None)
            if clash is not None:
                kind = "a folder" if clash == file else "not a folder"
                raise SpikedtpError(f"output folder {out}: {clash} is {kind}; move it away or name another with --out")
        for file in files:
            (out / file).parent.mkdir(parents=True, exist_ok=True)
            os.replace(staging / file, out / file)
    except OSError as error:
        raise SpikedtpError(f"output folder {out}: results could not be moved in ({error.strerror})") from error


def _clashes(path: Path, wanted_as_file: bool) -> bool:
    return path.is_dir() if wanted_as_file else _exists(path) and not path.is_dir()


def _exists(path: Path) -> bool:
    return os.path.lexists(path)


def _remove_if_empty(folder: Path) -> None:
    if folder.is_dir() and not any(folder.iterdir()):
        folder.rmdir()
