"""Commands made from configurations: one option for every setting, `--config`, `--set`, and their precedence."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Annotated, Any, Literal, cast, get_args, get_origin

import typer
from pydantic.fields import FieldInfo

from spikedtp.configuration import Configuration, flag, read_settings, set_key
from spikedtp.errors import SpikedtpError
from spikedtp.plugins import import_plugins, plugins_asked_for

__all__ = ["Plugins", "command_for", "device_for", "with_plugins"]

#: The option of every command that may meet the user's own rules, cells, data sets or devices.
Plugins = Annotated[
    list[str] | None,
    typer.Option(
        "--plugin",
        metavar="MODULE",
        help="A module of your own that registers rules, cells, data sets or devices; repeat for more.",
        show_default=False,
    ),
]


Trackers = Annotated[
    list[str] | None,
    typer.Option(
        "--tracker",
        metavar="NAME",
        help="A function of a plugin that is told of every finished run; repeat for more.",
        show_default=False,
    ),
]


def with_plugins(given: list[str] | None) -> tuple[str, ...]:
    """Import the plugins that the command line and the environment name; all of their names."""
    names = plugins_asked_for(given or ())
    import_plugins(names)
    return names


def command_for(model: type[Configuration], run: Callable[[Any], int | None]) -> Callable[..., int | None]:
    """A typer command with an option for every setting of `model`; `run` gets the checked configuration.

    The command line wins over ``--config``, which wins over the defaults. The help is the docstring of `run`.
    """

    def command(**given: Any) -> int | None:
        return run(_configuration(model, given))

    command.__doc__ = run.__doc__
    parameters = [_option(name, field) for name, field in model.model_fields.items() if not _nested(field)]
    mappings = [field.alias or name for name, field in model.model_fields.items() if _nested(field)]
    for own in ("plugins", "tracker"):  # which have options of their own
        mappings.remove(own)
    if mappings:
        parameters.append(_set_option(model, mappings))
    parameters += [_parameter("plugin", Plugins), _parameter("tracker", Trackers)]
    parameters.append(_parameter("config", Annotated[str | None, _CONFIG]))
    cast(Any, command).__signature__ = inspect.Signature(parameters)
    command.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return command


def device_for(asked: str | None) -> str:
    """The device that was asked for, or else C++ if it can be compiled here."""
    from spikedtp.spiking.engine import devices

    if asked is None and not devices.compiler_available():
        typer.echo("no C++ compiler found: running on the slower runtime device", err=True)
    return asked or devices.default_device()


_CONFIG = typer.Option(
    "--config",
    metavar="YAML",
    help="A whole run's settings, such as the config.yaml of a result; options on the command line win.",
)


def _configuration(model: type[Configuration], given: dict[str, Any]) -> Configuration:
    path, assignments, plugins = given.pop("config"), given.pop("set", None), with_plugins(given.pop("plugin", None))
    settings = read_settings(path, model.command) if path else {}
    where = {key: f"--config {path}" for key in settings}
    chosen = {name: value for name, value in given.items() if value is not None}
    settings |= chosen
    where |= {name: f"--{flag(name)}" for name in chosen}
    for text in assignments or ():
        name, equals, value = (part.strip() for part in text.partition("="))
        if not equals or not name or not value:
            raise SpikedtpError(f"--set {text}: expected NAME=VALUE, such as {model.set_example}")
        key = f"{model.set_into}.{name}" if model.set_into else name
        set_key(settings, key, _value(text, value))
        where[key.partition(".")[0]] = f"--set {text}"
    named = settings.get("plugins", [])
    if plugins and isinstance(named, list):
        settings["plugins"] = [*plugins, *(name for name in named if name not in plugins)]
    return model.of(settings, where)


def _choices(field: FieldInfo) -> list[str]:
    kinds = (field.annotation, *get_args(field.annotation))
    return [word for kind in kinds if get_origin(kind) is Literal for word in get_args(kind)]


def _metavar(field: FieldInfo) -> str | None:
    if choices := _choices(field):
        return f"[{'|'.join(choices)}]"
    metavar = field.json_schema_extra.get("metavar") if isinstance(field.json_schema_extra, dict) else None
    return None if metavar is None else str(metavar)


def _names(name: str, field: FieldInfo) -> list[str]:
    """An option's names: the short one first, if it has one."""
    also = field.json_schema_extra.get("also") if isinstance(field.json_schema_extra, dict) else None
    return [f"--{word}" for word in (also, flag(name)) if word]


def _nested(field: FieldInfo) -> bool:
    """Whether a setting takes more than one word. A mapping or a list has no option of its own."""
    return _metavar(field) is None and field.annotation is not bool


def _option(name: str, field: FieldInfo) -> inspect.Parameter:
    """Every option is text or a switch, and absent unless given. The configuration checks types and limits."""
    help = field.description or ""
    kind: Any
    if field.annotation is bool:
        kind, option = bool | None, typer.Option(f"--{flag(name)}/--no-{flag(name)}", help=help, show_default=False)
    else:
        if field.is_required():
            help += "  [required]"
        elif field.default is not None:
            help += f"  [default: {field.default}]"
        complete = _completion(name, _choices(field))
        kind, option = (
            str | None,
            typer.Option(
                *_names(name, field), metavar=_metavar(field), help=help, show_default=False, autocompletion=complete
            ),
        )
    return _parameter(name, Annotated[kind, option])


def _parameter(name: str, annotation: Any) -> inspect.Parameter:
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=annotation)


def _completion(name: str, choices: list[str]) -> Callable[[str], list[str]] | None:
    """The words that a shell offers: those of a choice, or the shipped circuits. With None it offers files."""
    if name == "circuit":
        choices = _shipped_circuits()
    return (lambda incomplete: [word for word in choices if word.startswith(incomplete)]) if choices else None


def _shipped_circuits() -> list[str]:
    """Without importing what reads them: a shell waits for this."""
    from spikedtp import models

    return sorted(path.stem for path in models.FOLDER.glob("*.yaml"))


def _set_option(model: type[Configuration], mappings: list[str]) -> inspect.Parameter:
    what = "Parameter" if model.set_into else f"Any key, nested ones too ({', '.join(mappings)})"
    option = typer.Option(
        "--set", metavar="NAME=VALUE", help=f"{what}, e.g. {model.set_example}; repeat for more.", show_default=False
    )
    return _parameter("set", Annotated[list[str] | None, option])


def _value(text: str, value: str) -> Any:
    """A value as YAML reads it: numbers, true, [lists], {mappings: too}, words."""
    from spikedtp.circuit.fields import plain_yaml

    return plain_yaml(value, f"--set {text}")
