"""Runs a network of layers: given spikes or numbers in, spikes of every layer and voltages of some out."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import ArrayLike

from spikedtp.arrays import as_numbers
from spikedtp.errors import SpikedtpError, known_names, shown
from spikedtp.spiking.engine.batch import RunInputs
from spikedtp.spiking.engine.devices import check_device
from spikedtp.spiking.engine.run import run_on
from spikedtp.spiking.layered.build import build_layers
from spikedtp.spiking.layered.network import INPUT, LayeredNetwork
from spikedtp.spiking.parts.given_spikes import packed
from spikedtp.summaries import Summarised, counted, shapes

__all__ = ["LayeredResponse", "run_layers"]


@dataclass(frozen=True, eq=False, repr=False)
class LayeredResponse(Summarised):
    """The response of a network of layers to each sample.

    Attributes
    ----------
    spikes : dict of str to (samples, steps, n) bool
        Of each layer that fires: in the time step in which a call of the layer's module returns them.
    v : dict of str to (samples, steps, n) float64
        Voltages of recorded layers at the end of each time step, after what resets at once.
    output : (samples, steps, n)
        Spikes of the last layer, or its voltages where it never fires.

    Examples
    --------
    >>> import numpy as np
    >>> from spikedtp.neurons import StepLIF
    >>> from spikedtp.spiking import Connection, Layer, LayeredNetwork, run_layers
    >>> network = LayeredNetwork(1, [Layer("cells", StepLIF(beta=0.5), [Connection("input", [[0.8]])])])
    >>> run_layers(network, np.ones((1, 4, 1)), device="runtime")
    LayeredResponse: 1 sample of 4 time steps
      spikes  (1, 4, n) with cells 1
      v       (1, 4, n) with cells 1
      output  (1, 4, 1)
    """

    spikes: dict[str, np.ndarray]
    v: dict[str, np.ndarray]
    output: np.ndarray

    def _headline(self) -> str:
        samples, steps, _ = self.output.shape
        return f"{counted(samples, 'sample')} of {counted(steps, 'time step')}"

    def _parts(self) -> dict[str, str]:
        return {"spikes": shapes(self.spikes), "v": shapes(self.v), "output": str(self.output.shape)}


def run_layers(
    network: LayeredNetwork, inputs: ArrayLike, *, record: Iterable[str] | None = None, device: str = "cpp_standalone"
) -> LayeredResponse:
    """Run a network of layers in Brian2. All numbers are float64.

    Spikes are those of the library that the network comes from, as long as no voltage comes as near to its threshold as
    sums of float64 are rounded (about 1e-15 of their size): the order in which weights are added differs.

    Parameters
    ----------
    network : LayeredNetwork
        Such as `from_nir` or `from_torch_snn` gives.
    inputs : (samples, steps, n_in)
        Spikes as 0 and 1 or bool. Other numbers are graded inputs, such as the grey values of an image in every step;
        the weights of the input multiply them.
    record : iterable of str, optional
        Layers whose voltages are kept. The default is the last one.
    device : {"cpp_standalone", "runtime"}

    Returns
    -------
    LayeredResponse

    Raises
    ------
    SpikedtpError
        The inputs do not fit, a layer is unknown, or the device is.

    Examples
    --------
    >>> import numpy as np
    >>> from spikedtp.neurons import StepLI, StepLIF
    >>> from spikedtp.spiking import Connection, Layer, LayeredNetwork, run_layers
    >>> hidden = Layer("hidden", StepLIF(beta=0.5), [Connection("input", [[0.8]])])
    >>> output = Layer("output", StepLI(beta=0.5), [Connection("hidden", [[1.0]])])
    >>> response = run_layers(LayeredNetwork(1, [hidden, output]), np.ones((1, 4, 1)), device="runtime")
    >>> np.flatnonzero(response.spikes["hidden"]), response.output[0, :, 0]
    (array([1]), array([0.  , 1.  , 0.5 , 0.25]))
    """
    if not isinstance(network, LayeredNetwork):
        raise SpikedtpError(f"run_layers: network must be a LayeredNetwork, got {shown(network)}")
    x = _checked(network, inputs)
    check_device(device)
    names = [layer.name for layer in network.layers]
    wanted = (network.output.name,) if record is None else tuple(dict.fromkeys(record))
    for name in wanted:
        if name not in names:
            raise known_names("layer to record", name, names)
    needed = wanted if network.output.fires else tuple(dict.fromkeys((*wanted, network.output.name)))
    graded = x.dtype != bool
    patterns = _graded(network, x) if graded else {"spikes": np.stack([packed(raster) for raster in x])}
    data = RunInputs(patterns, np.arange(len(x)), np.zeros(len(x), dtype=np.int64))
    results = run_on(device, partial(build_layers, network, x.shape[1], needed, graded), data)
    spikes = {
        layer.name: _raster(*results.spikes[layer.name], (*x.shape[:2], layer.n))
        for layer in network.layers if layer.fires
    }  # fmt: skip
    output = spikes[network.output.name] if network.output.fires else results.traces[network.output.name]
    return LayeredResponse(spikes, {name: results.traces[name] for name in wanted}, output)


def _checked(network: LayeredNetwork, inputs: ArrayLike) -> np.ndarray:
    """The inputs, bool where they are spikes."""
    x = as_numbers("inputs", inputs, None)
    if x.ndim != 3 or 0 in x.shape or x.shape[-1] != network.n_in:
        raise SpikedtpError(f"inputs must be (samples, steps, n_in) with n_in = {network.n_in}, got shape {x.shape}")
    return x.astype(bool) if x.dtype == bool or np.isin(x, (0, 1)).all() else x.astype(float)


def _graded(network: LayeredNetwork, x: np.ndarray) -> dict[str, np.ndarray]:
    """What arrives from outside at each layer that the input reaches: name of the table -> (samples, steps, n)."""
    tables: dict[str, np.ndarray] = {}
    for place, layer in enumerate(network.layers):
        for connection in layer.connections:
            if connection.source == INPUT:
                table = tables.setdefault(f"layer_{place}.input", np.zeros((*x.shape[:2], layer.n)))
                late = min(connection.delay_steps, x.shape[1])
                table[:, late:] += x[:, : x.shape[1] - late] @ connection.weights.T
    return tables


def _raster(events: np.ndarray, counts: np.ndarray, shape: tuple[int, int, int]) -> np.ndarray:
    raster = np.zeros(shape, dtype=bool)
    raster[np.repeat(np.arange(len(counts)), counts), events[:, 0], events[:, 1]] = True
    return raster
