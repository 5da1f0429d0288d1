"""`spikedtp repeat`: repeat the run that made a results folder, and compare file by file."""

from __future__ import annotations

import contextlib
import io
import json
import os
import tempfile
from pathlib import Path
from typing import Annotated, Any

import typer

from spikedtp.cli.options import Plugins
from spikedtp.configuration import COMMANDS, CONFIG_FILE
from spikedtp.errors import SpikedtpError, known_names

__all__ = ["EXAMPLES", "command"]

EXAMPLES = (
    "spikedtp repeat results/compare",
    "spikedtp repeat results/compare --out results/again --json",
)

NOT_THE_SAME = 1
SAME = "same"


def command(
    folder: Annotated[
        Path, typer.Argument(metavar="DIR", help="Results of compare, train, evaluate, replay or sweep.")
    ],
    keep: Annotated[Path | None, typer.Option("--out", metavar="DIR", help="Keep the repetition there.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
    plugin: Plugins = None,
) -> int:
    """Repeat the run that made DIR, and say for each file whether it has the same bytes (status 1: some differ).

    The manifest itself is not compared, because it says when, where and with which versions a run was made.
    Plugins that the run used must be named again with --plugin, because no file causes an import.
    """
    from spikedtp.cli import main

    manifest, name = _manifest(folder), _command(folder)
    if keep is not None and os.path.realpath(keep) == os.path.realpath(folder):
        raise SpikedtpError(f"--out {keep} is the folder to compare with: name another")
    notes = _changes(manifest)
    with tempfile.TemporaryDirectory(prefix="spikedtp-repeat-") as temporary:
        again = keep or Path(temporary) / "again"
        with contextlib.redirect_stdout(io.StringIO()):  # what it would print is about another folder
            plugins = [f"--plugin={module}" for module in plugin or ()]
            status = main([name, "--config", str(folder / CONFIG_FILE), "--out", str(again), *plugins])
        if not (again / "manifest.json").is_file():  # it has said why
            return status
        verdicts = _verdicts(manifest["outputs"], _manifest(again)["outputs"], folder)
    matched = all(verdict == SAME for verdict in verdicts.values())
    if as_json:
        report = {"command": name, "matched": matched, "files": verdicts, "changed_since": notes}
        typer.echo(json.dumps(report, indent=2))
    else:
        for file, verdict in verdicts.items():
            typer.echo(f"{verdict:<16}{file}")
        for note in notes:
            typer.echo(f"note: {note}")
        n_same = sum(verdict == SAME for verdict in verdicts.values())
        typer.echo(f"{'matched' if matched else 'NOT matched'}: {n_same} of {len(verdicts)} files are the same")
    return 0 if matched else NOT_THE_SAME


def _manifest(folder: Path) -> dict[str, Any]:
    path = folder / "manifest.json"
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise SpikedtpError(f"{path} cannot be read ({error.strerror}): name a folder of results") from None
    except (ValueError, RecursionError):
        raise SpikedtpError(f"{path} is not a manifest") from None
    if not isinstance(manifest, dict) or not isinstance(manifest.get("outputs"), dict):
        raise SpikedtpError(f"{path} does not list what the run made: it cannot be compared")
    if any(os.path.isabs(name) or ".." in Path(name).parts for name in manifest["outputs"]):
        raise SpikedtpError(f"{path} lists files outside its folder: it was not written by spikedtp")
    inputs = manifest.get("inputs", [])
    if not isinstance(inputs, list) or not all(isinstance(i, dict) and {"path", "sha256"} <= i.keys() for i in inputs):
        raise SpikedtpError(f"{path} does not list its inputs as spikedtp does: it cannot be compared")
    return manifest


def _command(folder: Path) -> str:
    from spikedtp.circuit.fields import load_yaml

    path = folder / CONFIG_FILE
    if not os.path.isfile(path):
        raise SpikedtpError(f"{folder} has no {CONFIG_FILE}: only results of spikedtp's commands can be repeated")
    settings = load_yaml(path)
    name = settings.get("command") if isinstance(settings, dict) else None
    if not isinstance(name, str) or name not in COMMANDS:
        raise known_names(f"command in {path}", name, COMMANDS)
    return name


def _changes(manifest: dict[str, Any]) -> list[str]:
    """Inputs and versions that are not those of the run."""
    from spikedtp.records import file_hash
    from spikedtp.records.manifest import git_state, package_versions

    notes = []
    for item in manifest.get("inputs", []):
        path = Path(str(item["path"]))
        if not os.path.isfile(path):
            notes.append(f"input {path} is gone")
        elif file_hash(path) != item["sha256"]:
            notes.append(f"input {path} has changed since the run")
    then, now = _entries(manifest, "packages"), package_versions()
    notes += [f"{key} was {then[key]}, is {now[key]}" for key in now if key in then and then[key] != now[key]]
    before, after = _entries(manifest, "git").get("revision"), (git_state() or {}).get("revision")
    if before and after and before != after:
        notes.append(f"spikedtp was at revision {str(before)[:12]}, is at {after[:12]}")
    return notes


def _entries(manifest: dict[str, Any], key: str) -> dict[str, Any]:
    return found if isinstance(found := manifest.get(key), dict) else {}


def _verdicts(recorded: dict[str, str], again: dict[str, str], folder: Path) -> dict[str, str]:
    """By file: what the manifest of the run, that of its repetition, and the file itself say of its hash."""
    from spikedtp.records import file_hash

    verdicts = {}
    for file in sorted({*recorded, *again}):
        if file not in again:
            verdicts[file] = "not made again"
        elif file not in recorded:
            verdicts[file] = "new"
        elif not os.path.isfile(folder / file):
            verdicts[file] = "missing"
        elif file_hash(folder / file) != recorded[file]:
            verdicts[file] = "edited since"
        else:
            verdicts[file] = SAME if again[file] == recorded[file] else "differs"
    return verdicts
