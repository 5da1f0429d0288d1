"""Checks of arrays from users: the result is a plain array of finite numbers, or a one-line error.

Lists, numpy, pandas and xarray, sparse matrices, and tensors of torch (which is not imported here). Values
whose meaning would change are refused: masked entries, units, text that looks like a number, complex numbers.
"""

from __future__ import annotations

import numbers
from typing import Any

import numpy as np

from spikedtp.errors import SpikedtpError, shown

__all__ = ["as_indices", "as_numbers", "as_samples"]

_KINDS = {"c": "complex numbers", "U": "text", "S": "text", "M": "dates", "m": "durations", "b": "true and false"}


def as_numbers(
    name: str, values: Any, dtype: type | None = np.float64, *, kinds: str = "biuf", finite: bool = True
) -> np.ndarray:
    """`values` as an array of real numbers, of any shape.

    Parameters
    ----------
    name : str
        Its name in messages.
    values : array, tensor or nested list
        A tensor may need gradients, be on another device, be sparse or quantised, or have a type that numpy lacks.
    dtype : type, optional
        Type of the result. None keeps the type of `values`.
    kinds : str
        Kinds of numpy's types that are numbers here.
    finite : bool
        Whether to refuse NaN and infinite ones.

    Returns
    -------
    ndarray
        It may share memory with `values`.

    Raises
    ------
    SpikedtpError
        The values are not an array of numbers, or entries are masked, missing, NaN or infinite.

    Examples
    --------
    >>> as_numbers("x", [[0, 1], [0.5, 2]]).shape
    (2, 2)
    """
    try:
        given = values if type(values) is np.ndarray else _plain(values)
        found = _numbers(given, kinds, dtype)
    except _Unfit as reason:
        raise SpikedtpError(f"{name} must be an array of numbers, {reason}") from None
    except (TypeError, ValueError, RuntimeError, OverflowError, MemoryError) as error:  # others' conversions
        why = str(error).partition(". ")[0]
        raise SpikedtpError(f"{name} must be an array of numbers, got {type(values).__name__} ({why})") from None
    if finite and found.dtype.kind == "f" and (wrong := ~np.isfinite(found)).any():
        share = f"{int(wrong.sum())} of {wrong.size}"
        if given.dtype.kind != "O" and np.isfinite(given[wrong]).all():
            raise SpikedtpError(f"{name} holds values that are too large for {found.dtype}: {share}")
        raise SpikedtpError(f"{name} holds values that are not finite (NaN or infinite): {share}")
    return found


def as_samples(name: str, values: Any, n: int, dtype: type = np.float64, *, cells: str = "") -> np.ndarray:
    """`as_numbers` of one sample or of many: ``(n,)`` or ``(samples, n)``, for the `n` cells of a population.

    Examples
    --------
    >>> as_samples("x", [[0.2, 0.4, 0.6]], 3).shape
    (1, 3)
    """
    array = as_numbers(name, values, dtype)
    shape = array.shape
    if array.ndim in (1, 2) and shape[-1] == n:
        return array
    hint = ""
    if name in ("target", "T") and array.ndim < 2:
        hint = f": class numbers become one-hot rows with numpy.eye({n})[{name}]"
    elif array.ndim in (2, 3) and shape[-1] * shape[-2] == n:
        hint = f": pixels are flattened row by row, with .reshape(-1, {n})"
    elif array.ndim == 2 and shape[0] == n:
        hint = ": samples are rows, transpose it with .T"
    of = f" for {cells}" if cells else ""
    raise SpikedtpError(f"{name} must be ({n},) or (samples, {n}){of}, got {shape}{hint}")


def as_indices(name: str, values: Any, n: int, what: str) -> np.ndarray:
    """`values` as whole numbers from 0 to `n` - 1, ``(k,)`` int64 with k of at least 1; `what` says what they number.

    Examples
    --------
    >>> as_indices("order", [2, 0], 3, "samples")
    array([2, 0])
    """
    found = as_numbers(name, values, None, kinds="iuf")
    if found.ndim != 1 or not len(found) or np.any(found != np.floor(found)) or found.min() < 0 or found.max() >= n:
        raise SpikedtpError(f"{name} must be {what} from 0 to {n - 1}, got {_glimpse(found)}")
    return found.astype(np.int64)


def _glimpse(array: np.ndarray) -> str:
    few = shown(array.tolist()) if array.size <= 8 else f"{array.min():g} to {array.max():g}"
    return few if array.ndim == 1 else f"the shape {array.shape}"


class _Unfit(Exception):
    """What is wrong, to be said after "must be an array of numbers"."""


def _plain(values: Any) -> np.ndarray:
    """The entries of `values` as they are, in an array of numpy."""
    if isinstance(values, np.ma.MaskedArray):
        if n := np.ma.count_masked(values):
            raise _Unfit(f"but {n} of its {values.size} entries are masked: fill them first, with .filled(value)")
        return np.asarray(values.data)
    if getattr(values, "is_dimensionless", True) is False:  # Brian2's; its numbers alone would be in base units
        raise _Unfit(f"got a quantity in {values.get_best_unit()}: divide it by its unit")
    if hasattr(values, "detach"):
        return _of_tensor(values)
    if hasattr(values, "toarray"):  # scipy's sparse matrices
        return np.asarray(values.toarray())
    if isinstance(values, list | tuple):  # numpy would drop masks and units of what is in it
        values = [each if isinstance(each, float | int) else _entry(each) for each in values]
    found = np.asarray(values)
    if found.ndim == 0 and found.dtype.kind in "OUS":
        raise _Unfit(f"got {type(values).__name__}, which is not an array")
    return found


def _entry(value: Any) -> np.ndarray:
    if value is None or isinstance(value, str | bytes):
        raise _Unfit(f"but one of its entries is {shown(value)}")
    return _plain(value)


def _of_tensor(tensor: Any) -> np.ndarray:
    if tensor.is_complex():
        raise _Unfit(f"got {_KINDS['c']}")
    tensor = tensor.detach().cpu()
    if tensor.is_quantized:
        tensor = tensor.dequantize()
    tensor = tensor.to_dense().resolve_neg()
    try:
        return tensor.numpy()
    except TypeError:  # a floating-point type that numpy lacks, such as bfloat16: float32 holds each of them
        return tensor.float().numpy()


def _numbers(array: np.ndarray, kinds: str, dtype: type | None) -> np.ndarray:
    if array.dtype.kind == "V" and not issubclass(array.dtype.type, np.void):  # of ml_dtypes, such as bfloat16
        array = array.astype(np.float32)
    if array.dtype.kind == "O":
        for entry in array.flat:
            if not isinstance(entry, numbers.Real | np.bool_):
                raise _Unfit(f"but one of its entries is {shown(entry)}")
        dtype = dtype or np.float64
    elif array.dtype.kind not in kinds:
        raise _Unfit(f"got {_KINDS.get(array.dtype.kind, array.dtype)}")
    with np.errstate(over="ignore"):  # an infinite result is an error of its own
        return array if dtype is None or array.dtype == dtype else array.astype(dtype)
