"""`spikedtp repeat`: run again what made a results folder, and compare file by file."""

from __future__ import annotations

import contextlib
import io
import json
import tempfile
from pathlib import Path
from typing import Annotated, Any

import typer

from spikedtp.configuration import COMMANDS, CONFIG_FILE
from spikedtp.errors import SpikedtpError, known_names

__all__ = ["command"]

NOT_THE_SAME = 1
SAME = "same"


def command(
    folder: Annotated[
        Path, typer.Argument(metavar="DIR", help="Results of compare, train, evaluate, replay or sweep.")
    ],
    keep: Annotated[Path | None, typer.Option("--out", metavar="DIR", help="Keep the repetition there.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> int:
    """Run again what made DIR and say of each file whether it came out the same, byte by byte (status 1: not all did).

    The manifest itself is not compared: it says when, where and with what a run was made.
    """
    from spikedtp.cli import main

    manifest, name = _manifest(folder), _command(folder)
    notes = _changes(manifest)
    with tempfile.TemporaryDirectory(prefix="spikedtp-repeat-") as temporary:
        again = keep or Path(temporary) / "again"
        with contextlib.redirect_stdout(io.StringIO()):  # what it would print is about another folder
            status = main([name, "--config", str(folder / CONFIG_FILE), "--out", str(again)])
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
    except ValueError:
        raise SpikedtpError(f"{path} is not a manifest") from None
    if not isinstance(manifest, dict) or not isinstance(manifest.get("outputs"), dict):
        raise SpikedtpError(f"{path} does not list what the run made: it cannot be compared")
    return manifest


def _command(folder: Path) -> str:
    from spikedtp.circuit.fields import load_yaml

    path = folder / CONFIG_FILE
    if not path.is_file():
        raise SpikedtpError(f"{folder} has no {CONFIG_FILE}: only results of spikedtp's commands can be repeated")
    settings = load_yaml(path)
    name = settings.get("command") if isinstance(settings, dict) else None
    if name not in COMMANDS:
        raise known_names(f"command in {path}", name, COMMANDS)
    return name


def _changes(manifest: dict[str, Any]) -> list[str]:
    """Inputs and versions that are not those of the run."""
    from spikedtp.records import file_hash
    from spikedtp.records.manifest import git_state, package_versions

    notes = []
    for item in manifest.get("inputs", []):
        path = Path(item["path"])
        if not path.is_file():
            notes.append(f"input {path} is gone")
        elif file_hash(path) != item["sha256"]:
            notes.append(f"input {path} has changed since the run")
    then, now = manifest.get("packages", {}), package_versions()
    notes += [f"{key} was {then[key]}, is {now[key]}" for key in now if key in then and then[key] != now[key]]
    revisions = [state and state.get("revision") for state in (manifest.get("git"), git_state())]
    if None not in revisions and revisions[0] != revisions[1]:
        notes.append(f"spikedtp was at revision {revisions[0][:12]}, is at {revisions[1][:12]}")
    return notes


def _verdicts(recorded: dict[str, str], again: dict[str, str], folder: Path) -> dict[str, str]:
    """By file: what the manifest of the run, that of its repetition, and the file itself say of its hash."""
    from spikedtp.records import file_hash

    verdicts = {}
    for file in sorted({*recorded, *again}):
        if file not in again:
            verdicts[file] = "not made again"
        elif file not in recorded:
            verdicts[file] = "new"
        elif not (folder / file).is_file():
            verdicts[file] = "missing"
        elif file_hash(folder / file) != recorded[file]:
            verdicts[file] = "edited since"
        else:
            verdicts[file] = SAME if again[file] == recorded[file] else "differs"
    return verdicts
