"""A circuit as a template: the same circuit for other numbers of inputs and classes."""

from __future__ import annotations

from dataclasses import replace

from spikedtp.circuit.circuit import Circuit
from spikedtp.parameters import check_whole
from spikedtp.plasticity.masks import ReceptiveFields

__all__ = ["fit_sizes", "size_changes"]


def fit_sizes(circuit: Circuit, n_inputs: int, n_classes: int, *, shape: tuple[int, int] | None = None) -> Circuit:
    """The circuit with `n_inputs` input cells and `n_classes` output cells.

    Populations of the output layer that are as large as the output are fitted with it, such as its SomaI cells. Hidden
    layers stay as they are, and so do all constants: initial weights are scaled by the numbers of their inputs, but
    learning rates may need to be chosen anew.

    Parameters
    ----------
    circuit : Circuit
    n_inputs, n_classes : int
    shape : (int, int), optional
        (rows, columns) of images, for projections from the input with receptive fields.

    Returns
    -------
    Circuit

    Examples
    --------
    >>> from spikedtp.circuit import fit_sizes, read_circuit
    >>> circuit = fit_sizes(read_circuit("digits_dtp"), 33, 4)
    >>> [population.size for population in circuit.populations]
    [33, 200, 30, 30, 200, 30, 30, 4, 4]
    """
    n_inputs, n_classes = check_whole("n_inputs", n_inputs, least=1), check_whole("n_classes", n_classes, least=1)
    source, output = circuit.input, circuit.output
    sizes = {p.name: n_classes for p in circuit.populations if p.layer == output.layer and p.size == output.size}
    sizes[source.name] = n_inputs
    populations = tuple(replace(p, size=sizes.get(p.name, p.size)) for p in circuit.populations)
    projections = tuple(
        replace(p, constraint=replace(p.constraint, image_dims=shape))
        if p.pre == source.name and isinstance(p.constraint, ReceptiveFields) and n_inputs != source.size
        else p
        for p in circuit.projections
    )
    return replace(circuit, populations=populations, projections=projections)


def size_changes(before: Circuit, after: Circuit) -> list[str]:
    """What `fit_sizes` changed, such as ``InputE 64 -> 33``.

    Examples
    --------
    >>> from spikedtp.circuit import fit_sizes, read_circuit, size_changes
    >>> circuit = read_circuit("digits_dtp")
    >>> size_changes(circuit, fit_sizes(circuit, 33, 10))
    ['InputE 64 -> 33']
    """
    pairs = zip(before.populations, after.populations, strict=True)
    return [f"{old.name} {old.size} -> {new.size}" for old, new in pairs if old.size != new.size]
