"""A NIR graph as plain nodes and edges: files read, graphs inside graphs opened, circles and misfits refused."""

from __future__ import annotations

import os
import re
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from spikedtp.arrays import as_numbers
from spikedtp.errors import SpikedtpError, in_one_line, shown
from spikedtp.file_kinds import file_kind

__all__ = ["CELLS", "kind_of", "nir_package", "numbers", "opened", "size_of"]

#: Nodes that have a state, and those that are linear in what arrives.
CELLS = ("LIF", "CubaLIF", "IF", "LI", "CubaLI", "I")
LINEAR = ("Input", "Output", "Linear", "Affine", "Scale", "Delay", "Flatten")


def nir_package() -> Any:
    """The `nir` package, or how to get it."""
    try:
        return import_module("nir")
    except ImportError:
        raise SpikedtpError("NIR graphs need the package nir: pip install 'spikedtp[nir]'") from None


def kind_of(node: Any) -> str:
    """The name of a node's class."""
    return type(node).__name__


def numbers(name: str, node: Any, what: str) -> np.ndarray:
    """A parameter of a node."""
    return as_numbers(f"{what} of NIR node {name!r}", getattr(node, what))


def opened(graph: Any) -> tuple[dict[str, Any], list[tuple[str, str]]]:
    """Nodes by name, and edges, of a graph or file; the nodes of a graph inside it have names ``graph.node``."""
    if isinstance(graph, str | os.PathLike):
        graph = _read(Path(graph))
    if kind_of(graph) != "NIRGraph" or not isinstance(graph.nodes, dict):
        raise SpikedtpError(f"from_nir needs a nir.NIRGraph or the path of a file with one, got {shown(graph)}")
    nodes, edges = _flat(graph, "")
    for end in ("Input", "Output"):
        found = [name for name, node in nodes.items() if kind_of(node) == end and name in graph.nodes]
        if len(found) != 1:
            raise SpikedtpError(f"the NIR graph must have one {end} node, got {', '.join(found) or 'none'}")
    return nodes, edges


def _read(path: Path) -> Any:
    nir = nir_package()
    try:
        with path.open("rb") as file:
            start = file.read(300)
    except OSError as error:
        raise SpikedtpError(f"{path}: {error.strerror or error}") from None
    try:
        return nir.read(path)
    except Exception as error:  # of h5py, and whatever a damaged or strange file provokes in nir
        kind = file_kind(start)
        if kind == "an HDF5 file" and path.suffix.lower() == ".nwb":
            kind = "an NWB file: spikedtp.events.from_nwb takes its spikes"
        if kind != "an HDF5 file":
            raise SpikedtpError(f"{path} is not a NIR graph, but {kind or 'of an unknown kind'}") from None
        if missing := re.search("object ('.+') doesn't exist", str(error)):  # as h5py says it
            raise SpikedtpError(
                f"{path} is no NIR graph as nir.write makes it, or damaged: there is no {missing[1]} in it"
            ) from None
        raise SpikedtpError(f"{path} cannot be read as a NIR graph: {in_one_line(error)}") from None


def _flat(graph: Any, prefix: str) -> tuple[dict[str, Any], list[tuple[str, str]]]:
    nodes: dict[str, Any] = {}
    edges: list[tuple[str, str]] = []
    entrance: dict[str, str] = {}
    exit_: dict[str, str] = {}
    for key, node in graph.nodes.items():
        name = prefix + key
        kind = kind_of(node)
        if kind == "NIRGraph":
            inner, more = _flat(node, f"{name}.")
            for end, ends in (("Input", entrance), ("Output", exit_)):
                own = [f"{name}.{k}" for k, each in node.nodes.items() if kind_of(each) == end]
                if len(own) != 1:
                    raise SpikedtpError(f"graph {name!r} inside the NIR graph must have one {end} node, got {len(own)}")
                ends[name] = own[0]
            nodes |= inner
            edges += more
        elif kind in CELLS or kind in LINEAR:
            nodes[name] = node
        else:
            raise SpikedtpError(
                f"NIR node {name!r} ({kind}) has no counterpart here: known are {', '.join((*CELLS, *LINEAR))}"
            )
    known = {*nodes, *entrance}
    for pre, post in graph.edges:
        pre, post = prefix + pre, prefix + post
        if missing := {pre, post} - known:
            raise SpikedtpError(f"an edge of the NIR graph, {pre!r} to {post!r}, names no node: {', '.join(missing)}")
        edges.append((exit_.get(pre, pre), entrance.get(post, post)))
    if len(set(edges)) < len(edges):
        pre, post = next(edge for edge in edges if edges.count(edge) > 1)
        raise SpikedtpError(f"the NIR graph has the edge {pre!r} to {post!r} twice")
    return nodes, edges


def size_of(name: str, nodes: dict[str, Any], sources: dict[str, list[str]]) -> int:
    """How many numbers come out of a node; of a cell whose parameters are single numbers, as many as arrive."""
    looked_at: list[str] = []
    while True:
        node, kind = nodes[name], kind_of(nodes[name])
        looked_at.append(name)
        if kind in ("Linear", "Affine"):
            return numbers(name, node, "weight").shape[-2]
        if kind == "Input":
            if (shape := _shape(node)) is not None:
                return shape
        elif (own := max((np.size(value) for value in _parameters(node).values()), default=1)) > 1:
            return own
        before = [each for each in sources[name] if each not in looked_at]
        if not before:
            return 1
        # of a recurrent cell, what does not come from itself
        name = min(before, key=lambda each: (kind_of(nodes[each]) not in ("Linear", "Affine"), sources[each] == [name]))


def _parameters(node: Any) -> dict[str, Any]:
    return {key: value for key, value in vars(node).items() if isinstance(value, np.ndarray | float)}


def _shape(node: Any) -> int | None:
    given = (node.input_type or {}).get("input")
    return None if given is None else int(np.prod(as_numbers("shape of Input", given)))
