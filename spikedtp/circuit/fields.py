"""Reading one YAML file's values: a safe loader and checks that name file, key path and what is allowed there."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import yaml

from spikedtp.errors import SpikedtpError, shown

__all__ = ["MAX_CHARACTERS", "Fields", "load_yaml", "plain_yaml", "values_in"]

MAX_CHARACTERS = 2**18
MAX_VALUES = 100_000  # in one file, keys too, aliases followed
Rule = TypeVar("Rule")
Part = TypeVar("Part")
PLAIN = (dict, list, tuple, str, int, float, type(None))


class _Loader(yaml.SafeLoader):
    """Plain data plus Python tuples, no key twice in one mapping, no merge keys (which multiply)."""


def _tuple(loader: _Loader, node: yaml.Node) -> tuple:
    return tuple(loader.construct_sequence(node, deep=True))


def _mapping(loader: _Loader, node: yaml.MappingNode) -> dict:
    found: dict[Any, Any] = {}
    for key_node, value in node.value:
        if not isinstance(key_node, yaml.ScalarNode):
            raise yaml.constructor.ConstructorError(None, None, "a key must be a plain word", node.start_mark)
        key = loader.construct_object(key_node)
        if key in found:
            raise yaml.constructor.ConstructorError(
                None, None, f"the key {shown(key)} stands here twice", node.start_mark
            )
        found[key] = loader.construct_object(value, deep=True)
    return found


def _integer(loader: _Loader, node: yaml.Node) -> int:
    value = loader.construct_yaml_int(node)
    if abs(value) >= 2**63:
        raise yaml.constructor.ConstructorError(None, None, "an integer has more than 64 bits", node.start_mark)
    return value


_Loader.add_constructor("tag:yaml.org,2002:int", _integer)
_Loader.add_constructor("tag:yaml.org,2002:python/tuple", _tuple)
_Loader.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, _mapping)


def load_yaml(path: Path) -> Any:
    """The file's plain data; `SpikedtpError` with the line if it is not YAML, or too large to be one of ours."""
    try:
        with open(path, encoding="utf-8") as file:
            text = file.read(MAX_CHARACTERS + 1)
    except OSError as error:
        raise SpikedtpError(f"{path}: cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise SpikedtpError(f"{path}: is not a YAML text file") from None
    except ValueError:  # a path that no file can have
        raise SpikedtpError(f"{path}: there is no such file") from None
    return plain_yaml(text, str(path))


def plain_yaml(text: str, where: str) -> Any:
    """The plain data in a text; a mistake in it is told with `where`, the file or the option."""
    if len(text) > MAX_CHARACTERS:
        raise SpikedtpError(f"{where}: has more than {MAX_CHARACTERS} characters")
    try:
        found = yaml.load(text, _Loader)
    except RecursionError:
        raise SpikedtpError(f"{where}: is nested too deeply") from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f"line {mark.line + 1}: " if mark else ""
        raise SpikedtpError(f"{where}: {line}{getattr(error, 'problem', None) or 'is not YAML'}") from None
    except Exception as error:  # PyYAML's own for a value that its tag does not fit, such as 2001-99-99
        raise SpikedtpError(f"{where}: holds a value that cannot be read ({error})") from None
    for n, value in enumerate(values_in(found)):
        if n >= MAX_VALUES:
            raise SpikedtpError(f"{where}: holds more than {MAX_VALUES} values")
        if not isinstance(value, PLAIN):
            raise SpikedtpError(f"{where}: holds a {type(value).__name__}: write it as a word, number, list or mapping")
    return found


def values_in(value: Any) -> Iterator[Any]:
    """Everything inside, keys too, aliases followed."""
    waiting = [value]
    while waiting:
        value = waiting.pop()
        yield value
        if isinstance(value, (list, tuple)):
            waiting.extend(value)
        elif isinstance(value, dict):
            waiting.extend(value)
            waiting.extend(value.values())


class Fields:
    """One file; `at` says where in it a mistake is."""

    def __init__(self, path: Path):
        self.path = path

    def fail(self, at: str, message: str) -> SpikedtpError:
        return SpikedtpError(f"{self.path}: {at}: {message}" if at else f"{self.path}: {message}")

    def mapping(self, value: Any, at: str, allowed: tuple[str, ...] | None = None) -> dict:
        if value is None:
            return {}
        if not isinstance(value, dict):
            raise self.fail(at, f"must be a mapping, got {shown(value)}")
        for key in value:
            if not isinstance(key, str):
                raise self.fail(at, f"keys must be words, got {shown(key)}")
            if allowed is not None and key not in allowed:
                raise self.fail(at, f"unknown key {shown(key)}: allowed are {', '.join(allowed)}")
        return value

    def made(self, make: Callable[..., Part], at: str, keys: dict[str, str] | None = None, **values: Any) -> Part:
        """A part of a circuit; what it refuses is told with the key of the file, under `at`."""
        try:
            return make(**values)
        except SpikedtpError as error:
            field = getattr(error, "field", None)
            if field is None:
                raise self.fail(at, str(error)) from None
            raise self.fail(f"{at}.{(keys or {}).get(field, field)}".lstrip("."), error.problem) from None  # type: ignore[attr-defined]

    def declared(self, make: Callable[..., Rule], name: Any, at: str, kwargs: dict, default_rate: float | None) -> Rule:
        """A rule, with the file's default learning rate where it has none of its own."""
        if not isinstance(name, str):
            raise self.fail(at, f"must be the name of a learning rule or null, got {shown(name)}")
        if kwargs.get("learning_rate") is None:
            if default_rate is None:
                raise self.fail(f"{at}_kwargs", "needs learning_rate, or training_kwargs.learning_rate for all rules")
            kwargs = {**kwargs, "learning_rate": default_rate}
        try:
            return make(name, **kwargs)
        except SpikedtpError as error:
            raise self.fail(at, str(error)) from None
