"""A state dict to a file, in the format that the file's name asks for: whole or not at all."""

from __future__ import annotations

import io
import os
import uuid
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import save as safetensors_bytes

from spikedtp.errors import SpikedtpError

__all__ = ["write_weights"]


def write_weights(path: str | Path, state_dict: Mapping[str, Any]) -> None:
    """Write a state dict that `read_weights` and the usual reader of the format read.

    The file appears whole or not at all, and the same weights give the same bytes.

    Parameters
    ----------
    path : str or Path
        It ends with ``.pt`` or ``.pth`` (``torch.load(..., weights_only=True)``), ``.safetensors`` or ``.npz``.
    state_dict : mapping of str to Tensor or ndarray
        Written as float32.

    Raises
    ------
    SpikedtpError
        The name ends differently, a value is NaN or infinite, or the file cannot be written.
    """
    path = Path(path)
    if path.suffix not in _WRITERS:
        raise SpikedtpError(f"{path}: weights are written to files that end with {', '.join(_WRITERS)}")
    weights = {}
    for key, value in state_dict.items():
        tensor = torch.as_tensor(value).detach().cpu().to(torch.float32, copy=True).contiguous()
        if not torch.isfinite(tensor).all():
            raise SpikedtpError(f"{path}: not written, {key} holds NaN or infinite values; lower the learning rate")
        weights[str(key)] = tensor
    content = _WRITERS[path.suffix](weights)
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex}")  # same folder, so that the rename is atomic
    try:
        try:
            with open(temporary, "xb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            os.replace(temporary, path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
    except OSError as error:
        raise SpikedtpError(f"{path}: cannot be written ({error.strerror or error}); check folder and rights") from None


def _torch_bytes(weights: dict[str, torch.Tensor]) -> bytes:
    buffer = io.BytesIO()  # from a buffer torch takes no file name into the archive
    torch.save(weights, buffer)
    return buffer.getvalue()


def _npz_bytes(weights: dict[str, torch.Tensor]) -> bytes:
    buffer = io.BytesIO()
    arrays: dict[str, Any] = {key: tensor.numpy() for key, tensor in weights.items()}
    np.savez(buffer, **arrays)
    return buffer.getvalue()


_WRITERS: dict[str, Callable[[dict[str, torch.Tensor]], bytes]] = {
    ".pt": _torch_bytes,
    ".pth": _torch_bytes,
    ".safetensors": safetensors_bytes,
    ".npz": _npz_bytes,
}
