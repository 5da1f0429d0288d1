"""Things by name: those that ship, those that a script registers, and those that installed packages offer.

A package offers something with an entry point (docs/extending.md). Nothing of it is imported before somebody asks for
its name: lists of names are made without. What the names stand for lives elsewhere.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import MISSING, fields, is_dataclass
from functools import lru_cache
from importlib import import_module
from importlib.metadata import EntryPoint, distributions
from typing import Any, TypeVar

from spikedtp.errors import SpikedtpError, in_one_line, known_names, shown

__all__ = ["Registry", "check_declared", "maker", "offered", "providers"]

Thing = TypeVar("Thing")

_registered: dict[str, dict[str, Any]] = {}  # by group: of this process
_providers: dict[str, str] = {}


class Registry(Mapping[str, Thing]):
    """A mapping from names to things of one kind.

    Its names are, in this order, those that ship, those that were registered in this process, and those that installed
    packages offer. An earlier one wins: no package changes what a name of spikedtp means.

    Parameters
    ----------
    kind : str
        What the things are, for messages.
    group : str
        The group of entry points of packages that offer more of them.
    known : mapping
        Those that ship.
    check : callable
        ``check(name, thing)`` raises a `SpikedtpError` for what is none of them.

    Examples
    --------
    >>> shapes = Registry("shape", "doctest.shapes", {"square": 4}, check=lambda name, n: None)
    >>> shapes.register("triangle", 3)
    3
    >>> shapes["triangle"], list(shapes)
    (3, ['square', 'triangle'])
    >>> shapes.register("square", 5)
    Traceback (most recent call last):
        ...
    spikedtp.errors.SpikedtpError: the shape 'square' exists already: choose another name
    """

    def __init__(self, kind: str, group: str, known: Mapping[str, Thing], *, check: Callable[[str, Any], None]) -> None:
        self.kind, self.group = kind, group
        self._known, self._check = dict(known), check
        self._more: dict[str, Thing] = _registered.setdefault(group, {})

    def register(self, name: str, thing: Thing) -> Thing:
        """Add `thing` and give it back; the same thing again is fine, and so is a class or function defined anew.

        Raises
        ------
        SpikedtpError
            A name that is no word, or that stands for something else; a thing of another kind.
        """
        if not isinstance(name, str) or not name.isprintable() or not name.strip() or ":" in name:
            raise SpikedtpError(f"the name of a {self.kind} must be a word without a colon, got {shown(name)}")
        there = self._known.get(name, self._more.get(name, thing))
        if there != thing and (name in self._known or not _defined_anew(there, thing)):
            raise SpikedtpError(f"the {self.kind} {shown(name)} exists already: choose another name")
        self._check(name, thing)
        if name not in self._known:
            self._more[name] = thing
        return thing

    def named(self, name: object) -> Thing:
        """The thing of this name, or an error that lists the names that would have been right."""
        if isinstance(name, str) and name in self:
            return self[name]
        raise known_names(self.kind, name, self)

    def shipped(self) -> list[str]:
        """The names that are spikedtp's own."""
        return list(self._known)

    def loaded(self) -> dict[str, Thing]:
        """Everything that needs no import: what ships and what was registered or asked for before."""
        return {**self._known, **self._more}

    # --- a mapping ----------------------------------------------------------------------------------------------------

    def __getitem__(self, name: str) -> Thing:
        if name in self._known:
            return self._known[name]
        if name not in self._more:
            offers = _offers(self.group).get(name)
            if not offers:
                raise KeyError(name)
            self._more[name] = self._load(name, offers)
        return self._more[name]

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and (name in self._known or name in self._more or name in _offers(self.group))

    def __iter__(self) -> Iterator[str]:
        return iter({**self._known, **self._more, **_offers(self.group)})

    def __len__(self) -> int:
        return len(list(iter(self)))

    def __repr__(self) -> str:
        return f"<Registry of {len(self)} {self.group}: {', '.join(self)}>"

    def _load(self, name: str, offers: list[EntryPoint]) -> Thing:
        """Import what a package offers under this name."""
        if len({offer.value for offer in offers}) > 1:
            raise SpikedtpError(
                f"the {self.kind} {name!r} is offered by {' and '.join(map(_package, offers))}: uninstall one of them"
            )
        offer = offers[0]
        told = f"the {self.kind} {name!r} of the package {_package(offer)}"
        try:
            thing = offer.load()
        except (Exception, SystemExit) as problem:  # somebody else's code, and it may do anything
            raise SpikedtpError(
                f"{told} ({offer.value}) cannot be imported: {in_one_line(problem)}; repair or uninstall that package"
            ) from problem
        try:
            self._check(name, thing)
        except SpikedtpError as problem:
            raise SpikedtpError(f"{told} ({offer.value}) cannot be used: {problem}") from None
        if offer.dist is not None:
            _providers[offer.dist.name] = offer.dist.version
        return thing


def _defined_anew(old: Any, new: Any) -> bool:
    """Whether both come from one place, as when a cell of a notebook is run again."""
    places = [(getattr(thing, "__module__", None), getattr(thing, "__qualname__", None)) for thing in (old, new)]
    return places[0] == places[1] and None not in places[0]


def offered(group: str) -> list[str]:
    """The names that this process has registered or that installed packages offer in a group; none that ship.

    For those who check a name before the registry itself is imported.
    """
    return list({**_registered.get(group, {}), **_offers(group)})


def _offers(group: str) -> dict[str, list[EntryPoint]]:
    """What installed packages offer, by name; nothing is imported.

    The folder in which Python was started is on its path without anybody's doing: what lies there is not installed.
    """
    here = [k == 0 and os.path.realpath(entry) == os.path.realpath(os.curdir) for k, entry in enumerate(sys.path)]
    return _offers_on(group, tuple(entry for entry, own in zip(sys.path, here, strict=True) if entry and not own))


def providers() -> dict[str, str]:
    """Versions of the packages of which something was used, by name."""
    return dict(_providers)


@lru_cache(maxsize=32)
def _offers_on(group: str, path: tuple[str, ...]) -> dict[str, list[EntryPoint]]:
    found: dict[str, list[EntryPoint]] = {}
    known: set[str] = set()
    offers: list[EntryPoint] = []
    for package in distributions(path=list(path)):
        if package.name not in known:  # the first on the path hides others of its name
            known.add(package.name)
            offers += package.entry_points.select(group=group)
    for offer in sorted(offers, key=lambda offer: (offer.name, offer.value)):
        found.setdefault(offer.name, []).append(offer)
    return found


def _package(offer: EntryPoint) -> str:
    return repr(offer.dist.name) if offer.dist is not None else offer.value


def maker(what: str) -> Callable[..., Any]:
    """Who makes something on behalf of a layer that may not import its maker.

    ``spikedtp.MAKERS`` says who that is: the face of the package is the one place that knows all layers.
    """
    module, _, name = sys.modules[__name__.partition(".")[0]].MAKERS[what].partition(":")
    made: Callable[..., Any] = getattr(import_module(module), name)
    return made


def check_declared(thing: Any, base: type, *, defaults: bool = False) -> None:
    """Refuse what is not a subclass of `base`, decorated as a frozen dataclass, whose fields are all its own.

    Parameters
    ----------
    thing : object
    base : type
    defaults : bool
        Whether every field needs a default.

    Raises
    ------
    SpikedtpError
        One line that names the class, and the decorator or the field.
    """
    if not isinstance(thing, type) or not issubclass(thing, base):
        what = thing.__name__ if isinstance(thing, type) else shown(thing)
        raise SpikedtpError(f"{what} must be a subclass of {base.__module__.rpartition('.')[0]}.{base.__name__}")
    if not is_dataclass(thing) or not thing.__dataclass_params__.frozen:  # type: ignore[attr-defined]
        raise SpikedtpError(f"{thing.__name__} must be frozen: write @dataclass(frozen=True) above the class")
    names = {field.name for field in fields(thing)}
    for name, annotation in vars(thing).get("__annotations__", {}).items():
        if name not in names and "ClassVar" not in str(annotation):
            raise SpikedtpError(
                f"{thing.__name__}.{name} is no field: write @dataclass(frozen=True) above the class, or make it a "
                "ClassVar"
            )
    for field in fields(thing):
        if defaults and field.default is field.default_factory is MISSING:
            raise SpikedtpError(f"{thing.__name__}.{field.name} has no default: give it one, as in parameter(20 * ms)")
