"""What lies in a file of weights, by format: the tree that a pickle describes, or named arrays. One reader a format."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load as load_safetensors

from spikedtp.file_kinds import file_kind
from spikedtp.npz import read_arrays
from spikedtp.rate.checkpoints.failures import Damaged, OtherFormat, shown
from spikedtp.rate.checkpoints.pickled_arrays import array_of, is_array
from spikedtp.rate.checkpoints.pickled_modules import is_module, state_of
from spikedtp.rate.checkpoints.pickled_names import Obj, Pairs
from spikedtp.rate.checkpoints.state_dicts import Entries
from spikedtp.rate.checkpoints.tensors import StoredTensor
from spikedtp.rate.checkpoints.torch_files import read_pickles, read_torch_zip, zip_names

__all__ = [
    "as_float32",
    "entries_in_file",
    "is_array_in_file",
    "n_numbers",
    "number_type",
    "plain_array",
    "read_content",
]

_SAFETENSORS, _NPZ = "a safetensors file", "a numpy archive (.npz)"
_SAYS = "Error while deserializing: "
_TORCH_ZIPS = ("a torch file", "a TorchScript archive")


def read_content(data: bytes, path: Path) -> tuple[str, Any]:
    """What the format of a file is called, and what the file holds. Content decides; a name alone never does.

    Raises
    ------
    Damaged, OtherFormat, Refused, Unfit
    """
    if data[:4] == b"PK\x03\x04":
        kind = file_kind(data[:4], zip_names(data))
        if kind == _NPZ:
            return kind, read_arrays(path, str(path))
        if kind not in _TORCH_ZIPS:
            raise OtherFormat(kind)
        return kind, read_torch_zip(data)
    kind = file_kind(data[:300], name=path.name)
    if kind == _SAFETENSORS:
        return kind, _read_safetensors(data)
    if kind not in ("", "a pickle", "a text file"):
        raise OtherFormat(kind)
    if data[:1] != b"\x80" and data[-1:] != b".":  # no header of protocol 2 and later, no end of an earlier one
        if path.suffix == ".safetensors":
            raise Damaged("its header is none of a safetensors file")
        raise Damaged("no format of weights begins like that")
    return read_pickles(data)


def _read_safetensors(data: bytes) -> dict[str, torch.Tensor]:
    try:
        return load_safetensors(data)
    except SafetensorError as error:  # the library holds every size in the header against the file
        raise Damaged(f"of a safetensors file: {shown(str(error).removeprefix(_SAYS))}") from None
    except KeyError as error:
        raise OtherFormat(f"a safetensors file with numbers of type {shown(str(error.args[0]))}") from None


def entries_in_file(value: Any) -> Entries:
    """The key-value pairs of anything in a file that holds others under names, None of all else."""
    if isinstance(value, Mapping):
        return list(value.items())
    if is_module(value):
        return list(state_of(value).items())
    if isinstance(value, Obj) and (is_array(value) or not _is_dict(value)):
        return None
    if isinstance(value, Pairs):
        return value.items
    if isinstance(value, list | tuple) and any(isinstance(each, Pairs | list | tuple) for each in value):
        return list(enumerate(value))
    return None


def _is_dict(value: Obj) -> bool:
    """Whether an object is a dict: of a known class, or a user's, into which the file puts values under keys."""
    known = value.maker in ("collections.OrderedDict", "collections.defaultdict")
    return known or (bool(value.items) and all(key is not None for key, _ in value.items))


def is_array_in_file(value: Any) -> bool:
    """Whether something in a file is an array or tensor."""
    return isinstance(value, StoredTensor | torch.Tensor | np.ndarray) or is_array(value)


def number_type(value: Any) -> str:
    """The type of the numbers in an array or tensor, e.g. ``"float16"``."""
    return str(value.dtype).removeprefix("torch.")


def n_numbers(value: Any) -> int:
    """How many numbers an array or tensor takes in memory."""
    if isinstance(value, StoredTensor):
        return value.span
    return int(value.size) if isinstance(value, np.ndarray) else value.numel()


def as_float32(value: Any) -> torch.Tensor | None:
    """A copy of an array or tensor in float32, None if its numbers are not floating-point."""
    if isinstance(value, np.ndarray):
        if value.dtype.kind != "f":
            return None
        with np.errstate(over="ignore"):  # infinite numbers are found later
            return torch.from_numpy(np.array(value, dtype=np.float32, order="C"))
    if not value.dtype.is_floating_point:
        return None
    tensor = value.numbers() if isinstance(value, StoredTensor) else value
    return tensor.to(torch.float32, copy=True).contiguous()


def plain_array(value: Any, name: str) -> Any:
    """An array of a pickle as numpy has it, a tensor as it is."""
    return array_of(value, shown(name)) if isinstance(value, Obj) else value
