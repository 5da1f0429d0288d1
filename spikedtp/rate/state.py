"""State dicts with EIANN's key names: written, read and checked against the circuit. No file formats here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from spikedtp.arrays import as_numbers
from spikedtp.circuit import Circuit, bias_key, weight_key
from spikedtp.errors import SpikedtpError
from spikedtp.plasticity import Mask
from spikedtp.rate.initial_weights import DrawnWeights

__all__ = ["full_keys", "read_parameters"]


def _array(value: Any, key: str, shape: tuple[int, ...]) -> np.ndarray:
    array = as_numbers(f"weights: {key}", value, np.float32, kinds="iuf")
    if array.shape != shape:
        wanted = f"{shape} (n_post, n_pre)" if len(shape) == 2 else f"{shape} (n,)"
        raise SpikedtpError(f"weights: {key} has the shape {array.shape}, the circuit wants {wanted}")
    return array.copy()


def full_keys(circuit: Circuit, values: Mapping[str, Any]) -> dict[str, Any]:
    """`values` under EIANN's keys, where some have the names of projections (``H2E_H1E``, ``H2E_bias``) alone.

    Raises
    ------
    SpikedtpError
        Something is there under both of its names.
    """
    short = {p.name: weight_key(p.name) for p in circuit.projections}
    short |= {f"{p.name}_bias": bias_key(p.name) for p in circuit.populations[1:]}
    for name, key in short.items():
        if name in values and key in values:
            raise SpikedtpError(f"weights: holds both {name} and {key}, which are one; give one of them")
    return {short.get(key, key): value for key, value in values.items()}


def read_parameters(circuit: Circuit, values: Mapping[str, Any]) -> DrawnWeights:
    """Check a state dict against the circuit.

    Parameters
    ----------
    circuit : Circuit
    values : mapping
        EIANN's key names, or the names of projections and ``POP_bias``, to tensors or arrays. Biases may be left out
        (0).

    Raises
    ------
    SpikedtpError
        Missing or unexpected keys, wrong shapes, NaN or infinite entries, signs against Dale's law, synapses outside
        a mask.
    """
    if not isinstance(values, Mapping):
        raise SpikedtpError(f"weights: expected a state dict, got {type(values).__name__}")
    sizes = {population.name: population.size for population in circuit.populations}
    shapes = {weight_key(p.name): (sizes[p.post], sizes[p.pre]) for p in circuit.projections}
    biases = {bias_key(p.name): (p.size,) for p in circuit.populations[1:]}
    values = full_keys(circuit, values)
    missing = [key for key in shapes if key not in values]
    unexpected = [str(key) for key in values if key not in shapes and key not in biases]
    for keys, what in ((missing, "misses"), (unexpected, "has unexpected")):
        if keys:
            more = f" and {len(keys) - 3} more" if len(keys) > 3 else ""
            raise SpikedtpError(
                f"weights: the state dict {what} {', '.join(keys[:3])}{more}: does it belong to circuit {circuit.name}?"
            )
    weights = {}
    for projection in circuit.projections:
        key = weight_key(projection.name)
        weight = _array(values[key], key, shapes[key])
        lower, upper = projection.bounds
        wrong = int((weight < 0).sum()) if lower is not None and lower >= 0 else 0
        wrong += int((weight > 0).sum()) if upper is not None and upper <= 0 else 0
        if wrong:
            law = ">= 0 (excitatory)" if lower is not None and lower >= 0 else "<= 0 (inhibitory)"
            raise SpikedtpError(f"weights: {key} breaks Dale's law: {wrong} of its entries not {law}")
        mask = projection.constraint
        if isinstance(mask, Mask) and (outside := np.count_nonzero(weight[~mask.connected])):
            raise SpikedtpError(f"weights: {key} has {outside} synapses outside the mask of {projection.name}")
        weights[projection.name] = weight
    found = {
        p.name: _array(values[bias_key(p.name)], bias_key(p.name), (p.size,))
        if bias_key(p.name) in values
        else np.zeros(p.size, dtype=np.float32)
        for p in circuit.populations[1:]
    }
    return DrawnWeights(weights, found, {})
