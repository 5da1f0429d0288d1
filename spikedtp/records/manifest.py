"""``manifest.json``: where, when and with which versions a run was made, which may differ between runs of one seed."""

from __future__ import annotations

import hashlib
import json
import math
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from spikedtp._version import __version__
from spikedtp.registries import providers

__all__ = ["compiler_version", "file_hash", "git_state", "package_versions", "write_manifest"]

PACKAGES = ("brian2", "numpy", "torch", "cython", "scipy", "pandas", "matplotlib", "scikit-learn")


def write_manifest(
    folder: str | Path,
    *,
    configuration: Mapping[str, Any],
    seeds: Mapping[str, int],
    timings: Mapping[str, float] | None = None,
    inputs: Iterable[str | Path] = (),
    **more: Any,
) -> Path:
    """Write ``manifest.json``.

    Parameters
    ----------
    folder : path
        Where to write, usually the folder that `staged` yields. Files that are already there are listed with their
        SHA-256.
    configuration : mapping
        Every setting of the run as it was used, with defaults filled in.
    seeds : mapping of str to int
        What each seed was for.
    timings : mapping of str to float, optional
        Seconds per part of the run.
    inputs : iterable of path
        Files that were read; each is listed with its SHA-256.
    **more
        Further entries, e.g. ``build_hash``.
    """
    manifest = {
        "spikedtp": __version__,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "command": sys.argv,
        "configuration": dict(configuration),
        "seeds": dict(seeds),
        "timings_s": dict(timings or {}),
        "inputs": [_described(Path(path)) for path in inputs],
        "outputs": _outputs(Path(folder)),
        "python": platform.python_version(),
        "packages": package_versions(),
        "git": git_state(),
        "platform": platform.platform(),
        "cpu": {"model": _cpu_model(), "count": os.cpu_count()},
        "compiler": compiler_version(),
        **more,
    }
    path = Path(folder) / "manifest.json"
    path.write_text(json.dumps(_plain(manifest), indent=2, allow_nan=False) + "\n", encoding="utf-8")
    return path


def file_hash(path: str | Path) -> str:
    """SHA-256 of a file's bytes, in hexadecimal."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def package_versions() -> dict[str, str | None]:
    """Versions of the packages that can change a result; None where one is not installed.

    Packages whose rules, cells, data sets or devices were used are among them.
    """
    found: dict[str, str | None] = {}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = None
    return found | providers()


def git_state() -> dict[str, Any] | None:
    """Revision of the checkout that this package runs from and whether tracked files differ; None outside one."""
    here = Path(__file__).resolve()
    # A package installed under somebody else's repository is not part of it: ask whether git knows this very file.
    if _output("git", "-C", str(here.parent), "ls-files", "--error-unmatch", here.name) is None:
        return None
    revision = _output("git", "-C", str(here.parent), "rev-parse", "HEAD")
    changed = _output("git", "-C", str(here.parent), "status", "--porcelain", "--untracked-files=no")
    return {"revision": revision, "dirty": bool(changed)}


def compiler_version() -> str | None:
    """First line of the version text of the C++ compiler (``$CXX`` or ``g++``), or None if there is no compiler."""
    words = os.environ.get("CXX", "g++").split() or ["g++"]
    said = _output(*words, "--version")
    return said.splitlines()[0] if said else None


def _output(*command: str) -> str | None:
    if shutil.which(command[0]) is None:
        return None
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.stdout.strip() if done.returncode == 0 else None


def _cpu_model() -> str:
    info = Path("/proc/cpuinfo")
    if info.is_file():
        for line in info.read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _described(path: Path) -> dict[str, Any]:
    return {"path": str(path), "sha256": file_hash(path), "bytes": path.stat().st_size}


def _outputs(folder: Path) -> dict[str, str]:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): file_hash(path) for path in files}


def _plain(value: Any) -> Any:
    """A value that JSON can hold: containers are kept, numpy scalars become numbers, NaN null, the rest text."""
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if hasattr(value, "tolist") and not hasattr(value, "dimensions"):
        return _plain(value.tolist())
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if value is None or isinstance(value, (bool, int, str)):
        return value
    return str(value)
