"""What a sweep has done so far: one small file per finished job, complete or absent, and a folder of what it left."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from spikedtp.circuit.fields import load_yaml
from spikedtp.errors import SpikedtpError
from spikedtp.records import staged
from spikedtp.records.folder import remove_partial
from spikedtp.records.tracking import FinishedRun, figures_in

__all__ = ["Journal", "check_command"]

PLAIN = (str, int, float, bool, type(None))
KINDS = {
    "key": str,
    "settings": dict,
    "status": str,
    "error": str | None,
    "results": dict,
    "seconds": float | int | None,
}


def check_command(out: Path, command: str) -> None:
    """Refuse a folder of a sweep to a search, and the reverse: they keep their jobs alike, but not the same of them."""
    try:
        found = load_yaml(out / "config.yaml")
    except SpikedtpError:
        return
    other = found.get("command") if isinstance(found, dict) else None
    if other in ("sweep", "search") and other != command:
        raise SpikedtpError(f"{out} holds the results of spikedtp {other}: name another --out")


class Journal:
    """The folder ``jobs/`` of a sweep's results; `KEY.json` holds what `run_job` gave, ``KEY/`` the files among it."""

    def __init__(self, out: Path):
        self.out = out
        self.folder = out / "jobs"

    @contextmanager
    def opened(self) -> Iterator[None]:
        """Inside, no other process runs this sweep. When a process is killed, the system releases its lock."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            lock = FileLock(self.folder / ".lock")
            lock.acquire(timeout=0)
        except Timeout:
            raise SpikedtpError(f"{self.out}: another sweep is running there; wait, or name another --out") from None
        except OSError as error:
            raise SpikedtpError(
                f"output folder {self.out} cannot be written ({error.strerror}); name another with --out"
            ) from None
        try:
            self._tidy()
            yield
        finally:
            lock.release()

    def read(self, keys: Iterable[str]) -> dict[str, dict[str, Any]]:
        """The finished jobs among `keys`."""
        found = {}
        for key in keys:
            path = self.folder / f"{key}.json"
            if path.is_file():
                found[key] = _finished(path, key)
        return found

    def write(self, finished: dict[str, Any]) -> dict[str, Any]:
        """Record a finished job, so that it survives whatever happens next. Its files are written before itself.

        Returns
        -------
        dict
            The job as `read` gives it: with the hashes of its files in place of their bytes.
        """
        key, files = finished["key"], finished.get("files", {})
        if files:
            with staged(self.folder / key) as folder:
                for name, content in files.items():
                    (folder / name).write_bytes(content)
        kept = {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
        recorded = {**finished, "files": kept}
        path = self.folder / f"{key}.json"
        partial = path.with_suffix(".partial")
        with open(partial, "w", encoding="utf-8") as file:
            json.dump(recorded, file, allow_nan=False)
            file.flush()
            os.fsync(file.fileno())
        os.replace(partial, path)
        return recorded

    def run_of(self, job: dict[str, Any]) -> FinishedRun:
        """A finished job as trackers are told of it."""
        folder = self.folder / job["key"] if job.get("files") else None
        figures = () if folder is None else figures_in(folder)
        same = {name: job[name] for name in ("command", "settings", "key", "status", "error", "seconds")}
        return FinishedRun(summary=job["results"], folder=folder, figures=figures, **same)

    def checkpoint(self, job: dict[str, Any]) -> Path:
        """Where a training continues that was interrupted: one whose files have moved since begins again."""
        digest = hashlib.sha256(json.dumps(job["settings"], sort_keys=True).encode()).hexdigest()
        return self.folder / f"{job['key']}-{digest[:8]}.unfinished.npz"

    def holds(self, key: str) -> bool:
        """Whether a job of this key is finished."""
        return (self.folder / f"{key}.json").is_file()

    def _tidy(self) -> None:
        """Remove what a run that was killed left half-written."""
        for left in self.folder.glob("*.partial"):
            if left.is_file():
                left.unlink()
            else:
                shutil.rmtree(left)
        for left in self.folder.glob("*.unfinished.npz*"):
            if left.name.startswith(".") or self.holds(left.name.partition("-")[0]):
                left.unlink()
        remove_partial(self.out)


def _finished(path: Path, key: str) -> dict[str, Any]:
    """What `Journal.write` wrote, and nothing else."""
    try:
        job = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise SpikedtpError(f"{path} cannot be read ({error.strerror})") from None
    except (ValueError, RecursionError):
        job = None
    whole = isinstance(job, dict) and job.keys() >= KINDS.keys() and job["key"] == key
    if not whole or not all(isinstance(job[name], kinds) for name, kinds in KINDS.items()) or not _flat(job["results"]):
        raise SpikedtpError(f"{path} is damaged: delete it, and its job is run again")
    files = job.setdefault("files", {})
    if not isinstance(files, dict) or not all(isinstance(name, str) and Path(name).name == name for name in files):
        raise SpikedtpError(f"{path} is damaged: delete it, and its job is run again")
    for name in files:
        if not (path.with_suffix("") / name).is_file():
            raise SpikedtpError(f"{path.with_suffix('') / name} is gone: delete {path}, and its job is run again")
    return job


def _flat(results: dict[str, Any]) -> bool:
    return all(
        isinstance(value, PLAIN) and not (type(value) is int and abs(value) >= 2**63) for value in results.values()
    )
