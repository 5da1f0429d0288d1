"""What a results folder holds, read as plain data. The folder may come from anybody: nothing in it is trusted."""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import yaml

from spikedtp.circuit.fields import MAX_CHARACTERS, plain_yaml
from spikedtp.configuration import CONFIG_FILE
from spikedtp.errors import SpikedtpError, shown
from spikedtp.records import file_hash

__all__ = ["PAGE", "Picture", "Results", "Table", "read_results"]

#: What the figures show, in the order in which they are put on the page; a name may go on (``similarity_H2E_H1E``).
CAPTIONS = {
    "figure3": "One presentation: inputs, eligibility traces, voltages, and rate against spiking ΔW of all synapses.",
    "phases": "One presentation in closed loop: spikes, somas and dendrites; broken lines are the rate network's.",
    "weight_changes": "Spiking against rate ΔW of each projection in that presentation.",
    "activities": "Firing rates of each population against the rate network's activities.",
    "similarity": "Similarity of spiking and rate ΔW, one dot per presentation, with what noise alone would leave.",
    "sweep": "Angle between spiking and rate ΔW against each setting that was varied, and against the prediction.",
    "search": "The best value so far, and the objectives against what was varied, with the best trials in colour.",
    "learning_curve": "Accuracy on held-out samples over training: in rate, and in spikes where that was measured.",
    "means": "Mean and standard error over seeds against the settings that were varied; dots: jobs.",
    "contours": "Times and rates that give the same expected cosine; the dot is the plan itself.",
    "confusion": "What was answered for the samples of each class.",
    "replay": "Weights and the rule's states over time.",
    "dendritic_state": "Dendritic states of the spiking cells against those of the rate network.",
    "eligibility": "Presynaptic eligibility traces against the activities that they stand for.",
}
MOST_VECTOR = 1_500_000  # bytes; a larger SVG (many dots) is shown as its PNG
MOST_BYTES = 30_000_000  # of one file; a larger one is only named
MOST_VALUES = 10_000_000  # of one table: packed, they may take next to no bytes
MOST_LEVELS = 40  # of values in values, in summaries and manifests
PAGE = "report.html"
KINDS = {".svg": "image/svg+xml", ".png": "image/png"}


@dataclass(frozen=True)
class Picture:
    """A figure as a ``data:`` address. A browser runs no script in an SVG that is an image."""

    name: str
    caption: str
    address: str = field(repr=False)


@dataclass(frozen=True)
class Table:
    name: str
    frame: pd.DataFrame


@dataclass(frozen=True)
class Results:
    """What a run left, but for a page that was made of it.

    Attributes
    ----------
    folder : Path
    command : str
        What made it, such as ``spikedtp compare`` or a script; "" if the manifest does not tell.
    summary, manifest : dict
    configuration : str
        YAML.
    repeatable : bool
        Whether `spikedtp repeat` takes the folder.
    pictures : list of Picture
    tables : list of Table
    files : dict of str to int
        Size in bytes of every file.
    problems : list of str
        Files that are missing, cannot be read or are not what the run wrote.
    """

    folder: Path
    command: str
    summary: dict[str, Any]
    manifest: dict[str, Any]
    configuration: str
    repeatable: bool
    pictures: list[Picture]
    tables: list[Table]
    files: dict[str, int]
    problems: list[str]


def read_results(folder: str | Path) -> Results:
    """Read the files of a run or a sweep. Links are left alone, so that no other file gets onto the page.

    Raises
    ------
    SpikedtpError
        `folder` holds no finished run.
    """
    folder = Path(os.path.expanduser(folder))
    if not os.path.isdir(folder):  # false as well for a name that is too long to look up
        raise SpikedtpError(f"{shown(str(folder))} is not a folder: name a folder of results")
    if not (folder / "manifest.json").is_file():
        raise SpikedtpError(_not_finished(folder))
    found = sorted(path for path in folder.iterdir() if path.is_file() and not path.is_symlink())
    files = {path.name: path for path in found if path.name != PAGE}
    manifest, problems = _mapping(folder / "manifest.json"), []
    summary = _mapping(files["summary.json"]) if "summary.json" in files else {}
    problems += _changed(manifest, files)
    configuration, command = _configuration(files, manifest)
    pictures, tables = [], []
    for name in sorted(files, key=_rank):
        try:
            if (picture := _picture(files, name)) is not None:
                pictures.append(picture)
            elif (table := _table(files[name])) is not None:
                tables.append(table)
        except (ValueError, OSError, pa.ArrowException) as error:
            problems.append(f"{name} cannot be read: {' '.join(str(error).split())[:200]}")
    return Results(
        folder=folder,
        command=f"spikedtp {command}" if command else _script(manifest),
        summary=summary,
        manifest=manifest,
        configuration=configuration,
        repeatable=bool(command),
        pictures=pictures,
        tables=tables,
        files={name: path.stat().st_size for name, path in files.items()},
        problems=problems,
    )


def _not_finished(folder: Path) -> str:
    inside = sorted(path.parent.name for path in folder.glob("*/manifest.json"))
    if inside:
        return f"{folder} holds no results itself: name one of the folders in it ({', '.join(inside[:8])})"
    if (folder / CONFIG_FILE).is_file():
        return f"{folder} holds an unfinished run: give the command that began it again, and it continues"
    return f"{folder} holds no results (no manifest.json)"


def _mapping(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise SpikedtpError(f"{path} cannot be read ({error.strerror})") from None
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict) or _levels_over(MOST_LEVELS, found):
        raise SpikedtpError(f"{path} is damaged: run the command again that made it")
    return found


def _levels_over(most: int, value: Any) -> bool:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return most == 0 or any(_levels_over(most - 1, item) for item in inner)


def _changed(manifest: Mapping[str, Any], files: Mapping[str, Path]) -> list[str]:
    recorded = manifest.get("outputs")
    if not isinstance(recorded, dict):
        return []
    problems = [f"{name} is missing" for name in recorded if "/" not in name and name not in files]
    changed = (name for name, path in files.items() if name in recorded and file_hash(path) != recorded[name])
    return problems + [f"{name} was changed after the run" for name in changed]


def _configuration(files: Mapping[str, Path], manifest: Mapping[str, Any]) -> tuple[str, str]:
    """The settings as text, and the command that they are for."""
    if CONFIG_FILE not in files:
        settings = manifest.get("configuration")
        return (yaml.safe_dump(settings, sort_keys=False, allow_unicode=True) if settings else ""), ""
    with open(files[CONFIG_FILE], encoding="utf-8", errors="replace") as file:
        text = file.read(MAX_CHARACTERS)
    try:
        settings = plain_yaml(text, CONFIG_FILE)
    except SpikedtpError:
        settings = None
    command = settings.get("command") if isinstance(settings, dict) else None
    return text, command if isinstance(command, str) else ""


def _script(manifest: Mapping[str, Any]) -> str:
    words = manifest.get("command")
    return Path(str(words[0])).name if isinstance(words, list) and words else ""


def _rank(name: str) -> tuple[int, str]:
    places = [place for place, known in enumerate(CAPTIONS) if name.startswith(known)]
    return (places[0] if places else len(CAPTIONS)), name


def _picture(files: Mapping[str, Path], name: str) -> Picture | None:
    """The figure that this file stands for: the SVG of a pair, the PNG of one that is too large."""
    path = files[name]
    if path.suffix not in KINDS:
        return None
    vector, pixels = files.get(f"{path.stem}.svg"), files.get(f"{path.stem}.png")
    best = pixels if vector is None or (pixels is not None and vector.stat().st_size > MOST_VECTOR) else vector
    if path != best:
        return None
    _check_size(path)
    caption = next((text for known, text in CAPTIONS.items() if path.stem.startswith(known)), "")
    data = base64.b64encode(path.read_bytes()).decode("ascii")
    return Picture(path.stem, caption, f"data:{KINDS[path.suffix]};base64,{data}")


def _table(path: Path) -> Table | None:
    readers = {".csv": pd.read_csv, ".parquet": _parquet}
    if path.suffix not in readers:
        return None
    _check_size(path)
    return Table(path.name, readers[path.suffix](path))


def _parquet(path: Path) -> pd.DataFrame:
    held = pq.read_metadata(path)
    if (n := held.num_rows * held.num_columns) > MOST_VALUES:
        raise ValueError(f"{n} values are too many for a page")
    return pq.read_table(path).to_pandas(ignore_metadata=True)


def _check_size(path: Path) -> None:
    if (size := path.stat().st_size) > MOST_BYTES:
        raise ValueError(f"{size / 1e6:.0f} MB are too many for a page")
