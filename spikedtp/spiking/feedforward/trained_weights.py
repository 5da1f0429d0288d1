"""The two weight matrices of a network that was trained in torch, whichever way round they are stored."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from spikedtp.arrays import as_numbers
from spikedtp.errors import SpikedtpError, known_names

__all__ = ["ORIENTATIONS", "oriented"]

#: How a matrix is stored: as in torch's ``x @ w``, and as in ``torch.nn.Linear.weight``.
ORIENTATIONS = ("in_out", "out_in")


def oriented(weights: Any, inputs: tuple[int, ...], orientation: str | None) -> tuple[np.ndarray, np.ndarray]:
    """w1 ``(n_in, n_hidden)`` and w2 ``(n_hidden, n_out)`` in float64.

    Parameters
    ----------
    weights : [w1, w2]
        Arrays, tensors, or layers ``torch.nn.Linear``, which tell the orientation themselves.
    inputs : tuple of int
        The shape of the input spikes, ``(samples, steps, n_in)``.
    orientation : {"in_out", "out_in"} or None
        Of both matrices that are no layers; None takes the one that fits.

    Raises
    ------
    SpikedtpError
        Nothing fits; or both orientations do and would give two different networks.
    """
    if orientation is not None and orientation not in ORIENTATIONS:
        raise known_names("orientation", orientation, ORIENTATIONS)
    if hasattr(weights, "children"):  # torch.nn.Sequential
        weights = list(weights.children())
    if isinstance(weights, np.ndarray) or not isinstance(weights, Sequence) or len(weights) != 2:
        raise SpikedtpError("weights must be a list of two matrices, [w1 (n_in, n_hidden), w2 (n_hidden, n_out)]")
    layers = [hasattr(w, "in_features") for w in weights]
    given = [
        _linear(f"w{k}", w) if hasattr(w, "in_features") else _matrix(f"w{k}", w) for k, w in enumerate(weights, 1)
    ]
    ways = {
        way: [w if layer or way == "in_out" else w.T for w, layer in zip(given, layers, strict=True)]
        for way in ORIENTATIONS
    }
    fitting = [way for way in ORIENTATIONS if _fit(ways[way], inputs[-1])]
    if not fitting or (orientation is not None and orientation not in fitting):
        raise SpikedtpError(_misfit(given, inputs, orientation, fitting))
    if orientation is None and len(fitting) == 2 and not all(map(np.array_equal, ways["in_out"], ways["out_in"])):
        raise SpikedtpError(
            f"w1 {given[0].shape} and w2 {given[1].shape} fit in both orientations: give orientation='in_out' for "
            "(n_in, n_out), as in x @ w, or orientation='out_in' for (n_out, n_in), as torch.nn.Linear.weight is"
        )
    w1, w2 = ways[orientation or fitting[0]]
    return w1, w2


def _fit(matrices: list[np.ndarray], n_in: int) -> bool:
    w1, w2 = matrices
    return w1.shape[0] == n_in and w1.shape[1] == w2.shape[0]


def _misfit(given: list[np.ndarray], inputs: tuple[int, ...], orientation: str | None, fitting: list[str]) -> str:
    found = f"shapes do not fit: input_spikes {inputs} (samples, steps, n_in)"
    found += "".join(f", w{k} {w.shape}" for k, w in enumerate(given, 1))
    if fitting:
        return f"{found}: they fit as orientation={fitting[0]!r}, not {orientation!r}"
    return f"{found}: both must be (n_in, n_out), as in x @ w, or both (n_out, n_in), as torch.nn.Linear.weight is"


def _matrix(name: str, values: Any) -> np.ndarray:
    array = as_numbers(name, values)
    if array.ndim != 2 or 0 in array.shape:
        raise SpikedtpError(f"{name} must be an array of numbers with 2 axes, got shape {array.shape}")
    return array


def _linear(name: str, layer: Any) -> np.ndarray:
    """The weights of a ``torch.nn.Linear`` as ``(n_in, n_out)``."""
    weight = _matrix(f"{name}.weight", layer.weight)
    if weight.shape != (layer.out_features, layer.in_features):
        raise SpikedtpError(f"{name}.weight must be (out_features, in_features), got {weight.shape}")
    if getattr(layer, "bias", None) is not None and np.any(as_numbers(f"{name}.bias", layer.bias)):
        raise SpikedtpError(
            f"{name} has a bias, which these cells do not have: train with torch.nn.Linear(..., bias=False)"
        )
    return weight.T
