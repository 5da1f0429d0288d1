"""A file of weights from outside: read, its state dict found, and its numbers checked. Every failure becomes one line.

Nothing in a file is ever run: pickles are followed as data (`inert_pickle`), and the bytes of a tensor are taken only
after its shape has been held against what the file really contains. Shapes and signs of weights are checked by the
network that receives them.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from spikedtp.errors import SpikedtpError
from spikedtp.file_kinds import file_kind, folder_kind
from spikedtp.rate.checkpoints.contents import (
    as_float32,
    entries_in_file,
    is_array_in_file,
    n_numbers,
    number_type,
    plain_array,
    read_content,
)
from spikedtp.rate.checkpoints.failures import Damaged, OtherFormat, Refused, Unfit, shown
from spikedtp.rate.checkpoints.pickled_names import Obj
from spikedtp.rate.checkpoints.state_dicts import find_state_dict

__all__ = ["Checkpoint", "read_checkpoint", "read_weights"]

MAX_FILE_BYTES = 2**30
MAX_ELEMENTS = 2**27  # of all tensors together: 512 MiB as float32

# Names by which torch rebuilds tensors that have no place among weights: refused, but no attempt to run code.
_OTHER_TENSOR = re.compile(r"torch\.\w+Storage|torch\._utils\._rebuild_\w*tensor\w*|torch\.(qu?int|complex|float\d)\w+")
_SAVE = "torch.save(network.state_dict(), FILE)"


@dataclass(frozen=True)
class Checkpoint:
    """What a file of weights holds.

    Attributes
    ----------
    weights : dict of str to Tensor, float32
        EIANN's keys, without prefixes: ``module_dict.H2E_H1E.weight`` ``(n_post, n_pre)``, ``parameter_dict.H2E_bias``
        ``(n_post,)``.
    format : str
        What the format is called.
    place, prefix : str
        Where in the file the state dict was, and what stood before each of its keys; "" if nothing.
    number_types : tuple of str
        The types of its numbers in the file.
    beside : tuple of str
        What else the file holds. It is not read.
    """

    weights: dict[str, torch.Tensor]
    format: str
    place: str
    prefix: str
    number_types: tuple[str, ...]
    beside: tuple[str, ...]


def read_weights(path: str | Path) -> dict[str, torch.Tensor]:
    """The weights and biases of `read_checkpoint`."""
    return read_checkpoint(path).weights


def read_checkpoint(path: str | Path) -> Checkpoint:
    """Read the weights and biases of a rate network from a file; no code in the file is run.

    Parameters
    ----------
    path : str or Path
        A state dict, bare or in a training program's checkpoint, as torch, safetensors, numpy (``.npz``) or pickle
        save it; a pickled module, such as an EIANN network; a TorchScript archive. Content decides which, not the name.

    Raises
    ------
    SpikedtpError
        Missing, of another kind (named), damaged, too large, asks to run code, without a state dict or with several,
        not floating point, NaN or infinite.
    """
    path = Path(path)
    data = _read_bytes(path)
    try:
        kind, root = read_content(data, path)
        found = find_state_dict(root, entries_in_file, is_array_in_file)
        if found is None or not found.values:
            raise Unfit(_nothing_found(root))
        values = {key: _array(key, value) for key, value in found.values.items()}
        return Checkpoint(
            _converted(values), kind, "/".join(found.place), found.prefix,
            tuple(sorted(set(map(number_type, values.values())))), found.beside,
        )  # fmt: skip
    except Refused as refusal:
        if _OTHER_TENSOR.fullmatch(str(refusal)):
            raise SpikedtpError(
                f"{path}: holds a tensor that is sparse, quantised, complex or of a rare type ({refusal}); save dense, "
                "real ones: v.to_dense().dequantize().float() for each v of the state dict"
            ) from None
        raise SpikedtpError(
            f"{path}: tries to run code ({refusal}): refused; "
            f"use a file whose origin you trust, or one saved with {_SAVE}"
        ) from None
    except OtherFormat as kind_of_file:
        raise SpikedtpError(f"{path}: {_another(str(kind_of_file))}") from None
    except Damaged as damage:
        if file_kind(data[:300]) == "a text file":  # pickles of the first protocols are text as well
            raise SpikedtpError(f"{path}: {_another('a text file')}") from None
        raise SpikedtpError(f"{path}: damaged or no weights file ({damage}); get or make it again") from None
    except Unfit as reason:
        raise SpikedtpError(f"{path}: {reason}") from None


def _read_bytes(path: Path) -> bytes:
    try:
        if os.path.isdir(path):
            what = folder_kind(set(os.listdir(path)))
            raise SpikedtpError(f"{path}: is {what}; name a weights file (.pt, .safetensors, .npz or .pkl)")
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


def _another(kind: str) -> str:
    return (
        f"is {kind}, which is not read as weights: give a state dict as {_SAVE}, safetensors or numpy.savez save it, "
        "or an EIANN .pkl"
    )


def _nothing_found(root: Any) -> str:
    what = f" but a {shown(root.maker)}" if isinstance(root, Obj) and root.maker else ""
    entries = entries_in_file(root)
    if entries == []:
        return f"holds no weights; save a state dict with {_SAVE}"
    if entries is None:
        return f"holds neither a state dict nor a module of torch{what}; save one with {_SAVE}"
    odd = next(key for key, value in entries if type(key) is not str or not is_array_in_file(value))
    return f"its entry {shown(odd)} is no tensor under a name; save the bare state dict with {_SAVE}"


def _array(key: str, value: Any) -> Any:
    if not is_array_in_file(value):
        raise Unfit(f"its entry {shown(key)} is no tensor under a name; save the bare state dict with {_SAVE}")
    return plain_array(value, key)


def _converted(values: dict[str, Any]) -> dict[str, torch.Tensor]:
    if sum(map(n_numbers, values.values())) > MAX_ELEMENTS:
        raise Unfit(f"holds more than {MAX_ELEMENTS} numbers; save only the network's own state dict")
    weights = {}
    for key, value in values.items():
        tensor = as_float32(value)
        if tensor is None:
            kind = number_type(value)
            raise Unfit(f"{shown(key)} holds {kind}, weights are floating-point numbers; convert it with .float()")
        if not torch.isfinite(tensor).all():
            raise Unfit(f"{shown(key)} holds NaN or infinite values; take weights from before training diverged")
        weights[key] = tensor
    return weights
