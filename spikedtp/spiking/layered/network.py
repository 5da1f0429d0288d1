"""The plain description of a network of layers in discrete time. It knows neither torch nor NIR, nor runs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from brian2 import ms
from brian2.units.fundamentalunits import Quantity
from numpy.typing import ArrayLike

from spikedtp.arrays import as_numbers
from spikedtp.errors import SpikedtpError, known_names, shown
from spikedtp.neurons import CellModel
from spikedtp.parameters import check_quantity, check_whole
from spikedtp.summaries import Summarised, counted

__all__ = ["INPUT", "Connection", "Layer", "LayeredNetwork"]

#: The name of the given spikes among the sources of connections.
INPUT = "input"


@dataclass(frozen=True, eq=False, repr=False)
class Connection:
    """Weights from one layer, or from the input, onto another.

    Parameters
    ----------
    source : str
        The name of the presynaptic layer, or ``"input"``.
    weights : (n_post, n_pre)
    delay_steps : int
        Time steps from a spike to its arrival. Spikes of earlier layers and of the input may arrive in their own step
        (0, the default). Those of the same or of a later layer arrive in the next step at the earliest (1).

    Examples
    --------
    >>> from spikedtp.spiking import Connection
    >>> Connection("input", [[0.5, 0.2], [0.1, 0.9], [1.0, 0.0]])
    Connection(source='input', weights=(3, 2), delay_steps=0)
    """

    source: str
    weights: np.ndarray
    delay_steps: int = 0

    def __post_init__(self) -> None:
        weights = as_numbers(f"weights from {self.source!r}", self.weights)
        if weights.ndim != 2 or 0 in weights.shape:
            raise SpikedtpError(f"weights from {self.source!r} must be (n_post, n_pre), got shape {weights.shape}")
        object.__setattr__(self, "weights", weights)
        check_whole("delay_steps", self.delay_steps)

    def __repr__(self) -> str:
        return f"Connection(source={self.source!r}, weights={self.weights.shape}, delay_steps={self.delay_steps})"


@dataclass(frozen=True, eq=False, repr=False)
class Layer(Summarised):
    """Cells of one model, and all that arrives at them.

    Parameters
    ----------
    name : str
    cell : CellModel
        Such as `StepLIF`: a cell in discrete time with inputs at ``input_soma`` and a voltage ``v_soma``.
    connections : sequence of Connection
    bias : (n,), optional
        What arrives in every step beside the spikes.
    values : mapping of str to (n,), optional
        Parameters of the cell of which each cell of the layer has its own value.

    Examples
    --------
    >>> import numpy as np
    >>> from spikedtp.neurons import StepLIF
    >>> from spikedtp.spiking import Connection, Layer
    >>> Layer("hidden", StepLIF(), [Connection("input", np.ones((4, 3)))]).n
    4
    """

    name: str
    cell: CellModel
    connections: tuple[Connection, ...]
    bias: np.ndarray | None = None
    values: Mapping[str, np.ndarray] = field(default_factory=dict)

    def __post_init__(self) -> None:
        where = f"layer {self.name!r}"
        if not isinstance(self.cell, CellModel):
            raise SpikedtpError(f"{where}: cell must be a cell such as StepLIF(), got {shown(self.cell)}")
        object.__setattr__(self, "connections", tuple(self.connections))
        if not self.connections:
            raise SpikedtpError(f"{where} has no connection: nothing would arrive there")
        if len({connection.weights.shape[0] for connection in self.connections}) > 1:
            sizes = ", ".join(f"{c.weights.shape[0]} from {c.source!r}" for c in self.connections)
            raise SpikedtpError(f"{where}: all connections must have one number of postsynaptic cells, got {sizes}")
        if self.bias is not None:
            object.__setattr__(self, "bias", self._per_cell("bias", self.bias))
        known = self.cell.quantities()
        for name in self.values:
            if name not in known:
                raise known_names(f"parameter of {type(self.cell).__name__}", name, known)
        values = {name: self._per_cell(name, given) for name, given in self.values.items()}
        for limit in (np.min, np.max):  # the cell checks them as its own
            replace(self.cell, **{name: float(limit(found)) for name, found in values.items()})
        object.__setattr__(self, "values", values)

    @classmethod
    def of(
        cls, name: str, kind: type[CellModel], parameters: Mapping[str, ArrayLike], reset: str,
        connections: Sequence[Connection], bias: np.ndarray,
    ) -> Layer:  # fmt: skip
        """A layer from parameters that are one number or one for each cell, whichever they are; `reset` may be ""."""
        shared: dict[str, Any] = {"reset": reset} if reset else {}
        values = {}
        for key, given in parameters.items():
            numbers = as_numbers(f"{key} of layer {name!r}", given).reshape(-1)
            if numbers.size not in (1, len(bias)):
                raise SpikedtpError(f"{key} of layer {name!r} must be one number or {len(bias)}, got {numbers.size}")
            if (numbers == numbers[0]).all():
                shared[key] = float(numbers[0])
            else:
                values[key] = numbers
        return cls(name, kind(**shared), tuple(connections), bias if bias.any() else None, values)

    def _per_cell(self, name: str, given: ArrayLike) -> np.ndarray:
        found = as_numbers(f"{name} of layer {self.name!r}", given)
        if found.shape != (self.n,):
            raise SpikedtpError(f"{name} of layer {self.name!r} must be ({self.n},), got shape {found.shape}")
        return found

    def _headline(self) -> str:
        return f"{self.name}, {counted(self.n, type(self.cell).__name__ + ' cell')}"

    def _parts(self) -> dict[str, str]:
        arriving = {
            f"from {c.source}": f"{c.weights.shape}, {counted(c.delay_steps, 'step')} late" for c in self.connections
        }
        own = {name: str(values.shape) for name, values in self.values.items()}
        return arriving | ({} if self.bias is None else {"bias": str(self.bias.shape)}) | own

    @property
    def n(self) -> int:
        """Number of cells."""
        return len(self.connections[0].weights)

    @property
    def fires(self) -> bool:
        return bool(self.cell.declaration().threshold)

    def parameter(self, name: str) -> np.ndarray:
        """The value of a parameter of the cell for each cell, ``(n,)``."""
        return np.broadcast_to(self.values.get(name, np.asarray(float(self.cell.quantities()[name]))), (self.n,))


@dataclass(frozen=True, eq=False, repr=False)
class LayeredNetwork(Summarised):
    """Layers in the order in which a time step goes through them.

    In one time step each layer in turn takes what arrives, takes its step and fires. Its spikes reach later layers in
    the same time step. This is how modules that are called one after another work. Connections back to the same or an
    earlier layer bring the spikes of the step before.

    Parameters
    ----------
    n_in : int
        Number of input cells.
    layers : sequence of Layer
    dt : Quantity (second)
    readout : str, optional
        The layer that is the output. The default is the last one.

    Raises
    ------
    SpikedtpError
        Sizes do not fit, names are unknown or twice there, or spikes would arrive before they are fired.

    Examples
    --------
    >>> import numpy as np
    >>> from spikedtp.neurons import StepLI, StepLIF
    >>> from spikedtp.spiking import Connection, Layer, LayeredNetwork
    >>> hidden = Layer("hidden", StepLIF(beta=0.8), [Connection("input", np.ones((4, 3)))])
    >>> output = Layer("output", StepLI(beta=0.9), [Connection("hidden", np.ones((2, 4)))])
    >>> LayeredNetwork(3, [hidden, output])
    LayeredNetwork: 3 inputs -> 4 hidden (StepLIF) -> 2 output (StepLI), dt = 1. ms
    """

    n_in: int
    layers: tuple[Layer, ...]
    dt: Quantity = field(default_factory=lambda: 1 * ms)
    readout: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "layers", tuple(self.layers))
        check_whole("n_in", self.n_in, least=1)
        check_quantity("LayeredNetwork", "dt", self.dt, ms, above=0 * ms)
        if not self.layers:
            raise SpikedtpError("a network needs at least one layer")
        names = [layer.name for layer in self.layers]
        if twice := {name for name in names if names.count(name) > 1 or name == INPUT}:
            raise SpikedtpError(f"each layer needs a name of its own, and 'input' is taken: {', '.join(sorted(twice))}")
        sizes = {INPUT: self.n_in} | {layer.name: layer.n for layer in self.layers}
        if self.readout and self.readout not in names:
            raise known_names("readout", self.readout, names)
        for place, layer in enumerate(self.layers):
            layer.cell.check_time_step(self.dt)
            for connection in layer.connections:
                self._check(connection, layer, sizes, late=connection.source in names[place:])

    def _check(self, connection: Connection, layer: Layer, sizes: Mapping[str, int], late: bool) -> None:
        where, source = f"layer {layer.name!r}", connection.source
        if source not in sizes:
            raise known_names(f"source of {where}", source, sizes)
        if connection.weights.shape[1] != sizes[source]:
            raise SpikedtpError(
                f"{where}: weights from {source!r} must be (n_post, n_pre) = ({layer.n}, {sizes[source]}), got "
                f"{connection.weights.shape}"
            )
        if source != INPUT and not self[source].fires:
            raise SpikedtpError(
                f"{where}: {source!r} ({type(self[source].cell).__name__}) never fires: it can be an output alone"
            )
        if late and not connection.delay_steps:
            raise SpikedtpError(f"{where}: spikes of {source!r} arrive in the next step at the earliest: delay_steps=1")

    def __getitem__(self, name: str) -> Layer:
        for layer in self.layers:
            if layer.name == name:
                return layer
        raise known_names("layer", name, (layer.name for layer in self.layers))

    @property
    def output(self) -> Layer:
        """The layer that is read out."""
        return self[self.readout] if self.readout else self.layers[-1]

    def _headline(self) -> str:
        steps: Iterable[str] = (f"{layer.n} {layer.name} ({type(layer.cell).__name__})" for layer in self.layers)
        return f"{self.n_in} inputs -> {' -> '.join(steps)}, dt = {self.dt}"
