"""Torch's tensors in a pickle: described, checked to lie inside the file's bytes, and read when they are needed."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch

from spikedtp.rate.checkpoints.failures import Damaged, Refused, shown
from spikedtp.rate.checkpoints.pickled_names import Global, Obj, Pairs, bytes_of

__all__ = ["Storage", "StoredTensor", "is_count", "storage_id", "tensor_built"]

MAX_DIMENSIONS = 8

_STORED = {
    "torch.FloatStorage": torch.float32,
    "torch.DoubleStorage": torch.float64,
    "torch.HalfStorage": torch.float16,
    "torch.BFloat16Storage": torch.bfloat16,
    "torch.LongStorage": torch.int64,
    "torch.IntStorage": torch.int32,
    "torch.ShortStorage": torch.int16,
    "torch.CharStorage": torch.int8,
    "torch.ByteStorage": torch.uint8,
    "torch.BoolStorage": torch.bool,
    "torch.storage.UntypedStorage": torch.uint8,  # the tensor says of what type it is
}
_UNSTORED = {
    f"torch.{name}": getattr(torch, name)
    for name in "float8_e4m3fn float8_e4m3fnuz float8_e5m2 float8_e5m2fnuz uint16 uint32 uint64".split()
}


@dataclass(eq=False)
class Storage:
    """A run of numbers in the file: its bytes stay there until a tensor needs them."""

    dtype: torch.dtype
    numel: int
    read: Callable[[], bytes | memoryview]


@dataclass(frozen=True, eq=False)
class StoredTensor:
    """A tensor as the file describes it, checked to lie inside its storage; no numbers read yet."""

    storage: Storage
    dtype: torch.dtype
    offset: int
    size: tuple[int, ...]
    stride: tuple[int, ...]

    @property
    def span(self) -> int:
        """Elements from the first to the last that it touches."""
        return 1 + sum((n - 1) * step for n, step in zip(self.size, self.stride, strict=True)) if all(self.size) else 0

    def numbers(self) -> torch.Tensor:
        """Its numbers, of the type that they have in the file."""
        if self.span == 0:
            return torch.zeros(self.size, dtype=self.dtype)
        width = self.dtype.itemsize
        start = self.offset * width
        data = bytearray(self.storage.read()[start : start + self.span * width])
        return torch.frombuffer(data, dtype=self.dtype).as_strided(self.size, self.stride)


def storage_id(pid: Any, length: int) -> tuple[str, torch.dtype, int]:
    """Key, type and number of elements of the storage that a persistent id describes."""
    if type(pid) is not tuple or len(pid) != length or pid[0] != "storage" or any(pid[5:]):
        raise Damaged("a tensor's storage is not described as torch does")
    _, kind, key, _, numel = pid[:5]
    if not isinstance(kind, Global) or type(key) is not str or not is_count(numel):
        raise Damaged("a tensor's storage is not described as torch does")
    if str(kind) not in _STORED:
        raise Refused(shown(str(kind)))
    return key, _STORED[str(kind)], numel


def is_count(value: Any) -> bool:
    """Torch counts in 64 bits; an integer in a pickle may have millions of digits."""
    return type(value) is int and 0 <= value < 2**63


def tensor_built(obj: Obj, read_storage: Callable[[bytes | bytearray], Any]) -> Any:
    """What torch's builders would have made of a call in a pickle, or the call itself if it is none of theirs.

    Parameters
    ----------
    obj : Obj
    read_storage : callable
        Reads the storage inside bytes that were pickled without ``torch.save``.
    """
    name, args = obj.maker, obj.args
    if name == "torch.storage._load_from_bytes":
        data = bytes_of(args[0]) if len(args) == 1 else None
        if data is None:
            raise Damaged("a tensor's bytes are no bytes")
        storage = read_storage(data)
        if not isinstance(storage, Storage):
            raise Damaged("a tensor's bytes hold something else")
        return storage
    if name in _BUILDERS:
        return _BUILDERS[name](args)
    if name in ("torch._utils._rebuild_parameter", "torch._utils._rebuild_parameter_with_state"):
        if args and isinstance(args[0], StoredTensor):
            return args[0]
        raise Damaged("a parameter without its tensor")
    if name == "torch._tensor._rebuild_from_type_v2":
        if len(args) == 4 and isinstance(args[0], Global) and str(args[0]) in _BUILDERS and type(args[2]) is tuple:
            return _BUILDERS[str(args[0])](args[2])
        raise Damaged("a tensor of an unknown kind")
    if name == "torch.jit._pickle.restore_type_tag" and args:  # a list or dict of TorchScript with its type beside it
        return args[0]
    return obj


def _first(args: tuple) -> StoredTensor:
    return _tensor(args, 4, None)


def _second(args: tuple) -> StoredTensor:
    if len(args) == 7 and not (args[6] is None or (isinstance(args[6], Pairs) and not args[6].items)):
        raise Damaged("a tensor is a lazily negated or conjugated view")
    return _tensor(args, (6, 7)[len(args) == 7], None)


def _third(args: tuple) -> StoredTensor:
    """Types that have no class of storages of their own: the tensor counts in elements, the storage in bytes."""
    if len(args) not in (7, 8) or not isinstance(args[6], Global):
        raise Damaged("a tensor is not described as torch does")
    if len(args) == 8 and args[7] not in (None, False) and not (isinstance(args[7], Pairs) and not args[7].items):
        raise Damaged("a tensor is a lazily negated or conjugated view")
    if str(args[6]) not in _UNSTORED:
        raise Refused(str(args[6]))
    return _tensor(args, len(args), _UNSTORED[str(args[6])])


_BUILDERS = {
    "torch._utils._rebuild_tensor": _first,
    "torch._utils._rebuild_tensor_v2": _second,
    "torch._utils._rebuild_tensor_v3": _third,
}


def _tensor(args: tuple, length: int, dtype: torch.dtype | None) -> StoredTensor:
    if len(args) != length or not isinstance(args[0], Storage):
        raise Damaged("a tensor is not described as torch does")
    storage, offset, size, stride = args[:4]
    if type(size) is not tuple or type(stride) is not tuple or len(size) != len(stride) or len(size) > MAX_DIMENSIONS:
        raise Damaged("a tensor's shape is not described as torch does")
    if not all(map(is_count, (offset, *size, *stride))):
        raise Damaged("a tensor's shape holds something else than counts")
    tensor = StoredTensor(storage, dtype or storage.dtype, offset, size, stride)
    room = storage.numel * storage.dtype.itemsize // tensor.dtype.itemsize
    if offset + tensor.span > room or math.prod(size) > room:
        shape = " x ".join(str(n)[:20] for n in size)
        raise Damaged(f"a tensor of {shape} numbers in a storage of {str(room)[:20]}")
    return tensor
