"""Weights in files: torch state dicts and pickled EIANN networks to read, torch state dicts to write.

Nothing in a file is ever run: the pickles inside are followed as data (`inert_pickle`), and the bytes of a tensor are
taken only after its shape has been held against what the file really contains. Shapes and signs of weights are checked
by the network that receives them.
"""

from __future__ import annotations

import functools
import io
import itertools
import math
import os
import re
import uuid
import zipfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from spikedtp.errors import SpikedtpError
from spikedtp.file_kinds import file_kind
from spikedtp.rate.inert_pickle import Damaged, Global, Obj, Pairs, Refused, read_pickle, shown

__all__ = ["read_weights", "write_weights"]

MAX_FILE_BYTES = 2**30
MAX_ELEMENTS = 2**27  # of all tensors together: 512 MiB as float32
MAX_DIMENSIONS = 8

_DTYPES = {
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
}
_LEGACY_MAGIC = 0x1950A86A20F9469CFC6C  # first object in a torch file from before the zip format
_LEGACY_PROTOCOL = 1001
# Names by which torch rebuilds tensors that have no place among weights: refused, but no attempt to run code.
_OTHER_TENSOR = re.compile(r"torch\.\w+Storage|torch\._utils\._rebuild_\w*tensor\w*|torch\.(qu?int|complex|float8)\w+")
_PARTS = ("module_dict", "parameter_dict")
_MAX_DEPTH = 8  # of modules inside modules
_MAX_MODULES = 10_000


def read_weights(path: str | Path) -> dict[str, torch.Tensor]:
    """Read the weights and biases of a rate network from a file; no code in the file is run.

    Parameters
    ----------
    path : str or Path
        A state dict saved by torch (``.pt``), or a network as EIANN pickles it (``.pkl``). Which of the two is decided
        by the content.

    Returns
    -------
    dict of str to Tensor, float32
        EIANN's keys: ``module_dict.H2E_H1E.weight`` ``(n_post, n_pre)``, ``parameter_dict.H2E_bias`` ``(n_post,)``.

    Raises
    ------
    SpikedtpError
        Missing, of another kind (named), damaged, too large, asks to run code, not a state dict, not floating point,
        NaN or infinite.
    """
    path = Path(path)
    data = _read_bytes(path)
    try:
        root = _read_root(data)
        tensors = _flat(root) if _is_dict(root) else _state_of_network(root)
        return _converted(tensors)
    except Refused as refusal:
        if _OTHER_TENSOR.fullmatch(str(refusal)):
            raise SpikedtpError(
                f"{path}: holds a tensor that is sparse, quantised, complex or of a rare type ({refusal}); save dense, "
                "real ones: v.to_dense().dequantize().float() for each v of the state dict"
            ) from None
        raise SpikedtpError(
            f"{path}: tries to run code ({refusal}): refused; "
            "use a file whose origin you trust, or one saved with torch.save(network.state_dict(), FILE)"
        ) from None
    except Damaged as damage:
        if file_kind(data[:300]) == "a text file":  # pickles of the first protocols are text as well
            raise SpikedtpError(f"{path}: {_another('a text file')}") from None
        raise SpikedtpError(f"{path}: damaged or no weights file ({damage}); get or make it again") from None
    except _Unfit as reason:
        raise SpikedtpError(f"{path}: {reason}") from None


def write_weights(path: str | Path, state_dict: Mapping[str, Any]) -> None:
    """Write a state dict that `read_weights` and ``torch.load(..., weights_only=True)`` read.

    The file appears whole or not at all, and the same weights give the same bytes.

    Parameters
    ----------
    path : str or Path
    state_dict : mapping of str to Tensor or ndarray
        Written as float32.

    Raises
    ------
    SpikedtpError
        A value is NaN or infinite, or the file cannot be written.
    """
    path = Path(path)
    weights = {}
    for key, value in state_dict.items():
        tensor = torch.as_tensor(value).detach().cpu().to(torch.float32, copy=True).contiguous()
        if not torch.isfinite(tensor).all():
            raise SpikedtpError(f"{path}: not written, {key} holds NaN or infinite values; lower the learning rate")
        weights[str(key)] = tensor
    buffer = io.BytesIO()  # from a buffer torch takes no file name into the archive
    torch.save(weights, buffer)
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex}")  # same folder, so that the rename is atomic
    try:
        try:
            with open(temporary, "xb") as file:
                file.write(buffer.getbuffer())
                file.flush()
                os.fsync(file.fileno())
            os.replace(temporary, path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
    except OSError as error:
        raise SpikedtpError(f"{path}: cannot be written ({error.strerror or error}); check folder and rights") from None


class _Unfit(Exception):
    """Read well, but not what a rate network needs."""


# --- files -----------------------------------------------------------------------------------------------------------


def _read_bytes(path: Path) -> bytes:
    try:
        if os.path.isdir(path):
            raise SpikedtpError(f"{path}: is a folder; name a weights file (.pt or .pkl) in it")
        if not os.path.isfile(path):
            raise SpikedtpError(f"{path}: there is no such weights file; check the path")
        with open(path, "rb") as file:
            if path.stat().st_size > MAX_FILE_BYTES:
                raise SpikedtpError(f"{path}: larger than {MAX_FILE_BYTES >> 20} MiB; save only the state dict")
            data = file.read()
    except OSError as error:
        raise SpikedtpError(f"{path}: cannot be read ({error.strerror or error}); check the path and rights") from None
    if not data:
        raise SpikedtpError(f"{path}: is empty; get or make it again")
    return data


def _read_root(data: bytes) -> Any:
    """What the file holds, told apart by its first bytes."""
    if data[:4] == b"PK\x03\x04":
        return _read_zip(data)
    kind = file_kind(data[:300])
    if kind not in ("", "a pickle", "a text file"):
        raise _another(kind)
    if data[:1] != b"\x80" and data[-1:] != b".":  # no header of protocol 2 and later, no end of an earlier one
        raise Damaged("neither torch's zip format nor a pickle")
    return _read_pickles(data)


def _another(kind: str) -> _Unfit:
    return _Unfit(
        f"is {kind}, which is not read as weights: give a state dict saved with torch.save(network.state_dict(), FILE) "
        "or an EIANN .pkl"
    )


@dataclass(eq=False)
class _Storage:
    """A run of numbers in the file: its bytes stay there until a tensor needs them."""

    dtype: torch.dtype
    numel: int
    read: Callable[[], bytes | memoryview]


def _read_zip(data: bytes) -> Any:
    """torch's format since 1.6: data.pkl names the storages, data/KEY holds their bytes, nothing is compressed."""
    members = _Members(data)
    top = members.top
    storages: dict[str, _Storage] = {}

    def persistent(pid: Any) -> _Storage:
        key, dtype, numel = _storage_id(pid, 5)
        if key not in storages:
            size = numel * dtype.itemsize
            storages[key] = _Storage(dtype, numel, lambda: members.read(f"{top}data/{key}", size))
        return storages[key]

    if members.has(f"{top}byteorder") and members.read(f"{top}byteorder") != b"little":
        raise _Unfit("was saved on a big-endian machine; save it again on a little-endian one")
    return read_pickle(io.BytesIO(members.read(f"{top}data.pkl")), persistent, _built)


class _Members:
    """The members of a zip archive, as far as they are stored without compression."""

    def __init__(self, data: bytes):
        self.archive = _zip_or_damaged(lambda: zipfile.ZipFile(io.BytesIO(data)))
        tops = [name for name in self.archive.namelist() if name.endswith("/data.pkl") and name.count("/") == 1]
        if len(tops) != 1 or f"{tops[0].removesuffix('data.pkl')}constants.pkl" in self.archive.NameToInfo:
            raise _another(file_kind(data[:4], tuple(self.archive.namelist())))
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


def _read_pickles(data: bytes) -> Any:
    """A plain pickle, or torch's format before 1.6, which is several pickles and then the storages."""
    stream = io.BytesIO(data)
    first = read_pickle(stream, None, _built)
    return _read_legacy(data) if type(first) is int and first == _LEGACY_MAGIC else first


def _read_legacy(data: bytes | bytearray, call: Callable | None = None) -> Any:
    stream = io.BytesIO(data)
    storages: dict[str, _Storage] = {}

    def persistent(pid: Any) -> _Storage:
        key, dtype, numel = _storage_id(pid, 6)
        return storages.setdefault(key, _Storage(dtype, numel, _missing))

    magic, protocol, system = (read_pickle(stream) for _ in range(3))
    if magic != _LEGACY_MAGIC or protocol != _LEGACY_PROTOCOL or not isinstance(system, Pairs):
        raise Damaged("not torch's format")
    if system.by_name().get("little_endian") is not True:
        raise _Unfit("was saved on a big-endian machine; save it again on a little-endian one")
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


def _storage_id(pid: Any, length: int) -> tuple[str, torch.dtype, int]:
    if type(pid) is not tuple or len(pid) != length or pid[0] != "storage" or any(pid[5:]):
        raise Damaged("a tensor's storage is not described as torch does")
    _, kind, key, _, numel = pid[:5]
    if not isinstance(kind, Global) or type(key) is not str or not _is_count(numel):
        raise Damaged("a tensor's storage is not described as torch does")
    if str(kind) not in _DTYPES:
        raise Damaged(f"{kind} is no type of number that weights have")
    return key, _DTYPES[str(kind)], numel


def _is_count(value: Any) -> bool:
    """Torch counts in 64 bits; an integer in a pickle may have millions of digits."""
    return type(value) is int and 0 <= value < 2**63


# --- tensors ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class _Tensor:
    """A tensor as the file describes it, checked to lie inside its storage; no numbers read yet."""

    storage: _Storage
    offset: int
    size: tuple[int, ...]
    stride: tuple[int, ...]

    @property
    def span(self) -> int:
        """Elements from the first to the last that it touches."""
        return 1 + sum((n - 1) * step for n, step in zip(self.size, self.stride, strict=True)) if all(self.size) else 0

    def numbers(self) -> torch.Tensor:
        if self.span == 0:
            return torch.zeros(self.size)
        width = self.storage.dtype.itemsize
        start = self.offset * width
        data = bytearray(self.storage.read()[start : start + self.span * width])
        flat = torch.frombuffer(data, dtype=self.storage.dtype)
        return flat.as_strided(self.size, self.stride).to(torch.float32, copy=True).contiguous()


def _built(obj: Obj) -> Any:
    """What torch's builders would have made, for the calls that `read_pickle` meets."""
    name, args = str(obj.func), obj.args
    if name == "torch.storage._load_from_bytes":
        if len(args) != 1 or not isinstance(args[0], bytes | bytearray):
            raise Damaged("a tensor's bytes are no bytes")
        storage = _read_legacy(args[0], call=lambda inner: inner)
        if not isinstance(storage, _Storage):
            raise Damaged("a tensor's bytes hold something else")
        return storage
    if name == "torch._utils._rebuild_tensor_v2":
        return _tensor(args)
    if name in ("torch._utils._rebuild_parameter", "torch._utils._rebuild_parameter_with_state"):
        if args and isinstance(args[0], _Tensor):
            return args[0]
        raise Damaged("a parameter without its tensor")
    if name == "torch._tensor._rebuild_from_type_v2":
        if len(args) == 4 and str(args[0]) == "torch._utils._rebuild_tensor_v2" and type(args[2]) is tuple:
            return _tensor(args[2])
        raise Damaged("a tensor of an unknown kind")
    return obj


def _tensor(args: tuple) -> _Tensor:
    if len(args) not in (6, 7) or not isinstance(args[0], _Storage):
        raise Damaged("a tensor is not described as torch does")
    storage, offset, size, stride = args[:4]
    if len(args) == 7 and not (args[6] is None or (isinstance(args[6], Pairs) and not args[6].items)):
        raise Damaged("a tensor is a lazily negated or conjugated view")
    if type(size) is not tuple or type(stride) is not tuple or len(size) != len(stride) or len(size) > MAX_DIMENSIONS:
        raise Damaged("a tensor's shape is not described as torch does")
    if not all(map(_is_count, (offset, *size, *stride))):
        raise Damaged("a tensor's shape holds something else than counts")
    tensor = _Tensor(storage, offset, size, stride)
    if offset + tensor.span > storage.numel or math.prod(size) > storage.numel:
        shape = " x ".join(str(n)[:20] for n in size)
        raise Damaged(f"a tensor of {shape} numbers in a storage of {str(storage.numel)[:20]}")
    return tensor


# --- what they mean --------------------------------------------------------------------------------------------------


def _is_dict(root: Any) -> bool:
    return type(root) is Pairs or (isinstance(root, Obj) and str(root.func) == "collections.OrderedDict")


def _flat(root: Pairs) -> dict[str, Any]:
    for key, value in root.items:
        if type(key) is not str or not isinstance(value, _Tensor):
            raise _Unfit(
                f"its entry {shown(key)} is no tensor under a name; "
                "save the bare state dict with torch.save(network.state_dict(), FILE)"
            )
    return root.by_name()


def _state_of_network(root: Any) -> dict[str, _Tensor]:
    """What ``state_dict()`` would give for a pickled EIANN network."""
    if not isinstance(root, Obj) or not str(root.func).startswith("EIANN."):
        raise _Unfit(
            "holds neither a state dict nor an EIANN network; save one with torch.save(network.state_dict(), FILE)"
        )
    modules = _members(root, "_modules")
    found: dict[str, _Tensor] = {}
    for part in _PARTS:
        if part not in modules:
            raise _Unfit(f"the pickled network has no {part}; save its state dict with torch.save instead")
        _collect(modules[part], part, found, _MAX_DEPTH, itertools.count())
    return found


def _collect(module: Any, prefix: str, found: dict[str, _Tensor], depth: int, met: Iterator[int]) -> None:
    if not depth:
        raise Damaged(f"modules lie too deep inside {shown(prefix)}")
    if next(met) >= _MAX_MODULES:  # a file of some kilobytes can name one module a million times
        raise Damaged(f"more than {_MAX_MODULES} modules")
    for name, parameter in _members(module, "_parameters").items():
        if isinstance(parameter, _Tensor):
            found[f"{prefix}.{name}"] = parameter
        elif parameter is not None:
            raise Damaged(f"{shown(prefix)}.{shown(name)} is no tensor")
    for name, child in _members(module, "_modules").items():
        _collect(child, f"{prefix}.{name}", found, depth - 1, met)


def _members(module: Any, kind: str) -> dict[str, Any]:
    members = module.attributes().get(kind) if isinstance(module, Obj) else None
    return members.by_name() if isinstance(members, Pairs) else {}


def _converted(tensors: dict[str, Any]) -> dict[str, torch.Tensor]:
    if not tensors:
        raise _Unfit("holds no weights; save a state dict with torch.save(network.state_dict(), FILE)")
    if sum(tensor.span for tensor in tensors.values()) > MAX_ELEMENTS:
        raise _Unfit(f"holds more than {MAX_ELEMENTS} numbers; save only the network's own state dict")
    weights = {}
    for key, tensor in tensors.items():
        if not tensor.storage.dtype.is_floating_point:
            kind = str(tensor.storage.dtype).removeprefix("torch.")
            raise _Unfit(f"{shown(key)} holds {kind}, weights are floating-point numbers; convert it with .float()")
        weights[key] = tensor.numbers()
        if not torch.isfinite(weights[key]).all():
            raise _Unfit(f"{shown(key)} holds NaN or infinite values; take weights from before training diverged")
    return weights
