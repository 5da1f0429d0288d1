"""Reading one YAML file's values: a safe loader and checks that name file, key path and what is allowed there."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import yaml

from spikedtp.errors import SpikedtpError
from spikedtp.plasticity.constraints import Bounds

__all__ = ["Fields", "load_yaml"]

MAX_CHARACTERS = 2**20


class _Loader(yaml.SafeLoader):
    """Plain data plus Python tuples, and no key twice in one mapping."""


def _tuple(loader: _Loader, node: yaml.Node) -> tuple:
    return tuple(loader.construct_sequence(node, deep=True))


def _mapping(loader: _Loader, node: yaml.MappingNode) -> dict:
    loader.flatten_mapping(node)
    keys = [loader.construct_object(key, deep=True) for key, _ in node.value]
    for key in keys:
        if isinstance(key, (dict, list)):
            raise yaml.constructor.ConstructorError(None, None, "a key must be a plain word", node.start_mark)
        if keys.count(key) > 1:
            raise yaml.constructor.ConstructorError(None, None, f"the key {key!r} stands here twice", node.start_mark)
    return {key: loader.construct_object(value, deep=True) for key, (_, value) in zip(keys, node.value, strict=True)}


_Loader.add_constructor("tag:yaml.org,2002:python/tuple", _tuple)
_Loader.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, _mapping)


def load_yaml(path: Path) -> Any:
    """The file's plain data; `SpikedtpError` with the line if it is not YAML, or too large to be one of ours."""
    try:
        with open(path, encoding="utf-8") as file:
            text = file.read(MAX_CHARACTERS + 1)
        if len(text) > MAX_CHARACTERS:
            raise SpikedtpError(f"{path}: has more than {MAX_CHARACTERS} characters")
        return yaml.load(text, _Loader)
    except RecursionError:
        raise SpikedtpError(f"{path}: is nested too deeply") from None
    except OSError as error:
        raise SpikedtpError(f"{path}: cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise SpikedtpError(f"{path}: is not a YAML text file") from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"line {mark.line + 1}: " if mark else ""
        raise SpikedtpError(f"{path}: {where}{getattr(error, 'problem', None) or 'is not YAML'}") from None


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
            raise self.fail(at, f"must be a mapping, got {value!r}")
        for key in value:
            if not isinstance(key, str):
                raise self.fail(at, f"keys must be words, got {key!r}")
            if allowed is not None and key not in allowed:
                raise self.fail(at, f"unknown key {key!r}: allowed are {', '.join(allowed)}")
        return value

    def choice(self, value: Any, at: str, allowed: dict) -> str:
        if isinstance(value, (dict, list)) or value not in allowed:
            raise self.fail(at, f"must be one of {', '.join(str(a) for a in allowed)}, got {value!r}")
        return allowed[value]

    def number(self, value: Any, at: str, *, above: float | None = None) -> float:
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
            raise self.fail(at, f"must be a finite number, got {value!r}")
        if above is not None and value <= above:
            raise self.fail(at, f"must be above {above:g}, got {value!r}")
        return value

    def whole(self, value: Any, at: str, low: int) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or value < low:
            raise self.fail(at, f"must be a whole number of at least {low}, got {value!r}")
        return value

    def numbers(self, value: Any, at: str) -> tuple[float, ...]:
        if value is None:
            return ()
        if not isinstance(value, (tuple, list)):
            raise self.fail(at, f"must be a list of numbers, got {value!r}")
        return tuple(self.number(item, at) for item in value)

    def bounds(self, value: Any, at: str) -> Bounds:
        if value is None:
            return Bounds()
        if not isinstance(value, (tuple, list)) or len(value) != 2:
            raise self.fail(at, f"must be two numbers or nulls (lower, upper), got {value!r}")
        lower, upper = (None if item is None else self.number(item, at) for item in value)
        if lower is not None and upper is not None and lower > upper:
            raise self.fail(at, f"the lower bound {lower:g} is above the upper bound {upper:g}")
        return Bounds(lower, upper)

    def declared(self, make, name: Any, at: str, kwargs: dict, default_rate: float | None):
        """A rule, with the file's default learning rate where it has none of its own."""
        if not isinstance(name, str):
            raise self.fail(at, f"must be the name of a learning rule or null, got {name!r}")
        if kwargs.get("learning_rate") is None:
            if default_rate is None:
                raise self.fail(f"{at}_kwargs", "needs learning_rate, or training_kwargs.learning_rate for all rules")
            kwargs = {**kwargs, "learning_rate": default_rate}
        try:
            return make(name, **kwargs)
        except SpikedtpError as error:
            raise self.fail(at, str(error)) from None
