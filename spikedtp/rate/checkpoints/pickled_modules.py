"""Modules of torch in a pickle or TorchScript archive: what their ``state_dict()`` would give, without the modules."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

from spikedtp.rate.checkpoints.failures import Damaged, Unfit, shown
from spikedtp.rate.checkpoints.pickled_names import Obj, Pairs
from spikedtp.rate.checkpoints.tensors import StoredTensor

__all__ = ["is_module", "state_of"]

_PARTS = ("module_dict", "parameter_dict")  # of an EIANN network: its weights and biases
_MAX_DEPTH = 16  # of modules inside modules
_MAX_MODULES = 10_000


def is_module(value: Any) -> bool:
    """Whether a value from a file is a module."""
    return isinstance(value, Obj) and (_is_script(value) or isinstance(value.attributes().get("_modules"), Pairs))


def state_of(module: Obj) -> dict[str, StoredTensor]:
    """The tensors of a module under the names of its state dict; of an EIANN network weights and biases alone.

    Raises
    ------
    Damaged
        The modules lie in one another without an end, or hold something else than tensors.
    Unfit
        An EIANN network without weights.
    """
    found: dict[str, StoredTensor] = {}
    if module.maker.startswith("EIANN."):
        modules = _members(module, "_modules")
        for part in _PARTS:
            if part not in modules:
                raise Unfit(f"the pickled network has no {part}; save its state dict with torch.save instead")
    _collect(module, "", found, _MAX_DEPTH, itertools.count())
    return found


def _collect(module: Any, prefix: str, found: dict[str, StoredTensor], depth: int, met: Iterator[int]) -> None:
    if not depth:
        raise Damaged(f"modules lie too deep inside {shown(prefix)}")
    if next(met) >= _MAX_MODULES:  # a file of some kilobytes can name one module a million times
        raise Damaged(f"more than {_MAX_MODULES} modules")
    tensors, modules = _parts_of(module, prefix)
    if all(part in modules for part in _PARTS):
        tensors, modules = {}, {part: modules[part] for part in _PARTS}
    for name, tensor in tensors.items():
        if isinstance(tensor, StoredTensor):
            found[f"{prefix}{name}"] = tensor
        elif tensor is not None:
            raise Damaged(f"{shown(prefix)}{shown(name)} is no tensor")
    for name, child in modules.items():
        _collect(child, f"{prefix}{name}.", found, depth - 1, met)


def _parts_of(module: Any, prefix: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Tensors and modules that lie in a module itself."""
    if isinstance(module, Obj) and _is_script(module):  # attributes of any kind side by side
        attributes = module.attributes()
        tensors = {name: value for name, value in attributes.items() if isinstance(value, StoredTensor)}
        return tensors, {name: value for name, value in attributes.items() if is_module(value)}
    passing = module.attributes().get("_non_persistent_buffers_set") if isinstance(module, Obj) else None
    kept = _members(module, "_buffers")
    for name in _texts(passing):
        kept.pop(name, None)
    return _members(module, "_parameters") | kept, _members(module, "_modules")


def _is_script(module: Obj) -> bool:
    return module.maker.startswith("__torch__.")


def _members(module: Any, kind: str) -> dict[str, Any]:
    members = module.attributes().get(kind) if isinstance(module, Obj) else None
    return members.by_name() if isinstance(members, Pairs) else {}


def _texts(values: Any) -> list[str]:
    """The texts in a set, which a pickle writes as the list that it was made of, or as a call with that list."""
    if isinstance(values, Obj):
        values = [value for _, value in values.items] + list(values.args)
    flat = [each for value in values or () for each in (value if isinstance(value, list | tuple) else [value])]
    return [value for value in flat if type(value) is str]
