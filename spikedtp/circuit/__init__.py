"""Circuits as plain data: description, YAML reader, names of shipped models."""

from spikedtp.circuit.description import Circuit, Constraint, Population, Projection
from spikedtp.circuit.reader import read_circuit
from spikedtp.circuit.shipped import circuit_path, shipped_names

__all__ = ["Circuit", "Constraint", "Population", "Projection", "circuit_path", "read_circuit", "shipped_names"]
