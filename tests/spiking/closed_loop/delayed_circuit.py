"""A small circuit with delays of every kind of projection."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from spikedtp.circuit import Circuit, CircuitBuilder
from spikedtp.plasticity import DendriticLoss, DendriticState, HebbWeightNorm

__all__ = ["delayed_circuit"]


def delayed_circuit(seed: int | None = 0, most: int = 2, **training) -> Circuit:
    """Two hidden layers and interneurons that learn; delays of 0 to `most` steps, or none without a seed."""
    lds, hebb = DendriticState(0.2, one_pass=True), HebbWeightNorm(0.2, 1)
    net = CircuitBuilder("delayed", **{"tau": 3, "forward_steps": 60} | training)
    net.input(8)
    for layer in ("H1", "H2"):
        net.layer(layer, 6, rule=lds, init=1.5)
        net.interneurons(layer, "SomaI", 3, from_below={"rule": hebb})
        net.interneurons(layer, "DendI", 3, onto_e={"rule": DendriticLoss(0.4, sign=-1)}, from_e={"rule": hebb})
    net.layer("Output", 4, rule=lds, init=2.0)
    net.feedback("H1", tied=0.7)
    net.feedback("H2", init=1.0)
    circuit, rng = net.build(), np.random.default_rng(seed)
    if seed is None:
        return circuit
    delays = rng.integers(most + 1, size=len(circuit.projections))
    return replace(
        circuit,
        projections=tuple(replace(p, delay=int(d)) for p, d in zip(circuit.projections, delays, strict=True)),
    )
