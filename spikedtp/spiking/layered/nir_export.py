"""Writes a network of layers as a NIR graph."""

from __future__ import annotations

from typing import Any

import numpy as np

from spikedtp.errors import SpikedtpError, known_names, shown
from spikedtp.neurons import StepLI, StepLIF
from spikedtp.neurons.step_lif import METHODS
from spikedtp.spiking.layered.network import INPUT, Layer, LayeredNetwork
from spikedtp.spiking.layered.nir_nodes import nir_package

__all__ = ["to_nir"]


def to_nir(network: LayeredNetwork, *, method: str = "euler", lossy: bool = False) -> Any:
    """Write a network of layers as a graph of the Neuromorphic Intermediate Representation (NIR).

    ``from_nir(to_nir(network), dt=network.dt)`` is the same network, within rounding. ``nir.write(path, graph)``
    makes a file of it, which other programs can read.

    Parameters
    ----------
    network : LayeredNetwork
        Of `StepLIF` and `StepLI` cells.
    method : {"euler", "exact"}
        How the factors for a time step become time constants, as in `from_nir`: the method of the program that is to
        read the graph.
    lossy : bool
        Whether to write what NIR has no words for all the same. These are resets other than ``"value"`` (programs that
        read the graph will reset to v_reset), and voltages that do not start at v_leak.

    Returns
    -------
    nir.NIRGraph

    Raises
    ------
    SpikedtpError
        NIR has no node for a cell, or no words for what it does and `lossy` is false.

    Examples
    --------
    >>> from spikedtp.neurons import StepLIF
    >>> from spikedtp.spiking import Connection, Layer, LayeredNetwork, to_nir
    >>> cells = Layer("cells", StepLIF(beta=0.9, reset="value"), [Connection("input", [[0.5, 0.8]])], bias=[0.1])
    >>> graph = to_nir(LayeredNetwork(2, [cells]))
    >>> sorted(graph.nodes), graph.nodes["cells"].tau.round(6), graph.nodes["cells"].r.round(6)
    (['cells', 'cells_from_input', 'input', 'output'], array([0.01]), array([10.]))
    """
    nir = nir_package()
    if not isinstance(network, LayeredNetwork):
        raise SpikedtpError(f"to_nir: network must be a LayeredNetwork, got {shown(network)}")
    if method not in METHODS:
        raise known_names("method", method, METHODS)
    dt = float(network.dt)
    nodes: dict[str, Any] = {INPUT: nir.Input(np.array([network.n_in]))}
    edges: list[tuple[str, str]] = []
    names = [layer.name for layer in network.layers]
    for place, layer in enumerate(network.layers):
        target = layer.name
        if _only_sums(layer) and layer is network.output:  # what arrives there is the output
            target = "output"
        else:
            nodes[target] = _node(nir, layer, dt, method, lossy)
        for k, connection in enumerate(layer.connections):
            delay, source = connection.delay_steps, connection.source
            if delay == 1 and source in names[place:]:  # an edge back takes one step in any case
                delay = 0
            if delay:
                late = _free(f"delay_{layer.name}_{source}", nodes, names)
                nodes[late] = nir.Delay(np.full(connection.weights.shape[1], delay * dt))
                edges.append((source, late))
                source = late
            name = _free(f"{layer.name}_from_{connection.source}", nodes, names)
            if layer.bias is not None and not k:
                nodes[name] = nir.Affine(connection.weights.copy(), layer.bias.copy())
            else:
                nodes[name] = nir.Linear(connection.weights.copy())
            edges += [(source, name), (name, target)]
    if "output" in names and nodes.get("output") is not None:
        raise SpikedtpError("to_nir: a layer has the name 'output', which NIR needs for its Output node: rename it")
    nodes["output"] = nir.Output(np.array([network.output.n]))
    if network.output.name in nodes and network.output.name != "output":
        edges.append((network.output.name, "output"))
    return nir.NIRGraph(nodes, edges)


def _free(name: str, nodes: dict[str, Any], names: list[str]) -> str:
    """`name`, or with a number where it is taken."""
    taken, k, found = {*nodes, *names, "output"}, 1, name
    while found in taken:
        k, found = k + 1, f"{name}_{k + 1}"
    return found


def _only_sums(layer: Layer) -> bool:
    """Whether the voltage of a layer is what arrives there."""
    plain = {"beta": 0.0, "alpha": 0.0, "input_gain": 1.0, "current_gain": 1.0, "drift": 0.0}
    return type(layer.cell) is StepLI and all((layer.parameter(key) == value).all() for key, value in plain.items())


def _node(nir: Any, layer: Layer, dt: float, method: str, lossy: bool) -> Any:
    where = f"to_nir: layer {layer.name!r}"
    if type(layer.cell) not in (StepLI, StepLIF):
        raise SpikedtpError(f"{where}: {type(layer.cell).__name__} has no node in NIR: StepLIF and StepLI have")
    value = {name: layer.parameter(name).copy() for name in layer.cell.quantities()}
    beta, alpha = value["beta"], value["alpha"]
    fires = isinstance(layer.cell, StepLIF)
    spike = {"v_threshold": value["threshold"], "v_reset": value["v_reset"]} if fires else {}
    if isinstance(layer.cell, StepLIF) and layer.cell.reset != "value" and not lossy:
        raise SpikedtpError(
            f"{where}: NIR has no reset {layer.cell.reset!r}, only 'value': lossy=True writes it all the same"
        )
    current, integrates = (alpha > 0).any(), (beta == 1).all()
    rest = np.zeros(layer.n) if integrates else value["drift"] / np.where(beta < 1, 1 - beta, 1)
    if not np.allclose(value["v_start"], rest, rtol=1e-9, atol=1e-12) and not lossy:
        raise SpikedtpError(
            f"{where}: voltages start at v_leak in NIR ({shown(rest[0])} here), not at v_start = "
            f"{shown(value['v_start'][0])}: lossy=True writes it all the same"
        )
    if integrates and not current and not value["drift"].any():
        gain = {"r": value["input_gain"] * value["current_gain"]}
        return nir.IF(**gain, **spike) if fires else nir.I(**gain)
    if (beta == 1).any() or (current and (alpha == 1).any()):
        raise SpikedtpError(
            f"{where}: NIR has no node for beta = 1 with a current, a drift or leaky neighbours, nor alpha = 1"
        )
    leak = {"r": value["current_gain"] / (1 - beta), "v_leak": rest}
    if current:
        return (nir.CubaLIF if fires else nir.CubaLI)(
            tau_mem=_tau(where, beta, dt, method), tau_syn=_tau(where, alpha, dt, method),
            w_in=value["input_gain"] / (1 - alpha), **leak, **spike,
        )  # fmt: skip
    leak["r"] = leak["r"] * value["input_gain"]
    return (nir.LIF if fires else nir.LI)(tau=_tau(where, beta, dt, method), **leak, **spike)


def _tau(where: str, left: np.ndarray, dt: float, method: str) -> np.ndarray:
    """The time constant in seconds of which a time step leaves so much."""
    if method == "euler":
        return dt / (1 - left)
    if (left == 0).any():
        raise SpikedtpError(f"{where}: nothing is left after a time step, which no time constant gives: method='euler'")
    return -dt / np.log(left)
