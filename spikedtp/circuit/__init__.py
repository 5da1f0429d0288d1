"""Circuits as plain data: description, YAML reader, names of shipped models."""

from spikedtp.circuit.description import Circuit, Constraint, Population, Projection
from spikedtp.circuit.keys import bias_key, weight_key
from spikedtp.circuit.nudge import nudge_kind, plateau_of, sees_nudge
from spikedtp.circuit.reader import read_circuit
from spikedtp.circuit.shipped import circuit_path, shipped_names

__all__ = [
    "Circuit",
    "Constraint",
    "Population",
    "Projection",
    "bias_key",
    "circuit_path",
    "nudge_kind",
    "plateau_of",
    "read_circuit",
    "sees_nudge",
    "shipped_names",
    "weight_key",
]
