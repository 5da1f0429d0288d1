"""Reads a NIR graph as a network of layers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from brian2 import ms, second
from brian2.units.fundamentalunits import Quantity
from scipy import sparse

from spikedtp.errors import SpikedtpError, known_names
from spikedtp.neurons import CellModel, StepLI, StepLIF
from spikedtp.neurons.step_lif import METHODS, step_decay
from spikedtp.parameters import check_quantity
from spikedtp.spiking.layered.network import INPUT, Layer, LayeredNetwork
from spikedtp.spiking.layered.nir_nodes import CELLS, kind_of, numbers, opened, size_of
from spikedtp.spiking.layered.signals import Signal

__all__ = ["from_nir"]

#: How a spike may act on the cells of a graph, as in `StepLIF`; NIR itself says "value".
RESETS_OF_NIR = ("value", "subtract")


def from_nir(graph: Any, *, dt: Quantity, method: str = "euler", reset: str = "value") -> LayeredNetwork:
    """Take a graph of the Neuromorphic Intermediate Representation (NIR).

    NIR states continuous equations, and each program chooses time steps for them. Here, in a step of length dt, with
    a = 1 - dt/tau (``"euler"``) or e^(-dt/tau) (``"exact"``: for inputs that are constant during the step)::

        CubaLIF, CubaLI   i = a_syn i + (1 - a_syn) w_in x,  then  v = a_mem v + (1 - a_mem) (v_leak + r i)
        LIF, LI           v = a v + (1 - a) (v_leak + r x)
        IF, I             v = v + r x

    x is what arrives in this step: a spike is a 1 that lasts for one time step. For IF and I it is an impulse, so that
    dt does not matter. A cell then fires if v > v_threshold, its v is set to v_reset at once, and its spikes reach the
    next cells in the same step. Along an edge back to the same or to an earlier cell they arrive in the next step.
    Voltages start at v_leak, those of IF and I at 0. These are the steps of Norse, and with ``dt=0.1*ms`` those of
    snnTorch: of graphs that these programs can run, the spikes are the same.

    Parameters
    ----------
    graph : nir.NIRGraph, or path of a file
        With one Input, one Output, and nodes LIF, CubaLIF, IF, LI, CubaLI, I, Linear, Affine, Scale, Delay, Flatten and
        graphs of these. Cells in circles are recurrent. LI, CubaLI and I come last, since they never fire. Delays are
        seconds, and are rounded to time steps.
    dt : Quantity (second)
        The time step with which the network was trained: 1 ms is Norse's default, and snnTorch exports 0.1 ms.
    method : {"euler", "exact"}
    reset : {"value", "subtract"}
        What a spike does: NIR says that it sets v to v_reset. Some programs subtract v_threshold instead.

    Returns
    -------
    LayeredNetwork
        Layers have the names of their nodes. Run it with `run_layers`.

    Raises
    ------
    SpikedtpError
        A node has no counterpart (it is named); nodes form a circle without a cell; sizes do not fit; a time constant
        is below `dt`; or a file holds no NIR graph.

    References
    ----------
    Pedersen et al. 2024, Nat. Commun. 15:8122.

    Examples
    --------
    >>> import nir
    >>> import numpy as np
    >>> from brian2 import ms
    >>> from spikedtp.spiking import from_nir, run_layers
    >>> one = np.ones(2)
    >>> graph = nir.NIRGraph.from_list(
    ...     nir.Linear(np.array([[2.0, 0.0, 1.0], [0.0, 3.0, 0.0]])),
    ...     nir.LIF(tau=0.004 * one, r=one, v_leak=0 * one, v_threshold=one, v_reset=0 * one),
    ... )
    >>> network = from_nir(graph, dt=1 * ms)
    >>> network
    LayeredNetwork: 3 inputs -> 2 lif (StepLIF), dt = 1. ms
    >>> run_layers(network, np.ones((1, 8, 3)), device="runtime").output[0].sum(axis=0)
    array([4, 4])
    """
    check_quantity("from_nir", "dt", dt, ms, above=0 * ms)
    if method not in METHODS:
        raise known_names("method", method, METHODS)
    if reset not in RESETS_OF_NIR:
        raise known_names("reset of a NIR graph", reset, RESETS_OF_NIR)
    return _Reader(*opened(graph), dt=dt, method=method, reset=reset).network()


class _Reader:
    """Signals of nodes, found from what arrives at them; cells and the input are where they come from."""

    def __init__(self, nodes: dict[str, Any], edges: list[tuple[str, str]], *, dt: Quantity, method: str, reset: str):
        self.nodes, self.dt, self.method, self.reset = nodes, dt, method, reset
        self.sources: dict[str, list[str]] = {name: [] for name in nodes}
        for pre, post in edges:
            self.sources[post].append(pre)
        self.signals: dict[str, Signal] = {}
        self.begun: list[str] = []
        self.input, self.output = (
            next(name for name, node in nodes.items() if kind_of(node) == end and "." not in name)
            for end in ("Input", "Output")
        )

    def network(self) -> LayeredNetwork:
        n_in = size_of(self.input, self.nodes, self.sources)
        cells = {name: self._arriving(name) for name, node in self.nodes.items() if kind_of(node) in CELLS}
        layers: list[Layer] = []
        for name, late in _in_order(cells):
            layers.append(self._layer(name, cells[name], late))
        end, readout = self._arriving(self.output), ""
        (source, delay), matrix = next(iter(end.terms.items()))
        plain = len(end.terms) == 1 and source in cells and not delay and not end.bias.any()
        if plain and matrix.shape[0] == matrix.shape[1] and (sparse.eye_array(end.n) != matrix).sum() == 0:
            readout = source
        else:  # its voltage is what arrives
            readout = self.output
            layers.append(Layer.of(readout, StepLI, {"beta": 0.0}, "", end.connections(), end.bias))
        return LayeredNetwork(n_in, tuple(layers), self.dt, readout)

    def _arriving(self, name: str) -> Signal:
        if not self.sources[name]:
            raise SpikedtpError(f"NIR node {name!r} ({kind_of(self.nodes[name])}): nothing arrives there")
        signals = [self._signal(pre) for pre in self.sources[name]]
        if len({signal.n for signal in signals}) > 1:
            sizes = ", ".join(f"{s.n} from {pre!r}" for s, pre in zip(signals, self.sources[name], strict=True))
            raise SpikedtpError(f"NIR node {name!r}: different numbers arrive: {sizes}")
        total = signals[0]
        for more in signals[1:]:
            total = total + more
        return total

    def _signal(self, name: str) -> Signal:
        """What comes out of a node."""
        if name not in self.signals:
            if name in self.begun:
                circle = " -> ".join([*self.begun[self.begun.index(name) :], name])
                raise SpikedtpError(f"the NIR graph has a circle without a cell, which cannot be run: {circle}")
            self.begun.append(name)
            self.signals[name] = self._found(name)
            self.begun.remove(name)
        return self.signals[name]

    def _found(self, name: str) -> Signal:
        node, kind = self.nodes[name], kind_of(self.nodes[name])
        if name == self.input:
            return Signal.of(INPUT, size_of(name, self.nodes, self.sources))
        if kind in CELLS:
            return Signal.of(name, size_of(name, self.nodes, self.sources))
        signal = self._arriving(name)
        if kind in ("Linear", "Affine"):
            weights = numbers(name, node, "weight")
            if weights.ndim != 2 or weights.shape[1] != signal.n:
                raise SpikedtpError(
                    f"NIR node {name!r} ({kind}): weight must be (n, {signal.n}), since {signal.n} numbers arrive, got "
                    f"shape {weights.shape}"
                )
            bias = numbers(name, node, "bias").reshape(-1) if kind == "Affine" else None
            if bias is not None and bias.size not in (1, len(weights)):
                raise SpikedtpError(f"NIR node {name!r} (Affine): bias must be ({len(weights)},), got {bias.size}")
            return signal.times(weights, bias)
        if kind == "Scale":
            return signal.scaled(self._per_number(name, "scale", signal.n))
        if kind == "Delay":
            seconds = self._per_number(name, "delay", signal.n)
            if (seconds < 0).any():
                raise SpikedtpError(f"NIR node {name!r} (Delay): delays must be at least 0, got {seconds.min()}")
            steps = np.floor(seconds / float(self.dt) + 0.5).astype(int)
            return signal.delayed(steps, f"NIR node {name!r} (Delay)")
        return signal  # shapes are row by row throughout

    def _per_number(self, name: str, what: str, n: int) -> np.ndarray:
        found = numbers(name, self.nodes[name], what).reshape(-1)
        if found.size not in (1, n):
            raise SpikedtpError(f"NIR node {name!r}: {what} must be ({n},), since {n} numbers arrive, got {found.size}")
        return np.broadcast_to(found, (n,))

    def _layer(self, name: str, arriving: Signal, late: set[str]) -> Layer:
        kind, n = kind_of(self.nodes[name]), self._signal(name).n
        if arriving.n != n:
            raise SpikedtpError(f"NIR node {name!r} ({kind}) has {n} cells, and {arriving.n} numbers arrive")
        values = self._cell(name, kind, n)
        cell: type[CellModel] = StepLI
        if "threshold" in values:
            cell = StepLIF
        return Layer.of(
            name, cell, values, self.reset if cell is StepLIF else "", arriving.connections(late), arriving.bias
        )

    def _cell(self, name: str, kind: str, n: int) -> dict[str, np.ndarray]:
        """Factors for each time step, one for each cell."""

        def given(what: str) -> np.ndarray:
            return self._per_number(name, what, n)

        values: dict[str, np.ndarray] = {}
        if kind in ("IF", "I"):
            values |= {"beta": np.ones(n), "current_gain": given("r")}
        else:
            left = self._decay(name, given("tau_mem" if kind.startswith("Cuba") else "tau"))
            values |= {"beta": left, "current_gain": (1 - left) * given("r")}
            values |= {"drift": (1 - left) * given("v_leak"), "v_start": given("v_leak")}
        if kind.startswith("Cuba"):
            left = self._decay(name, given("tau_syn"))
            values |= {"alpha": left, "input_gain": (1 - left) * given("w_in")}
        if kind.endswith("IF"):
            values |= {"threshold": given("v_threshold"), "v_reset": given("v_reset")}
        return values

    def _decay(self, name: str, tau: np.ndarray) -> np.ndarray:
        try:
            return np.asarray(step_decay(tau * second, self.dt, self.method))
        except SpikedtpError as error:
            raise SpikedtpError(f"NIR node {name!r}: {error}") from None


def _in_order(cells: Mapping[str, Signal]) -> list[tuple[str, set[str]]]:
    """Cells in the order of a time step, each with those whose spikes of the step before it takes.

    A cell comes after all that it hears. In a circle the one comes first that hears the input or earlier cells.
    """
    heard = {name: {source for source, _ in signal.terms if source != INPUT} for name, signal in cells.items()}
    placed: list[tuple[str, set[str]]] = []
    left = list(cells)
    while left:
        waiting = set(left)
        ready = [name for name in left if not (heard[name] & waiting) - {name}]
        if not ready:
            done = {INPUT, *(name for name, _ in placed)}
            ready = [name for name in left if {source for source, _ in cells[name].terms} & done] or left
        name = ready[0]
        placed.append((name, heard[name] & waiting))
        left.remove(name)
    return placed
