"""The weight matrices of a network that was trained in torch, whichever way round they are stored."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from spikedtp.arrays import as_numbers
from spikedtp.errors import SpikedtpError, known_names

__all__ = ["ORIENTATIONS", "GivenLayers", "given_layers", "oriented"]

#: How a matrix is stored: as in torch's ``x @ w``, and as in ``torch.nn.Linear.weight``.
ORIENTATIONS = ("in_out", "out_in")


class GivenLayers(NamedTuple):
    """The layers of a network, bottom to top.

    Attributes
    ----------
    matrices : list of (n_in, n_out)
        In float64.
    biases : list of (n_out,) or None
        Of layers ``torch.nn.Linear`` that have one.
    orientation : str
        How matrices that are no layers were stored.
    """

    matrices: list[np.ndarray]
    biases: list[np.ndarray | None]
    orientation: str


def oriented(weights: Any, inputs: tuple[int, ...], orientation: str | None) -> tuple[np.ndarray, np.ndarray]:
    """w1 ``(n_in, n_hidden)`` and w2 ``(n_hidden, n_out)`` as `given_layers` finds them, without biases."""
    found = given_layers(weights, inputs, orientation, most=2)
    for k, bias in enumerate(found.biases, 1):
        if bias is not None and bias.any():
            raise SpikedtpError(
                f"w{k} has a bias, which these cells do not have: train with torch.nn.Linear(..., bias=False)"
            )
    w1, w2 = found.matrices
    return w1, w2


def given_layers(
    weights: Any, inputs: tuple[int, ...], orientation: str | None, *, most: int | None = None
) -> GivenLayers:
    """The matrices of two or more layers, whichever way round they are stored.

    Parameters
    ----------
    weights : [w1, w2, ...]
        Arrays, tensors, or layers ``torch.nn.Linear``, which tell the orientation themselves.
    inputs : tuple of int
        The shape of the input spikes, ``(samples, steps, n_in)``.
    orientation : {"in_out", "out_in"} or None
        Of all matrices that are no layers; None takes the one that fits.
    most : int, optional
        How many layers there may be.

    Raises
    ------
    SpikedtpError
        Nothing fits; or both orientations do and would give two different networks.
    """
    if orientation is not None and orientation not in ORIENTATIONS:
        raise known_names("orientation", orientation, ORIENTATIONS)
    if hasattr(weights, "children"):  # torch.nn.Sequential
        weights = list(weights.children())
    if (
        isinstance(weights, np.ndarray)
        or not isinstance(weights, Sequence)
        or not 2 <= len(weights) <= (most or len(weights))
    ):
        how_many = "two matrices, [w1 (n_in, n_hidden), w2 (n_hidden, n_out)]"
        raise SpikedtpError(f"weights must be a list of {how_many}" + ("" if most else ", or of more"))
    layers = [hasattr(w, "in_features") for w in weights]
    pairs = [
        _linear(f"w{k}", w) if hasattr(w, "in_features") else (_matrix(f"w{k}", w), None)
        for k, w in enumerate(weights, 1)
    ]
    given, biases = [matrix for matrix, _ in pairs], [bias for _, bias in pairs]
    ways = {
        way: [w if layer or way == "in_out" else w.T for w, layer in zip(given, layers, strict=True)]
        for way in ORIENTATIONS
    }
    fitting = [way for way in ORIENTATIONS if _fit(ways[way], inputs[-1])]
    if not fitting or (orientation is not None and orientation not in fitting):
        raise SpikedtpError(_misfit(given, inputs, orientation, fitting))
    if orientation is None and len(fitting) == 2 and not all(map(np.array_equal, ways["in_out"], ways["out_in"])):
        shapes = [f"w{k} {w.shape}" for k, w in enumerate(given, 1)]
        raise SpikedtpError(
            f"{', '.join(shapes[:-1])} and {shapes[-1]} fit in both orientations: give orientation='in_out' for "
            "(n_in, n_out), as in x @ w, or orientation='out_in' for (n_out, n_in), as torch.nn.Linear.weight is"
        )
    way = orientation or fitting[0]
    return GivenLayers(ways[way], biases, way)


def _fit(matrices: list[np.ndarray], n_in: int) -> bool:
    return [n_in, *(w.shape[1] for w in matrices[:-1])] == [w.shape[0] for w in matrices]


def _misfit(given: list[np.ndarray], inputs: tuple[int, ...], orientation: str | None, fitting: list[str]) -> str:
    found = f"shapes do not fit: input_spikes {inputs} (samples, steps, n_in)"
    found += "".join(f", w{k} {w.shape}" for k, w in enumerate(given, 1))
    if fitting:
        return f"{found}: they fit as orientation={fitting[0]!r}, not {orientation!r}"
    every = "both" if len(given) == 2 else "all"
    return (
        f"{found}: {every} must be (n_in, n_out), as in x @ w, or {every} (n_out, n_in), as torch.nn.Linear.weight is"
    )


def _matrix(name: str, values: Any) -> np.ndarray:
    if hasattr(values, "forward"):
        raise SpikedtpError(
            f"{name} is a {type(values).__name__}, which has no counterpart here: known are torch.nn.Linear and "
            "cells of snnTorch and Norse"
        )
    array = as_numbers(name, values)
    if array.ndim != 2 or 0 in array.shape:
        raise SpikedtpError(f"{name} must be an array of numbers with 2 axes, got shape {array.shape}")
    return array


def _linear(name: str, layer: Any) -> tuple[np.ndarray, np.ndarray | None]:
    """The weights of a ``torch.nn.Linear`` as ``(n_in, n_out)``, and its bias."""
    weight = _matrix(f"{name}.weight", layer.weight)
    if weight.shape != (layer.out_features, layer.in_features):
        raise SpikedtpError(f"{name}.weight must be (out_features, in_features), got {weight.shape}")
    bias = getattr(layer, "bias", None)
    return weight.T, None if bias is None else as_numbers(f"{name}.bias", bias)
