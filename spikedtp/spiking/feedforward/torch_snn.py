"""`run_torch_snn`: a network trained in torch in discrete time, spike for spike, whichever way it is given."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import numpy as np
from brian2 import ms
from brian2.units.fundamentalunits import Quantity
from numpy.typing import ArrayLike

from spikedtp.arrays import as_numbers
from spikedtp.errors import SpikedtpError
from spikedtp.neurons import CellModel, DiscreteLIF, LeakyReadout, StepLI, StepLIF
from spikedtp.neurons.step_lif import step_decay
from spikedtp.parameters import check_quantity
from spikedtp.spiking.feedforward.run import run_feedforward, spikes_given
from spikedtp.spiking.feedforward.trained_weights import GivenLayers, given_layers
from spikedtp.spiking.layered.network import INPUT, Connection, Layer, LayeredNetwork
from spikedtp.spiking.layered.run import run_layers
from spikedtp.spiking.layered.torch_modules import from_torch_snn, is_cell_module

__all__ = ["run_torch_snn"]

#: The default; another value must be that of modules which have a time step.
ONE_MS = 1 * ms


def run_torch_snn(
    weights: Any,
    input_spikes: ArrayLike,
    *,
    tau: Quantity | Sequence[Quantity] = 5 * ms,
    dt: Quantity = ONE_MS,
    threshold: float | Sequence[float] = 1.0,
    orientation: str | None = None,
    recurrent: Sequence[ArrayLike | None] | None = None,
    biases: Sequence[ArrayLike | None] | None = None,
    reset: str | None = None,
    tau_syn: Quantity | Sequence[Quantity | None] | None = None,
    device: str = "cpp_standalone",
) -> tuple[Any, np.ndarray]:
    """Run a trained discrete-time network in Brian2, spike for spike.

    Hidden cells are `DiscreteLIF` and output cells are `LeakyReadout`. With `reset` they are `StepLIF` and `StepLI`,
    the cells of snnTorch and Norse. All numbers are float64.

    Parameters
    ----------
    weights : [w1, w2, ...], or a network
        Matrices ``(n_in, n_hidden)``, ..., ``(n_hidden, n_out)``, as in torch's ``x @ w``. They are arrays, tensors, or
        the layers (``torch.nn.Linear``) themselves. A network with cells, such as ``torch.nn.Sequential(nn.Linear(...),
        snn.Leaky(...), ...)``, is taken as `from_torch_snn` does; all else but `dt` and `device` is then in it.
    input_spikes : (samples, steps, n_in)
        Spikes as 0 and 1, or bool. A network with cells takes graded inputs too, as `run_layers` does.
    tau : Quantity (second), or one for each matrix
        Membrane time constants of hidden and output cells.
    dt : Quantity (second)
        Time step.
    threshold : float, or one for each hidden layer
    orientation : {"in_out", "out_in"}, optional
        How arrays and tensors are stored: ``(n_in, n_out)``, or ``(n_out, n_in)`` as ``torch.nn.Linear.weight`` is. The
        shapes decide this unless all of them are square. Then it must be given.
    recurrent : sequence, one entry for each hidden layer, optional
        Weights ``(n, n)`` of a layer onto itself in the same orientation, or None. The spikes of a step arrive in the
        next one.
    biases : sequence, one entry for each matrix, optional
        ``(n,)`` arrays that are added to the input in each step, or None. Layers with a bias bring it themselves.
    reset : str, optional
        One of the resets of `StepLIF`. Each layer then sees the spikes that the one below fires in the same step.
    tau_syn : Quantity (second), or one for each matrix, optional
        Synaptic time constants, with `reset` alone; None for inputs that act on the voltage at once.
    device : {"cpp_standalone", "runtime"}

    Returns
    -------
    hidden_spikes : (samples, steps, n_hidden) bool
        For two matrices. Else a tuple of such arrays, one for each layer that fires, the output too if it does.
    output_v : (samples, steps, n_out) float64
        Voltages of the output cells: at the start of each step, where they are 0 in step 0; with `reset` or a network
        with cells, at the end of each step.

    Raises
    ------
    SpikedtpError
        Shapes do not fit or fit in both orientations, inputs are not spikes, units are wrong, a module has no
        counterpart, or the device is unknown.

    Examples
    --------
    >>> import numpy as np
    >>> from spikedtp import run_torch_snn
    >>> w1, w2 = np.full((3, 2), 0.6), np.ones((2, 1))  # (n_in, n_hidden), (n_hidden, n_out)
    >>> spikes = np.zeros((1, 10, 3), dtype=bool)
    >>> spikes[0, 2] = True  # all inputs fire in step 2
    >>> hidden, output = run_torch_snn([w1, w2], spikes, device="runtime")
    >>> np.flatnonzero(hidden[0, :, 0]), output.shape
    (array([4, 5]), (1, 10, 1))
    >>> (first, second), output = run_torch_snn([w1, np.ones((2, 4)), np.ones((4, 1))], spikes, device="runtime")
    >>> np.flatnonzero(second[0, :, 0])
    array([6, 7])
    """
    options = {"recurrent": recurrent, "biases": biases, "reset": reset, "tau_syn": tau_syn}
    if _has_cells(weights):
        if named := [name for name, value in options.items() if value is not None]:
            raise SpikedtpError(f"run_torch_snn: the network has cells of its own: leave out {', '.join(named)}")
        network = from_torch_snn(weights, dt=None if dt is ONE_MS else dt)
        response = run_layers(network, input_spikes, record=[network.output.name], device=device)
        return tuple(response.spikes.values()), response.v[network.output.name]
    x = spikes_given(input_spikes)
    given = given_layers(weights, x.shape, orientation)
    plain = len(given.matrices) == 2 and not any(bias is not None and bias.any() for bias in given.biases)
    if plain and np.ndim(tau) == np.ndim(threshold) == 0 and not _any(options):
        cell = DiscreteLIF(tau=tau, threshold=cast(float, threshold))
        short = run_feedforward(weights, x, hidden=cell, tau=tau, dt=dt, orientation=orientation, device=device)
        assert short.output_v is not None  # traces are kept unless one says otherwise
        return short.hidden_spikes, short.output_v
    network = _network(given, tau, dt, threshold, recurrent, biases, reset, tau_syn)
    response = run_layers(network, x, device=device)
    spikes, output = tuple(response.spikes.values()), response.output
    if reset is None:  # a threshold is tested one step after it was crossed, at the start of the step
        spikes, output = tuple(_later(each) for each in spikes), _later(output)
    return spikes[0] if len(spikes) == 1 else spikes, output


def _any(options: dict[str, Any]) -> bool:
    return any(value is not None for value in options.values())


def _has_cells(weights: Any) -> bool:
    parts = weights.children() if hasattr(weights, "children") else weights
    if isinstance(parts, np.ndarray) or not np.iterable(parts):
        return False
    return any(is_cell_module(part) or (hasattr(part, "children") and _has_cells(part)) for part in parts)


def _later(values: np.ndarray) -> np.ndarray:
    """The same one step later, and 0 before."""
    moved = np.zeros_like(values)
    moved[:, 1:] = values[:, :-1]
    return moved


def _network(
    given: GivenLayers, tau: Any, dt: Quantity, threshold: Any, recurrent: Any, biases: Any, reset: str | None,
    tau_syn: Any,
) -> LayeredNetwork:  # fmt: skip
    n = len(given.matrices)
    check_quantity("run_torch_snn", "dt", dt, ms, above=0 * ms)
    taus = _times("tau", tau, n)
    synaptic = [None] * n if tau_syn is None else _times("tau_syn", tau_syn, n)
    if reset is None and any(each is not None for each in synaptic):
        raise SpikedtpError("run_torch_snn: tau_syn needs a reset such as 'late_subtract': DiscreteLIF has no current")
    thresholds = (
        [threshold] * (n - 1) if np.ndim(threshold) == 0 else _entries("threshold", threshold, n - 1, "hidden layer")
    )
    if reset is None and any(value < 0 for value in thresholds):
        raise SpikedtpError(
            "run_torch_snn: thresholds below 0 need a reset such as 'late_subtract', or two matrices alone"
        )
    loops = [None] * (n - 1) if recurrent is None else _entries("recurrent", recurrent, n - 1, "hidden layer")
    added = [None] * n if biases is None else _entries("biases", biases, n, "matrix")
    layers: list[Layer] = []
    for k, matrix in enumerate(given.matrices):
        last, name = k == n - 1, "output" if k == n - 1 else f"hidden{k + 1}"
        between = 1 if layers and reset is None else 0
        connections = [Connection(layers[-1].name if layers else INPUT, matrix.T, between)]
        if not last and loops[k] is not None:
            loop = as_numbers(f"recurrent[{k}]", loops[k])
            connections.append(Connection(name, loop.T if given.orientation == "in_out" else loop, 1))
        bias = given.biases[k]
        if added[k] is not None:
            more = as_numbers(f"biases[{k}]", added[k])
            if more.shape != (matrix.shape[1],):
                raise SpikedtpError(f"biases[{k}] must be ({matrix.shape[1]},), got shape {more.shape}")
            bias = more if bias is None else bias + more
        cell: CellModel
        if reset is None:
            cell = LeakyReadout(tau=taus[k]) if last else DiscreteLIF(tau=taus[k], threshold=thresholds[k])
        else:
            left = {"beta": step_decay(taus[k], dt, "exact")}
            if synaptic[k] is not None:
                left["alpha"] = step_decay(synaptic[k], dt, "exact")
            cell = StepLI(**left) if last else StepLIF(**left, threshold=thresholds[k], reset=reset)
        layers.append(Layer(name, cell, tuple(connections), bias))
    return LayeredNetwork(given.matrices[0].shape[0], tuple(layers), dt)


def _times(name: str, given: Any, n: int) -> list[Any]:
    """A time constant for each of n matrices."""
    one = np.ndim(given) == 0
    each = [given] * n if one else _entries(name, given, n, "matrix")
    for value in each:
        if value is not None or name == "tau":
            check_quantity("run_torch_snn", name, value, ms, above=0 * ms)
    return each


def _entries(name: str, given: Any, n: int, of: str) -> list[Any]:
    if not np.iterable(given) or isinstance(given, str) or len(entries := list(given)) != n:
        raise SpikedtpError(f"run_torch_snn: {name} must have one entry for each {of}, {n} of them")
    return entries
