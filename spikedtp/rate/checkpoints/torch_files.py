"""Torch's formats: the zip archive since 1.6 (TorchScript's too), the several pickles before it, and plain pickles."""

from __future__ import annotations

import functools
import io
import zipfile
from collections.abc import Callable
from typing import Any

from spikedtp.rate.checkpoints.failures import Damaged, Unfit, shown
from spikedtp.rate.checkpoints.inert_pickle import read_pickle
from spikedtp.rate.checkpoints.pickled_names import Obj, Pairs
from spikedtp.rate.checkpoints.tensors import Storage, storage_id, tensor_built

__all__ = ["read_pickles", "read_torch_zip", "zip_names"]

_LEGACY_MAGIC = 0x1950A86A20F9469CFC6C  # first object in a torch file from before the zip format
_LEGACY_PROTOCOL = 1001
_OTHER_END = "was saved on a big-endian machine; save it again on a little-endian one"


def read_torch_zip(data: bytes) -> Any:
    """What torch's format since 1.6 holds: data.pkl names the storages, data/KEY holds their bytes.

    Raises
    ------
    Damaged, Refused, Unfit
    """
    members = _Members(data)
    top = members.top
    storages: dict[str, Storage] = {}

    def persistent(pid: Any) -> Storage:
        key, dtype, numel = storage_id(pid, 5)
        if key not in storages:
            size = numel * dtype.itemsize
            storages[key] = Storage(dtype, numel, lambda: members.read(f"{top}data/{key}", size))
        return storages[key]

    if members.has(f"{top}byteorder") and members.read(f"{top}byteorder") != b"little":
        raise Unfit(_OTHER_END)
    return read_pickle(io.BytesIO(members.read(f"{top}data.pkl")), persistent, _built)


def zip_names(data: bytes) -> tuple[str, ...]:
    """The names of the members of a zip archive."""
    return tuple(_zip_or_damaged(lambda: zipfile.ZipFile(io.BytesIO(data)).namelist()))


class _Members:
    """The members of a zip archive, as far as they are stored without compression: torch never compresses."""

    def __init__(self, data: bytes):
        self.archive = _zip_or_damaged(lambda: zipfile.ZipFile(io.BytesIO(data)))
        tops = [name for name in self.archive.namelist() if name.endswith("/data.pkl") and name.count("/") == 1]
        if len(tops) != 1:
            raise Damaged(f"it has {len(tops)} lists of what is in it, torch writes one")
        self.top = tops[0].removesuffix("data.pkl")

    def has(self, name: str) -> bool:
        return name in self.archive.NameToInfo

    def read(self, name: str, size: int | None = None) -> bytes:
        if not self.has(name):
            raise Damaged(f"{shown(name)} is missing in it")
        info = self.archive.getinfo(name)
        if info.compress_type != zipfile.ZIP_STORED or info.file_size != info.compress_size:
            raise Damaged(f"{shown(name)} is compressed in it, torch never does that")
        if size is not None and info.file_size != size:
            raise Damaged(f"{shown(name)} has {info.file_size} bytes, {size} expected")
        found = _zip_or_damaged(lambda: self.archive.read(info))
        if len(found) != info.file_size:
            raise Damaged(f"{shown(name)} is cut off")
        return found


def _zip_or_damaged(action: Callable[[], Any]) -> Any:
    try:
        return action()
    except Exception as error:  # zipfile lets many types through for damaged archives; nothing but zipfile runs here
        raise Damaged(shown(str(error))) from None


def read_pickles(data: bytes) -> tuple[str, Any]:
    """How a plain pickle, or torch's format before 1.6 (several pickles and then the storages), is called, and holds.

    Raises
    ------
    Damaged, OtherFormat, Refused, Unfit
    """
    first = read_pickle(io.BytesIO(data), None, _built)
    if type(first) is int and first == _LEGACY_MAGIC:
        return "a torch file from before 1.6", _read_legacy(data)
    return "a pickle", first


def _read_legacy(data: bytes | bytearray, call: Callable | None = None) -> Any:
    stream = io.BytesIO(data)
    storages: dict[str, Storage] = {}

    def persistent(pid: Any) -> Any:
        if type(pid) is tuple and len(pid) == 4 and pid[0] == "module":  # a class, and its source for a reader's eyes
            return pid[1]
        key, dtype, numel = storage_id(pid, 6)
        return storages.setdefault(key, Storage(dtype, numel, _missing))

    magic, protocol, system = (read_pickle(stream) for _ in range(3))
    if magic != _LEGACY_MAGIC or protocol != _LEGACY_PROTOCOL or not isinstance(system, Pairs):
        raise Damaged("not torch's format")
    if system.by_name().get("little_endian") is not True:
        raise Unfit(_OTHER_END)
    root = read_pickle(stream, persistent, call or _built)
    keys = read_pickle(stream)
    if type(keys) is not list:
        raise Damaged("its list of storages is no list")
    view = memoryview(data)
    for key in keys:
        storage = storages.get(key) if type(key) is str else None
        numel = int.from_bytes(stream.read(8), "little", signed=True)
        if storage is None or numel != storage.numel:
            raise Damaged("its storages are not those that its tensors name")
        start = stream.tell()
        stop = start + numel * storage.dtype.itemsize
        if stop > len(data):
            raise Damaged("it is cut off inside a tensor")
        storage.read = functools.partial(_part, view, start, stop)
        stream.seek(stop)
    return root


def _part(view: memoryview, start: int, stop: int) -> memoryview:
    return view[start:stop]


def _missing() -> bytes:
    raise Damaged("a tensor's numbers are missing in it")


def _built(obj: Obj) -> Any:
    return tensor_built(obj, functools.partial(_read_legacy, call=lambda inner: inner))
