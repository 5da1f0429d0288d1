"""The files of a job by their contents: its key, and how they travel to a machine that does not have them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import yaml

from spikedtp._version import __version__
from spikedtp.circuit import shipped_names
from spikedtp.configuration import CONFIG_FILE, CompareConfiguration, Configuration
from spikedtp.errors import SpikedtpError
from spikedtp.jobs.data import input_files, named_files

__all__ = ["Place", "former_key", "job_key", "places_of", "unpacked"]

Hash = Callable[[Path], str]


@dataclass(frozen=True)
class Place:
    """Where a setting says that files are.

    Attributes
    ----------
    setting : str
    kind : str
        What stands before the path, such as ``npz:``.
    path : str
        The path as the setting has it: a file, or the folder of several. "" where the setting names none.
    files : tuple of Path
        The files that are read there.
    """

    setting: str
    kind: str
    path: str
    files: tuple[Path, ...]

    @property
    def means(self) -> str:
        """What a result depends on besides the contents of the files: the name of a circuit, the ending of a file."""
        return self.kind + {"circuit": Path(self.path).name, "data": ""}.get(self.setting, Path(self.path).suffix)


def places_of(configuration: Configuration) -> list[Place]:
    """The places that the settings of a job name, without the circuits and weights that ship with the package."""
    found: list[Place] = []
    for setting, files in named_files(configuration).items():
        value = getattr(configuration, setting)
        kind, path = "", value
        if setting == "data":
            name, colon, path = value.partition(":")
            kind = name + colon
        shipped = setting == "circuit" and value in shipped_names() and not Path(value).is_file()
        # the weights that ship with a circuit do not know it where it lies
        beside = setting == "weights" and value is None and found
        if files and not shipped and (path or beside):
            found.append(Place(setting, kind, path or "", tuple(files)))
    return found


def job_key(configuration: Configuration, file_hash: Hash) -> str:
    """What a job's result depends on: command, settings, the contents of its files, the version of the package.

    Where its files are is not among it.
    """
    settings = configuration.saved()
    settings |= {place.setting: place.means for place in places_of(configuration) if place.path}
    return _key(configuration, settings, file_hash)


def former_key(configuration: Configuration, file_hash: Hash) -> str:
    """The key that earlier versions gave it, which depends on the paths of its files."""
    return _key(configuration, configuration.saved(), file_hash)


def _key(configuration: Configuration, settings: dict[str, Any], file_hash: Hash) -> str:
    content = [__version__, settings, [file_hash(path) for path in input_files(configuration)]]
    if configuration.command != CompareConfiguration.command:  # which was the only one once: its keys stay
        content.append(configuration.command)
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:24]


@contextmanager
def unpacked(
    settings: Mapping[str, Any], places: list[tuple[Place, list[str]]], contents: Mapping[str, bytes]
) -> Iterator[tuple[dict[str, Any], Callable[[dict[str, Any]], dict[str, Any]]]]:
    """Inside, the files of a job lie in a private folder.

    Parameters
    ----------
    settings : mapping
        Of the job.
    places : list of (Place, list of str)
        Each with the hashes of its files.
    contents : mapping of str to bytes
        By hash.

    Yields
    ------
    settings : dict
        The same with the paths of the private files.
    restored : callable
        It gives what `run_job` gave with the paths of before, in messages too.

    Raises
    ------
    SpikedtpError
        A content is not what its hash says.
    """
    with TemporaryDirectory(prefix="spikedtp-content-") as temporary:
        here, before = dict(settings), dict[str, str]()
        for place, hashes in places:
            # the same files in two settings are in one place, as they were
            folder = Path(temporary) / hashlib.sha256(str(place.files).encode()).hexdigest()[:8]
            folder.mkdir(exist_ok=True)
            for file, sha256 in zip(place.files, hashes, strict=True):
                if hashlib.sha256(contents[sha256]).hexdigest() != sha256:
                    raise SpikedtpError(f"{file} did not arrive whole on the worker: run the job again")
                (folder / file.name).write_bytes(contents[sha256])
                before[str(folder / file.name)] = str(file)
            # IDX files are named by their folder, all others by themselves
            path = folder if place.kind == "mnist:" else folder / place.files[0].name
            here[place.setting] = f"{place.kind}{path}"
            before.setdefault(str(path), place.path)  # a folder comes after its files, which begin like it
        named = {place.setting: settings[place.setting] for place, _ in places}
        yield here, lambda finished: _restored({**finished, "settings": dict(settings)}, named, before)


def _restored(finished: dict[str, Any], named: dict[str, Any], before: Mapping[str, str]) -> dict[str, Any]:
    files = dict(finished["files"])
    if CONFIG_FILE in files:
        kept = yaml.safe_load(files[CONFIG_FILE]) | named
        files[CONFIG_FILE] = yaml.safe_dump(kept, sort_keys=False, allow_unicode=True).encode()
    if "manifest.json" in files:
        kept = _with_paths(json.loads(files["manifest.json"]), before)
        kept["outputs"][CONFIG_FILE] = hashlib.sha256(files[CONFIG_FILE]).hexdigest()
        files["manifest.json"] = (json.dumps(kept, indent=2) + "\n").encode()
    return {**finished, "error": _with_paths(finished["error"], before), "files": files}


def _with_paths(value: Any, before: Mapping[str, str]) -> Any:
    """A value with the paths of before in all its texts."""
    if isinstance(value, str):
        for now, then in before.items():
            value = value.replace(now, then)
        return value
    if isinstance(value, dict):
        return {key: _with_paths(item, before) for key, item in value.items()}
    return [_with_paths(item, before) for item in value] if isinstance(value, list) else value
