"""Where in a checkpoint the network's state dict is, and what its keys mean: wrappers and prefixes. No files here.

Training programs put a state dict beside the optimizer's state and a dozen other things, and wrappers of modules put
their own names before its keys. What is looked for are EIANN's key names. Where there are none, a mapping of nothing
but arrays counts. Where there are two networks nobody but the user can say which is meant, so they are named.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from spikedtp.errors import SpikedtpError
from spikedtp.rate.checkpoints.failures import Damaged, Unfit, shown

__all__ = ["Entries", "StateDict", "find_state_dict", "unwrapped"]

#: The key-value pairs of a place in a checkpoint, or None if it is no such place.
Entries = list[tuple[Any, Any]] | None

_MAX_DEPTH = 8
_MAX_PLACES = 10_000
_LONGEST_KEY = 1000
# Of DataParallel and DistributedDataParallel, torch.compile, FSDP, and activation checkpointing.
_WRAP = r"(?:(?:module|_orig_mod|_fsdp_wrapped_module|_checkpoint_wrapped_module)\.)*"
_OWN = re.compile(
    rf"(?P<prefix>(?:[^.]+\.)*?)(?:module_dict\.{_WRAP}(?P<projection>[^.]+)\.{_WRAP}weight"
    rf"|parameter_dict\.{_WRAP}(?P<bias>[^.]+_bias))"
)
_PLAIN_WRAP = re.compile(_WRAP)
# Entries with numbers of the weights' shapes that are no weights.
_BESIDE = re.compile(
    r"optimi[sz]er|^optim(s|_\w*)?$|momentum|exp_avg|velocity|schedul|(^|_)grad(s|ients?)?($|_)", re.IGNORECASE
)
_COUNTER = "n_averaged"  # of torch's AveragedModel, beside the module that it averages


@dataclass(frozen=True)
class StateDict:
    """The state dict of a network and where it was.

    Attributes
    ----------
    values : dict
        Keys without their prefix, and the values as they were.
    place : tuple of str
        The keys that lead to it, from the outermost on.
    prefix : str
        What stood before every key.
    beside : tuple of str
        The other entries of the outermost mapping.
    """

    values: dict[str, Any]
    place: tuple[str, ...]
    prefix: str
    beside: tuple[str, ...]


def unwrapped(weights: Mapping[Any, Any]) -> Mapping[Any, Any]:
    """The state dict in a mapping that is in memory, or the mapping itself if there is none in it.

    Raises
    ------
    SpikedtpError
        There are several.
    """
    try:
        found = find_state_dict(
            weights,
            entries=lambda value: list(value.items()) if isinstance(value, Mapping) else None,
            is_array=lambda value: hasattr(value, "shape") and hasattr(value, "dtype"),
        )
    except (Damaged, Unfit) as reason:
        raise SpikedtpError(f"weights: {reason}") from None
    return weights if found is None else found.values


def find_state_dict(root: Any, entries: Callable[[Any], Entries], is_array: Callable[[Any], bool]) -> StateDict | None:
    """The one state dict in a checkpoint, or None if there is none.

    Parameters
    ----------
    root : object
    entries : callable
        It gives the key-value pairs of a mapping, None of anything else.
    is_array : callable
        Whether a value is an array or tensor.

    Raises
    ------
    Damaged
        The mappings lie in one another without an end.
    Unfit
        There are several, or other arrays lie among the weights.
    """
    search = _Search(entries, is_array)
    search.look(root, ())
    found = search.own or search.plain
    if len(found) > 1:
        raise Unfit(_choice([(place, prefix) for place, prefix, _ in found]))
    if not found:
        if search.skipped:
            raise Unfit("holds the state of an optimizer and no weights; give the checkpoint of the network itself")
        return None
    place, prefix, values = found[0]
    outermost = entries(root) if place else None
    beside = tuple(name for key, _ in outermost or () if (name := _label(key)) != place[0])
    return StateDict(values, place, prefix, beside)


class _Search:
    """Walks through a checkpoint once and keeps what could be a state dict."""

    def __init__(self, entries: Callable[[Any], Entries], is_array: Callable[[Any], bool]):
        self.entries, self.is_array = entries, is_array
        self.own: list[tuple[tuple[str, ...], str, dict[str, Any]]] = []
        self.plain: list[tuple[tuple[str, ...], str, dict[str, Any]]] = []
        self.skipped = False
        self.seen: set[int] = set()
        self.kept: list[Any] = []  # what `seen` knows by identity must not go away

    def look(self, node: Any, place: tuple[str, ...]) -> None:
        if id(node) in self.seen:  # one state dict under two names is one
            return
        found = self.entries(node)
        if found is None:
            return
        self.seen.add(id(node))
        self.kept.append(node)
        if len(place) > _MAX_DEPTH or len(self.seen) > _MAX_PLACES:
            raise Damaged(f"its mappings lie more than {_MAX_DEPTH} deep or are more than {_MAX_PLACES}")
        keys = {key for key, _ in found if isinstance(key, str)}
        if {"state", "param_groups"} <= keys:  # an optimizer, whatever its name
            self.skipped = True
        elif any(map(_own_key, keys)):
            self.own += [(place, prefix, values) for prefix, values in _networks(found)]
        elif found and all(isinstance(key, str) and self.is_array(value) for key, value in found):
            prefix = _common_wrap(keys)
            self.plain.append((place, prefix, {key.removeprefix(prefix): value for key, value in found}))
        else:
            for key, value in found:
                if _BESIDE.search(_label(key)):
                    self.skipped |= self.entries(value) is not None
                else:
                    self.look(value, (*place, _label(key)))


def _own_key(key: Any) -> re.Match[str] | None:
    return _OWN.fullmatch(key) if isinstance(key, str) and len(key) <= _LONGEST_KEY else None


def _label(key: Any) -> str:
    """A key of any type, for messages. Places in lists are numbers."""
    if isinstance(key, str):
        return shown(str(key))
    return f"[{key}]" if type(key) is int and 0 <= key < 2**32 else shown(key)


def _networks(found: list[tuple[Any, Any]]) -> list[tuple[str, dict[str, Any]]]:
    """The networks in one state dict, by the prefixes of their keys."""
    networks: dict[str, dict[str, Any]] = {}
    others = []
    for key, value in found:
        match = _own_key(key)
        if match is None:
            others.append((key, value))
            continue
        own = f"module_dict.{match['projection']}.weight" if match["projection"] else f"parameter_dict.{match['bias']}"
        if networks.setdefault(match["prefix"], {}).setdefault(own, value) is not value:
            raise Unfit(f"holds {shown(own)} twice, with and without the names of wrappers in its key")
    for key, value in others:
        if not isinstance(key, str):
            raise Unfit(f"its entry {shown(key)} is no tensor under a name; give the state dict alone")
        home = next((prefix for prefix in sorted(networks, key=len, reverse=True) if key.startswith(prefix)), None)
        if home is not None:
            networks[home][key.removeprefix(home)] = value
        elif key != _COUNTER:
            first = shown(next(iter(networks)))
            raise Unfit(
                f"holds {shown(key)} beside the network, whose keys begin with {first}; give the network's alone: "
                f"{{k: v for k, v in state.items() if k.startswith({first!r})}}"
            )
    return list(networks.items())


def _common_wrap(keys: set[str]) -> str:
    """What wrappers alone put before every key."""
    wraps = {match.group() for key in keys if (match := _PLAIN_WRAP.match(key))}
    return wraps.pop() if len(wraps) == 1 else ""


def _choice(found: list[tuple[tuple[str, ...], str]]) -> str:
    names = ["/".join(place) or prefix or "the outermost mapping" for place, prefix in found]
    if len(set(names)) < len(names):  # two networks at one place
        names = [f"{'/'.join(place)} {prefix}".strip() for place, prefix in found]
    listed = ", ".join(map(repr, names[:4])) + (" and more" if len(names) > 4 else "")
    place, prefix = found[-1]
    one = "torch.load(FILE)" + "".join(label if label.startswith("[") else f"[{label!r}]" for label in place)
    if names[-1].endswith(prefix) and prefix:
        one = f"{{k: v for k, v in {one}.items() if k.startswith({prefix!r})}}"
    return f"holds the weights of {len(found)} networks, {listed}; give one of them, such as {one}, as weights"
