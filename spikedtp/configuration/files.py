"""``--config`` files: plain YAML of limited size, read but not yet checked."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from spikedtp.errors import SpikedtpError, shown

__all__ = ["read_settings", "set_key", "setting_name"]

#: Settings that no other command has, of those whose ``command`` may be that of their jobs.
OF_JOBS = {"sweep": {"base", "grid", "list", "random"}, "search": {"base", "parameters", "objective", "trials"}}


def read_settings(path: str | Path, command: str) -> dict[str, Any]:
    """The settings in a ``--config`` file.

    ``command: NAME`` in it has to be `command`, or that of the jobs of a sweep or a search.

    Raises
    ------
    SpikedtpError
        Not readable, not YAML, not a mapping, too large, or for another command.
    """
    from spikedtp.circuit.fields import load_yaml

    settings = load_yaml(Path(path))
    if not isinstance(settings, dict):
        raise SpikedtpError(f"{path}: expected a mapping of settings such as 'samples: 10'")
    settings = {setting_name(key): value for key, value in settings.items()}
    found = settings.pop("command", command)
    if OF_JOBS.get(command, set()) & settings.keys():  # it says what every job does
        settings |= {} if found == command else {"job_command": found}
    elif found != command:
        name = found if isinstance(found, str) else shown(found)
        raise SpikedtpError(f"{path}: configures 'spikedtp {name}', not 'spikedtp {command}'")
    return settings


def set_key(settings: dict[str, Any], key: str, value: Any) -> None:
    """Set ``key.key.key`` in nested mappings, making those that are missing; the mappings inside are copied."""
    *parents, last = setting_name(key).split(".")
    for parent in parents:
        inner = settings.get(parent)
        settings[parent] = dict(inner) if isinstance(inner, Mapping) else {}
        settings = settings[parent]
    settings[last] = value


def setting_name(key: object) -> str:
    """A key as written in a file or an option (``unit-rate``) as the setting's name (``unit_rate``)."""
    return (key if isinstance(key, str) else shown(key)).replace("-", "_")
