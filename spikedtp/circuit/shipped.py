"""Where circuit files are: a path, or the name of a model that comes with the package."""

from __future__ import annotations

import os
from pathlib import Path

from spikedtp.errors import SpikedtpError
from spikedtp.models import FOLDER

__all__ = ["circuit_path", "shipped_names"]


def shipped_names() -> tuple[str, ...]:
    """Names of the models that come with the package."""
    return tuple(sorted(path.stem for path in FOLDER.glob("*.yaml")))


def circuit_path(name_or_path: str | Path) -> Path:
    """The YAML file of a shipped model's name, or the path itself.

    Parameters
    ----------
    name_or_path : str or path
        A name without a folder and without ``.yaml`` is a shipped model's.

    Raises
    ------
    SpikedtpError
        No such file and no such model.
    """
    if not isinstance(name_or_path, (str, Path)):
        raise SpikedtpError(f"a circuit is a path or the name of a shipped model, got {type(name_or_path).__name__}")
    path = Path(name_or_path)
    if path.name == str(name_or_path):
        shipped = FOLDER / f"{path.name.removesuffix('.yaml')}.yaml"
        if os.path.isfile(shipped) and not os.path.isfile(path):
            return shipped
    if os.path.isfile(path):  # says no to any text; Path.is_file raises for a name that is too long
        return path
    if os.path.isdir(path):
        raise SpikedtpError(f"{path}: is a folder; a circuit is one YAML file")
    known = ", ".join(shipped_names()) or "none"
    raise SpikedtpError(f"{name_or_path}: there is no such file, nor a shipped model of this name (shipped: {known})")
