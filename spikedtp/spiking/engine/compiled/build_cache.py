"""Compiled projects, kept by content: the same generated source, compiler and flags never compile twice.

A project is compiled in a working folder and renamed into place when it is complete, with a note of its files' hashes
(`NOTE`), so a build that was killed or changed later is never used. A process that uses a project keeps its folder
locked. To stay within its limit, the cache removes the projects that were used longest ago and are not locked.
"""

from __future__ import annotations

import json
import os
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import platformdirs
from filelock import FileLock

from spikedtp.errors import SpikedtpError
from spikedtp.spiking.engine.compiled.compiler import compile_project, compiler_identity
from spikedtp.spiking.engine.working_folders import hold, working_folder

__all__ = ["CachedProject", "cache_folder", "cached_projects", "clear_cache", "compiled_project", "known_project"]

NOTE = "complete.json"
LIMIT = 500  # MB, unless SPIKEDTP_CACHE_LIMIT says otherwise
PARTIAL = "partial-"


def cache_folder() -> Path:
    """`$SPIKEDTP_CACHE`, or the user's cache folder. It is made if it does not exist."""
    chosen = os.environ.get("SPIKEDTP_CACHE")
    root = (Path(chosen) if chosen else Path(platformdirs.user_cache_dir("spikedtp"))) / "builds"
    try:
        for folder in (root, root / "locks", root / "keys"):
            folder.mkdir(parents=True, exist_ok=True)
        if not os.access(root, os.W_OK):
            raise PermissionError(None, "Permission denied")
    except OSError as error:
        raise SpikedtpError(
            f"the build cache {root} cannot be written ({error.strerror}): set SPIKEDTP_CACHE to another folder"
        ) from None
    return root


@contextmanager
def compiled_project(write_source: Callable[[Path], None], key: str | None = None) -> Iterator[Path]:
    """The folder of a compiled project with the source that `write_source(folder)` writes. Inside, it is not removed.

    With a `key`, `known_project` finds it again.
    """
    root = cache_folder()
    with working_folder(root, PARTIAL) as work:
        source = work / "project"
        source.mkdir()
        write_source(source)
        project = root / _fingerprint(source)
        held = _hold_complete(project)
        if held is None:
            held = _build(source, project)
    try:
        if key is not None:
            _write(root / "keys" / key, {"project": project.name})
        yield project
    finally:
        os.close(held)


@contextmanager
def known_project(key: str) -> Iterator[Path | None]:
    """The project that was compiled under `key`, or None."""
    root = cache_folder()
    name = _read(root / "keys" / key).get("project")
    project = root / name if name else None
    held = _hold_complete(project) if project else None
    try:
        yield project if held is not None else None
    finally:
        if held is not None:
            os.close(held)


def _refused(root: Path) -> Path:
    """The last source that a working compiler did not accept. Only one is kept."""
    return root.parent / "refused"


def _build(source: Path, project: Path) -> int:
    """Compile and move into place. If several processes want the same project, one compiles it and the others wait."""
    root = project.parent
    with FileLock(root / "locks" / project.name[0]):  # few files, so that none has to be removed
        held = _hold_complete(project)
        if held is not None:
            return held
        shutil.rmtree(project, ignore_errors=True)  # a damaged one
        started = time.perf_counter()
        compile_project(source, keep=_refused(root))
        for path in source.rglob("*.o"):
            path.unlink()
        files = [path for path in source.rglob("*") if path.is_file()]
        note = {
            "created": time.time(),
            "seconds": time.perf_counter() - started,
            "bytes": sum(path.stat().st_size for path in files),
            "sha256": {str(path.relative_to(source)): _hash(path) for path in files if _is_used(path, source)},
        }
        _write(source / NOTE, note)
        source.rename(project)
        held = _hold_complete(project)
        if held is None:
            raise SpikedtpError(f"the compiled project {project} is gone: is something else removing files there?")
    _remove_oldest(root)
    return held


# --- what is complete -------------------------------------------------------------------------------------------------


def _is_used(path: Path, project: Path) -> bool:
    """Whether a run reads this file: the binary, and the arrays that Brian2 wrote beside it."""
    return path == project / "main" or path.parent == project / "static_arrays"


def _hold_complete(project: Path) -> int | None:
    """Hold a project if it exists, complete and unchanged, and note that it is used. Otherwise return None."""
    held = hold(project)
    if held is None:
        return None
    note = _read(project / NOTE)
    try:
        if "main" in note["sha256"] and all(_hash(project / name) == is_ for name, is_ in note["sha256"].items()):
            os.utime(project / NOTE)
            return held
    except (KeyError, OSError):
        pass
    os.close(held)
    return None


def _fingerprint(folder: Path) -> str:
    """Hash of every file (the makefile holds the flags), and of the compiler."""
    digest = sha256(compiler_identity().encode())
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        digest.update(f"{path.relative_to(folder)} {path.stat().st_size} ".encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()[:32]


def _hash(path: Path) -> str:
    return sha256(path.read_bytes()).hexdigest()


def _write(path: Path, content: dict) -> None:
    written = path.with_suffix(f".{os.getpid()}-{threading.get_ident()}")
    written.write_text(json.dumps(content))
    written.replace(path)


def _read(path: Path) -> dict:
    try:
        content = json.loads(path.read_text())
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


# --- what is there ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class CachedProject:
    """A compiled project: size in bytes, when it was made and last used (seconds since 1970), whether it is in use."""

    name: str
    size: int
    created: float
    last_used: float
    in_use: bool


def cached_projects() -> list[CachedProject]:
    """All compiled projects, the most recently used first."""
    root = cache_folder()
    found = []
    for note in root.glob(f"*/{NOTE}"):
        about = _read(note)
        held = hold(note.parent, alone=True)
        if about and note.exists():
            entry = CachedProject(
                note.parent.name, about["bytes"], about["created"], note.stat().st_mtime, in_use=held is None
            )
            found.append(entry)
        if held is not None:
            os.close(held)
    return sorted(found, key=lambda project: -project.last_used)


def clear_cache() -> list[CachedProject]:
    """Remove every project that is not in use, and what killed builds have left. Returns the removed projects."""
    root = cache_folder()
    shutil.rmtree(_refused(root), ignore_errors=True)
    removed = [project for project in cached_projects() if _remove(root / project.name)]
    _forget_missing(root)
    with working_folder(root, PARTIAL):  # sweeps
        pass
    return removed


def _limit() -> int:
    """The limit of the cache in bytes."""
    text = os.environ.get("SPIKEDTP_CACHE_LIMIT") or str(LIMIT)
    try:
        limit = float(text)
    except ValueError:
        limit = -1
    if not limit >= 0:
        raise SpikedtpError(f"SPIKEDTP_CACHE_LIMIT = {text!r} must be a number of megabytes, such as {LIMIT}")
    return round(limit * 1e6)


def _remove_oldest(root: Path) -> None:
    excess = -_limit()
    for project in cached_projects():
        excess += project.size
    for project in reversed(cached_projects()):
        if excess <= 0:
            break
        if _remove(root / project.name):
            excess -= project.size
    _forget_missing(root)


def _remove(project: Path) -> bool:
    held = hold(project, alone=True)
    if held is None:
        return False
    (project / NOTE).unlink(missing_ok=True)  # first: half a project has no note
    shutil.rmtree(project, ignore_errors=True)
    os.close(held)
    return True


def _forget_missing(root: Path) -> None:
    for path in (root / "keys").iterdir():
        if not (root / _read(path).get("project", "none") / NOTE).exists():
            path.unlink(missing_ok=True)
