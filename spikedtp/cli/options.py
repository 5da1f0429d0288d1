"""Options that several commands share, with their units and defaults, and `--config`. No work."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from spikedtp.errors import SpikedtpError, known_names

__all__ = [
    "DEFAULT_CIRCUIT", "Circuit", "Config", "Data", "Device", "DeviceOption", "Dt", "Loop", "LoopOption", "Mode",
    "ModeOption", "Out", "Population", "Readout", "ReadoutOption", "Repeats", "Samples", "Seed", "TimePerStep",
    "UnitRate", "Weights", "weights_for",
]  # fmt: skip

DEFAULT_CIRCUIT = "digits_dtp"


class Device(StrEnum):
    cpp_standalone = "cpp_standalone"
    runtime = "runtime"


class Loop(StrEnum):
    open = "open"
    closed = "closed"


class Readout(StrEnum):
    best = "best"
    paper = "paper"


class Mode(StrEnum):
    rate = "rate"
    spiking = "spiking"


def _load_config(context: typer.Context, path: Path | None) -> Path | None:
    """Take the settings of a YAML file as this command's defaults; the command line wins."""
    if path is None:
        return None
    import yaml

    try:
        settings = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise SpikedtpError(f"--config {path} cannot be read: {error}") from error
    if not isinstance(settings, dict):
        raise SpikedtpError(f"--config {path}: expected a mapping of settings such as 'samples: 10'")
    known = {parameter.name for parameter in context.command.params} - {"config", "help"}
    defaults: dict[str, Any] = {}
    for key, value in settings.items():
        name = str(key).replace("-", "_")
        if name not in known:
            raise known_names(f"setting in --config {path}", key, [str(name).replace("_", "-") for name in known])
        if isinstance(value, (dict, list)):
            raise SpikedtpError(f"--config {path}: {key} takes one value, not a {type(value).__name__}")
        defaults[name] = value
    context.default_map = {**(context.default_map or {}), **defaults}
    return path


Config = Annotated[
    Path | None,
    typer.Option(
        metavar="YAML",
        callback=_load_config,
        is_eager=True,
        help="A whole run's settings, one 'option: value' a line; options given on the command line win.",
    ),
]
Circuit = Annotated[
    str, typer.Option(metavar="YAML|NAME", help="Circuit: a file in EIANN's schema or a shipped model's name.")
]
Weights = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE", help="Trained weights (.pt state dict or EIANN .pkl). Default: those shipped with the circuit."
    ),
]
Data = Annotated[
    str, typer.Option(metavar="digits|mnist:DIR", help="Images: scikit-learn's 8x8 digits, or a folder of IDX files.")
]
Population = Annotated[
    str, typer.Option(metavar="NAME", help="Target population, LAYER + CELL; its learned projections are compared.")
]
Samples = Annotated[int, typer.Option(min=1, metavar="N", help="Number of images.")]
Repeats = Annotated[int, typer.Option(min=1, metavar="N", help="Runs per image, each with its own input spikes.")]
UnitRate = Annotated[float, typer.Option(metavar="HZ", help="Firing rate of activity 1, in Hz.")]
TimePerStep = Annotated[float, typer.Option(metavar="MS", help="Time for one step of the rate network, in ms.")]
Dt = Annotated[float, typer.Option(metavar="MS", help="Time step of the simulation, in ms.")]
DeviceOption = Annotated[
    Device | None,
    typer.Option(help="Brian2 device. Default: cpp_standalone, or runtime where no C++ compiler is found."),
]
LoopOption = Annotated[
    Loop,
    typer.Option(help="open: presynaptic cells replay the rate network's activity; closed: every cell spikes itself."),
]
ReadoutOption = Annotated[
    Readout, typer.Option(help="How signals are read from the spiking network: paper (last millisecond) or best.")
]
ModeOption = Annotated[Mode, typer.Option(help="Which network does the work.")]
Seed = Annotated[int, typer.Option(min=0, metavar="N", help="Seed of weights or input spikes.")]
Out = Annotated[Path, typer.Option(metavar="DIR", help="Folder for the results.", show_default=True)]


def weights_for(circuit: str, weights: Path | None) -> Path:
    """The weights asked for; without them, those that ship with a shipped circuit."""
    if weights is not None:
        if not weights.is_file():
            raise SpikedtpError(f"--weights {weights}: no such file")
        return weights
    from spikedtp.circuit import circuit_path, shipped_names
    from spikedtp.models import weights_file

    path = circuit_path(circuit)
    if path.stem not in shipped_names() or not path.samefile(circuit_path(path.stem)):
        raise SpikedtpError(f"--circuit {circuit} is not a shipped circuit: give its trained weights with --weights")
    return weights_file(path.stem)
