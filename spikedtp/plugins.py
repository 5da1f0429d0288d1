"""Modules of the user's own that register rules, cells, data sets or devices: imported because the user says so.

A file never makes a module be imported, except of a package that was installed and offers a name. A configuration may
name plugins for the record, and it is refused if the user has not imported them; see `check_imported`.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path

from spikedtp.errors import SpikedtpError, in_one_line, shown

__all__ = ["VARIABLE", "check_imported", "import_plugins", "plugin_files", "plugins_asked_for"]

#: Names of plugins, separated by commas, that every command imports.
VARIABLE = "SPIKEDTP_PLUGINS"


def plugins_asked_for(given: Iterable[str] = ()) -> tuple[str, ...]:
    """The plugins of a command line and then those of the environment, each once."""
    everywhere = (part.strip() for part in os.environ.get(VARIABLE, "").split(","))
    return tuple(dict.fromkeys([*given, *(name for name in everywhere if name)]))


def import_plugins(names: Iterable[str]) -> None:
    """Import modules by name: those on Python's path, and those in the current folder.

    Raises
    ------
    SpikedtpError
        One line for a name that is no module's, or a module that cannot be imported.
    """
    for name in names:
        if name.endswith(".py") or os.sep in name:
            raise SpikedtpError(
                f"--plugin {name}: give the name of the module, as in --plugin {Path(name).stem}, in its own folder"
            )
        if not all(part.isidentifier() for part in name.split(".")):
            raise SpikedtpError(f"--plugin {shown(name)} is not the name of a Python module")
        try:
            with _current_folder():
                import_module(name)
        except (Exception, SystemExit) as problem:  # the user's own code, and it may do anything
            if isinstance(problem, ModuleNotFoundError) and problem.name and f"{name}.".startswith(f"{problem.name}."):
                raise SpikedtpError(
                    f"--plugin {name}: there is no module {problem.name} in this folder or on Python's path"
                ) from None
            raise SpikedtpError(f"--plugin {name}: cannot be imported: {in_one_line(problem)}") from problem


def check_imported(names: Iterable[str]) -> None:
    """Refuse the name of a plugin that this process has not imported."""
    for name in names:
        if name not in sys.modules:
            raise SpikedtpError(
                f"the plugin {shown(name)} has not been imported, and no file makes that happen: add --plugin {name}"
            )


def plugin_files(names: Iterable[str]) -> list[Path]:
    """The source files of imported plugins."""
    files = (getattr(sys.modules.get(name), "__file__", None) for name in names)
    return [Path(file) for file in files if file and os.path.isfile(file)]


@contextmanager
def _current_folder() -> Iterator[None]:
    """Modules of the current folder can be imported inside, if nothing else has their names."""
    folder = os.getcwd()
    sys.path.append(folder)
    try:
        yield
    finally:
        sys.path.reverse()
        sys.path.remove(folder)  # the last one
        sys.path.reverse()
