"""The base of the models: how a setting is declared, checked, named in a message and saved."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, ClassVar, Self

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, field_validator

from spikedtp.errors import SpikedtpError, known_names, shown
from spikedtp.plugins import check_imported, plugin_files
from spikedtp.registries import offered

__all__ = [
    "CONFIG_FILE", "Configuration", "Number", "Positive", "Real", "Whole", "absolute_path", "amount", "count", "flag",
    "setting",
]  # fmt: skip

CONFIG_FILE = "config.yaml"


def _number(value: Any) -> Any:
    if isinstance(value, bool):
        raise ValueError("should be a number, not true or false")
    return value


def _several(value: Any) -> Any:
    return (value,) if isinstance(value, str) else value


Number = BeforeValidator(_number)
Whole = Annotated[int, Number]
Real = Annotated[float, Number]
Positive = Annotated[int, Number, Field(ge=1)]  # for `Positive | None`: a limit beside a union would hold for None too


def setting(help: str, *, metavar: str | None = None, also: str | None = None, **limits: Any) -> Any:
    """The pydantic field of one setting.

    In help, its value is called `metavar`; `also` is another name of its option.
    """
    more: dict[str, Any] = {key: word for key, word in (("metavar", metavar), ("also", also)) if word}
    return Field(description=help, json_schema_extra=more or None, **limits)


def count(help: str, *, least: int = 1) -> Any:
    """The field of a `Whole` number of at least `least`."""
    return setting(help, metavar="N", ge=least, lt=2**63)


def amount(help: str, unit: str) -> Any:
    """The field of a `Real` number above 0 in `unit`."""
    return setting(help, metavar=unit, gt=0)


class Configuration(BaseModel):
    """The settings of one command: frozen, no unknown keys, no NaN.

    Attributes
    ----------
    command : str
        The command that it configures.
    unsaved : frozenset of str
        Settings that say where and how a run is carried out. The results do not depend on them.
    later : frozenset of str
        Settings that earlier versions did not have. They are saved only if they differ from their defaults, so that
        earlier results can be repeated to the same bytes.
    set_into : str
        The mapping that ``--set NAME=VALUE`` fills. It is "" for any key, as in ``--set cell.tau_soma=30*ms``.
    set_example : str
        An example for messages and help.
    plugins : tuple of str
        Modules of the user's own that were imported for the run (``--plugin``). They stand in the file for the record:
        a configuration that names one which has not been imported is refused, and nothing is imported for it.
    tracker : tuple of str
        Names of functions that are told of every finished run (`spikedtp.records.register_tracker`). Never saved.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    command: ClassVar[str]
    unsaved: ClassVar[frozenset[str]] = frozenset({"out"})
    later: ClassVar[frozenset[str]] = frozenset({"plugins"})
    set_into: ClassVar[str] = ""
    set_example: ClassVar[str] = ""

    plugins: tuple[str, ...] = ()
    tracker: Annotated[tuple[str, ...], BeforeValidator(_several)] = ()

    @field_validator("tracker")
    @classmethod
    def _known(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        for name in names:
            if name not in (known := offered("spikedtp.trackers")):
                raise ValueError(f"{known_names('tracker', name, known or ['none'])} (a --plugin registers more)")
        return names

    @field_validator("plugins")
    @classmethod
    def _imported(cls, plugins: tuple[str, ...]) -> tuple[str, ...]:
        check_imported(plugins)
        return plugins

    @classmethod
    def of(cls, settings: Mapping[str, Any], where: str | Mapping[str, str] = "") -> Self:
        """Make a configuration from settings, which are checked.

        Parameters
        ----------
        settings : mapping
        where : str, or mapping of a setting's name to str
            The beginning of a message about that setting: the file where it stands, or its option.

        Raises
        ------
        SpikedtpError
            One line that names the key, what is allowed there and what was given.
        """
        _check_text(settings, where)
        try:
            return cls.model_validate(dict(settings))
        except ValidationError as error:
            found = error.errors(include_url=False)
            # of the alternatives of a type, the one that the value came closest to
            first = max((e for e in found if e["loc"][:1] == found[0]["loc"][:1]), key=lambda e: len(e["loc"]))
        key = str(first["loc"][0]) if first["loc"] else ""
        at = where if isinstance(where, str) else where.get(key, "")
        if first["type"] == "extra_forbidden" and len(first["loc"]) == 1:
            problem = known_names(f"setting of '{cls.command}'", key, cls.keys())
            raise SpikedtpError(f"{at}: {problem}" if at else str(problem))
        if first["type"] == "missing" and len(first["loc"]) == 1:
            raise SpikedtpError(f"'{cls.command}' needs --{flag(key)}")
        path = ".".join(_keys_in(settings, first["loc"]))
        place = ": ".join(part for part in (at, "" if at == f"--{flag(path)}" else path) if part)
        message = first["msg"].removeprefix("Value error, ").removeprefix("Input ").partition(", unable to parse")[0]
        given = f", got {shown(first['input'])}" if first["loc"] and key not in ("plugins", "tracker") else ""
        raise SpikedtpError(f"{place}: {message}{given}" if place else message)

    @classmethod
    def keys(cls) -> list[str]:
        """The names of the settings as they stand in files."""
        return [field.alias or name for name, field in cls.model_fields.items()]

    def absolute(self) -> Self:
        """The same settings with absolute paths, so that a saved configuration means the same in any folder."""
        return self

    def saved(self) -> dict[str, Any]:
        """The settings for the file and the manifest: all on which the results depend."""
        unset = {name for name in self.later if getattr(self, name) == type(self).model_fields[name].default}
        return self.model_dump(mode="json", exclude={*self.unsaved, "tracker", *unset}, by_alias=True)

    def plugin_files(self) -> list[Path]:
        """The source files of its plugins, which decide what comes out as other inputs do."""
        return plugin_files(self.plugins)

    def save(self, folder: Path) -> Path:
        """Write `CONFIG_FILE`, which ``--config`` and ``spikedtp repeat`` read."""
        text = yaml.safe_dump({"command": self.command, **self.saved()}, sort_keys=False, allow_unicode=True)
        path = folder / CONFIG_FILE
        path.write_text(text, encoding="utf-8", newline="\n")
        return path


_NOT_TEXT = re.compile("[\0\ud800-\udfff]")


def _check_text(settings: Mapping[str, Any], where: str | Mapping[str, str]) -> None:
    """Refuse what no file name and no saved configuration can hold, before anything is run."""
    from spikedtp.circuit.fields import values_in

    for key, value in settings.items():
        for text in values_in([key, value]):
            if isinstance(text, str) and _NOT_TEXT.search(text):
                at = where if isinstance(where, str) else where.get(key, "")
                raise SpikedtpError(f"{at or key}: {shown(text)} holds a character that a text file cannot hold")


def flag(name: str) -> str:
    """A setting's name as an option, without the dashes in front."""
    return name.replace("_", "-")


def absolute_path(path: str) -> str:
    return str(Path(os.path.expanduser(path)).absolute())


def _keys_in(settings: Any, loc: tuple) -> list[str]:
    """The parts of a pydantic location that are keys; the others name the alternative of a type that was tried."""
    found: list[str] = []
    for part in loc:
        if isinstance(settings, Mapping):
            known = part in settings
        else:
            known = isinstance(settings, (list, tuple)) and isinstance(part, int) and part < len(settings)
        if known or not found:
            found.append(str(part))
        if known:
            settings = settings[part]
    return found
