"""Circuits as plain data: description, builder, YAML reader and writer, names of shipped models."""

from spikedtp.circuit.builder import CircuitBuilder
from spikedtp.circuit.checks import checked_tasks
from spikedtp.circuit.circuit import Circuit
from spikedtp.circuit.keys import bias_key, weight_key
from spikedtp.circuit.learned import check_learned, inputs_of, learned_rules
from spikedtp.circuit.nudge import instructed_cells, nudge_kind, plateau_of, sees_nudge
from spikedtp.circuit.parts import Constraint, Population, Projection
from spikedtp.circuit.reader import read_circuit
from spikedtp.circuit.shipped import circuit_path, shipped_names

__all__ = [
    "Circuit",
    "CircuitBuilder",
    "Constraint",
    "Population",
    "Projection",
    "bias_key",
    "check_learned",
    "checked_tasks",
    "circuit_path",
    "inputs_of",
    "instructed_cells",
    "learned_rules",
    "nudge_kind",
    "plateau_of",
    "read_circuit",
    "sees_nudge",
    "shipped_names",
    "weight_key",
]
