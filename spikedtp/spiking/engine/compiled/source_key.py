"""Tells whether two networks have the same generated source, without generating it.

A network is `partial(build, spec)`. Its source is made from a blank of `spec`, in which every array keeps its shape and
type and loses its values, so it cannot depend on them. The blank, the code of this package, the versions of what
generates code, its preferences and the compiler are then all that determines the source, and their hash names it. Of a
cell or a rule from elsewhere, what it declares and its own code are part of it.
Where that cannot be told there is no name, and the source is generated: with other objects from elsewhere, or package
files that have changed since they were imported.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, fields, is_dataclass
from functools import lru_cache, partial
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path
from types import CodeType, FunctionType
from typing import Any

import brian2
import numpy as np
from brian2 import Equations
from brian2.units.fundamentalunits import Quantity

from spikedtp.spiking.engine.built_network import BuiltNetwork
from spikedtp.spiking.engine.compiled.compiler import compiler_identity
from spikedtp.spiking.engine.layout import Layout

__all__ = ["Blueprint", "blueprint_of"]

PACKAGE = Path(__file__).parents[3]
#: Files that changed later may not be what was imported. Importing takes some seconds.
LOADED = time.time() - 10
VERSIONS = tuple(version(package) for package in ("brian2", "numpy", "sympy", "jinja2"))
BLANKS = {"f": np.nan, "i": -1, "u": 0, "b": True}
#: What Python 3.13 notes of every class; its methods hold all that matters.
OF_PYTHON = ("__firstlineno__", "__static_attributes__")


@dataclass(frozen=True)
class Blueprint:
    """A network without its values.

    Attributes
    ----------
    build : callable
        Builds it on the active device, with blanks for values.
    digest : str
        Of all that determines its source.
    """

    build: Callable[[], BuiltNetwork]
    digest: str

    def key(self, layout: Layout) -> str:
        """The name of its source, given what the runner asks of it."""
        return sha256(f"{self.digest} {layout}".encode()).hexdigest()[:32]


def blueprint_of(build: Callable[[], BuiltNetwork]) -> Blueprint | None:
    """What names the source of a network, or None where nothing does."""
    code = _package_code()
    if code is None or not isinstance(build, partial):
        return None
    parts = [code, *_surroundings()]
    try:
        blank = _blank((build.func, build.args, build.keywords), parts)
    except _Foreign:
        return None
    function, arguments, keywords = blank
    return Blueprint(partial(function, *arguments, **keywords), sha256("\n".join(parts).encode()).hexdigest())


class _Foreign(Exception):
    """A value that does not say what it means for the source."""


def _blank(value: Any, parts: list[str]) -> Any:
    """The value without its arrays' values; what is left of it is added to `parts`."""
    kind = type(value)
    if kind is Quantity and value.ndim == 0:
        parts.append(f"{float(value)!r} {value.dim!r}")
        return value
    if kind is np.ndarray and value.ndim and value.dtype.kind in BLANKS:
        parts.append(f"array {value.shape} {value.dtype}")
        return np.broadcast_to(np.array(BLANKS[value.dtype.kind], dtype=value.dtype), value.shape)
    if value is None or kind in (bool, int, float, str) or isinstance(value, np.generic):
        parts.append(f"{kind.__name__} {value!r}")
        return value
    if kind in (tuple, list):
        parts.append(f"{kind.__name__} {len(value)}")
        return kind(_blank(item, parts) for item in value)
    if isinstance(value, tuple) and _is_ours(kind):  # a NamedTuple
        parts.append(f"{kind.__module__}.{kind.__qualname__}")
        return kind(*(_blank(item, parts) for item in value))
    if kind is dict:
        parts.append(f"dict {len(value)}")
        return {_blank(name, parts): _blank(item, parts) for name, item in value.items()}
    if kind is FunctionType and _is_ours(value):
        parts.append(f"function {value.__module__}.{value.__qualname__}")
        return value
    if kind is Equations:
        for e in value.values():  # printed equations do not tell whole numbers from others
            parts.append(f"{e.type} {e.varname} {e.expr} {e.dim!r} {e.var_type} {sorted(e.flags)}")
        return value
    declares = getattr(value, "declares", None)
    if is_dataclass(value) and (_is_ours(kind) or declares):
        parts.append(f"{kind.__module__}.{kind.__qualname__}")
        blank = object.__new__(kind)
        for field in fields(value):
            parts.append(field.name)
            object.__setattr__(blank, field.name, _blank(getattr(value, field.name), parts))
        if declares and not _is_ours(kind):
            parts += [*_code_of(kind), *_declared(value, blank)]
        return blank
    raise _Foreign


def _declared(value: Any, blank: Any) -> list[str]:
    """What an object from elsewhere declares, if its blank declares the same: else its source depends on its values."""
    found: tuple[list[str], list[str]] = ([], [])
    for one, parts in zip((value, blank), found, strict=True):
        try:
            _blank(one.declares(), parts)
        except Exception:  # somebody else's code, which may need what the blank lacks
            raise _Foreign from None
    if found[0] != found[1]:
        raise _Foreign
    return found[0]


def _is_ours(thing: Any) -> bool:
    """Whether a function or class is found by its name in this package."""
    module = sys.modules.get(thing.__module__)
    return thing.__module__.startswith("spikedtp.") and getattr(module, thing.__qualname__, None) is thing


def _code_of(kind: type) -> list[str]:
    """What a class outside this package does, as it was loaded: its methods and plain values, and those of its bases.

    What they take from elsewhere (constants and functions of their modules) shows in what the object declares.
    """
    parts = []
    for base in kind.__mro__:
        if _is_ours(base) or base is object:
            continue
        parts.append(f"class {base.__module__}.{base.__qualname__}")
        for name, member in sorted(vars(base).items()):
            if name in OF_PYTHON:
                continue
            wrapped = (getattr(member, of, None) for of in ("fget", "func", "__func__"))  # properties, class methods
            function = next(filter(None, wrapped), member)
            if isinstance(function, FunctionType):
                parts.append(f"{name} {_instructions(function.__code__)}")
            elif isinstance(member, (bool, int, float, str, tuple)):
                parts.append(f"{name} {member!r}")
    return parts


def _instructions(code: CodeType) -> tuple:
    """Byte code with its names and constants, without where it was written."""
    constants = (_instructions(c) if isinstance(c, CodeType) else _plain(c) for c in code.co_consts)
    return code.co_code, code.co_names, code.co_varnames, code.co_freevars, tuple(constants)


def _plain(constant: object) -> str:
    return repr(sorted(map(repr, constant))) if isinstance(constant, frozenset) else repr(constant)


def _surroundings() -> tuple[str, ...]:
    return (sys.version, *VERSIONS, brian2.__file__, brian2.prefs.as_file, compiler_identity())


def _package_code() -> str | None:
    """Hash of this package's files, or None if one is newer than what was imported."""
    files = sorted(path for path in PACKAGE.rglob("*") if path.is_file() and path.suffix != ".pyc")
    states = [path.stat() for path in files]
    if max(state.st_ctime for state in states) > LOADED:
        return None
    return _hash(tuple((path, state.st_ctime_ns) for path, state in zip(files, states, strict=True)))


@lru_cache(maxsize=1)
def _hash(files: tuple[tuple[Path, int], ...]) -> str:
    digest = sha256()
    for path, _ in files:
        digest.update(f"{path.relative_to(PACKAGE)} {path.stat().st_size} ".encode() + path.read_bytes())
    return digest.hexdigest()
