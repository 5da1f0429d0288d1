"""From modules of snnTorch and Norse to a network of layers. Modules are told by their class; nothing is imported."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
from brian2 import ms, second
from brian2.units.fundamentalunits import Quantity

from spikedtp.arrays import as_numbers
from spikedtp.errors import SpikedtpError
from spikedtp.neurons import CellModel, StepLI, StepLIF
from spikedtp.spiking.layered.network import INPUT, Connection, Layer, LayeredNetwork
from spikedtp.spiking.layered.signals import Signal

__all__ = ["from_torch_snn", "is_cell_module"]

#: What a module becomes: the cell's class, its parameters as numbers or (n,) arrays, and its reset.
Cell = tuple[type[CellModel], dict[str, Any], str]


def from_torch_snn(module: Any, *, dt: Quantity | None = None) -> LayeredNetwork:
    """Take a trained network of snnTorch or Norse modules.

    Parameters
    ----------
    module : torch.nn.Sequential, norse.torch.SequentialState, or a sequence of modules
        In the order in which a time step calls them:

        - ``torch.nn.Linear``, and ``Flatten``, ``Identity`` and all kinds of dropout, which change nothing here;
        - ``snntorch.Leaky``, ``Synaptic``, ``RLeaky``, ``RSynaptic`` (recurrence all-to-all or one-to-one);
        - Norse's ``LIFCell``, ``LIFRecurrentCell``, ``LIFBoxCell``, ``LICell``, ``LIBoxCell``, ``IAFCell``, and the
          modules over time ``LIF``, ``LIFRecurrent``, ``LI``; ``Lift`` of one of these.

        Numbers may be float32; the network computes in float64.
    dt : Quantity (second), optional
        Time step. The default is that of Norse modules, or 1 ms: modules of snnTorch have factors for each step alone.

    Returns
    -------
    LayeredNetwork
        Run it with `run_layers`. Layers are named after their modules: ``leaky1``, ``leaky2``, or as the container
        names them. A last ``Linear`` becomes an output layer whose voltage is the sum of the weights.

    Raises
    ------
    SpikedtpError
        A module has no counterpart (it is named), or an option of it has none.

    Examples
    --------
    >>> import torch
    >>> from spikedtp.spiking import from_torch_snn
    >>> from_torch_snn(torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(6, 2)))
    LayeredNetwork: 6 inputs -> 2 output (StepLI), dt = 1. ms
    """
    builder = _Builder()
    for name, each in _modules(module):
        builder.add(name, each)
    return builder.network(dt)


def is_cell_module(module: Any) -> bool:
    """Whether this is a spiking module of snnTorch or Norse."""
    return _key(module) in _CELLS


def _key(module: Any) -> tuple[str, str]:
    kind = type(module)
    return kind.__module__.partition(".")[0], kind.__name__


def _modules(module: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """(name, module) in order, containers opened."""
    package, kind = _key(module)
    if isinstance(module, list | tuple | Iterator):  # the last as net.children() gives it
        children = [(str(k), each) for k, each in enumerate(module)]
    elif (package, kind) in (("torch", "Sequential"), ("torch", "ModuleList"), ("norse", "SequentialState")):
        children = list(module.named_children())
    elif (package, kind) == ("norse", "Lift"):
        children = [(prefix, module.lifted_module)]
        prefix = ""
    elif package == "torch" and kind in _WRAPPERS:
        children = [(prefix, getattr(module, _WRAPPERS[kind]))]
        prefix = ""
    elif isinstance(module, Mapping) and all(hasattr(value, "detach") for value in module.values()):
        raise SpikedtpError("this is a state dict, which has no modules: load it into its network, and give that")
    elif (
        hasattr(module, "forward")
        and kind != "type"
        and (package in ("torch", "snntorch", "norse") or not any(module.children()))
    ):
        yield prefix, module
        return
    else:
        got = f"the class {module.__name__}" if kind == "type" else kind
        raise SpikedtpError(
            f"a network of layers must be a torch.nn.Sequential or a list of modules in the order of their calls, such "
            f"as [net.fc1, net.lif1, net.fc2, net.lif2], got {got}"
        )
    for name, child in children:
        yield from _modules(child, f"{prefix}.{name}" if prefix else name)


class _Builder:
    """The layers so far, and the signal that comes out of the last module."""

    def __init__(self) -> None:
        self.layers: list[Layer] = []
        self.signal: Signal | None = None
        self.n_in = 0
        self.steps: dict[str, float] = {}

    def add(self, name: str, module: Any) -> None:
        key = _key(module)
        where = f"{key[1]} (module {name})"
        if key in _PASS:
            return
        if key == ("torch", "Linear"):
            self._times(where, module.weight, module.bias)
        elif key[0] == "torch" and key[1].startswith("Lazy"):
            raise SpikedtpError(f"{where} does not know its sizes yet: run the network once on a sample first")
        elif key in _CELLS:
            self._cell(name, where, key, module)
        else:
            raise SpikedtpError(
                f"{where} has no counterpart in a network of spiking layers: known are Linear, "
                f"{', '.join(kind for _, kind in _CELLS)}"
            )

    def _times(self, where: str, weight: Any, bias: Any) -> None:
        weights = as_numbers(f"weight of {where}", weight)
        signal = self._open(where, weights.shape[1])
        self.signal = signal.times(weights, None if bias is None else as_numbers(f"bias of {where}", bias))

    def _open(self, where: str, n: int) -> Signal:
        """The signal that arrives, which must have n numbers; the first one is the input."""
        if self.signal is None:
            self.n_in = n
            self.signal = Signal.of(INPUT, n)
        if self.signal.n != n:
            raise SpikedtpError(f"{where} takes {n} numbers, and {self.signal.n} arrive")
        if self.layers and not self.layers[-1].fires:
            raise SpikedtpError(f"{where} comes after {self.layers[-1].name}, which never fires: it must be the last")
        return self.signal

    def _cell(self, name: str, where: str, key: tuple[str, str], module: Any) -> None:
        kind, parameters, reset = _CELLS[key](where, module)
        if key[1].startswith("LIFRecurrent"):  # it has the weights of its inputs inside
            self._times(where, module.input_weights, None)
        if self.signal is None:
            raise SpikedtpError(f"{where} is the first module, and its number of cells is not known: begin with Linear")
        self._open(where, n := self.signal.n)
        if hasattr(module, "p"):
            self.steps[where] = float(module.dt)
        number = sum(type(layer.cell) is kind for layer in self.layers) + 1
        name = name if name and not name.rpartition(".")[2].isdigit() else f"{key[1].lower()}{number}"
        weights, constant = _recurrent(where, module, n)
        signal = self.signal + Signal({}, constant)
        connections = signal.connections()
        if weights is not None:
            connections = (*connections, Connection(name, weights, 1))
        self.layers.append(Layer.of(name, kind, parameters, reset, connections, signal.bias))
        self.signal = Signal.of(name, n)

    def network(self, dt: Quantity | None) -> LayeredNetwork:
        if self.signal is None:
            raise SpikedtpError("the network has no Linear and no spiking module: nothing to run")
        named = {layer.name for layer in self.layers}
        if not self.layers or set(self.signal.terms) != {(self.layers[-1].name, 0)} or self._is_weighted():
            name = "output" if "output" not in named else "output_sum"
            plain = {"beta": 0.0}
            self.layers.append(Layer.of(name, StepLI, plain, "", self.signal.connections(), self.signal.bias))
        if len(steps := set(self.steps.values())) > 1:
            raise SpikedtpError(
                f"modules have different time steps: {', '.join(f'{n} {d} s' for n, d in self.steps.items())}"
            )
        if dt is None:
            dt = steps.pop() * second if steps else 1 * ms
        elif steps and not np.isclose(step := steps.pop(), float(dt), rtol=1e-9, atol=0):
            raise SpikedtpError(f"dt = {dt}, but the modules have a time step of {step * second}: leave dt out")
        return LayeredNetwork(self.n_in, tuple(self.layers), dt)

    def _is_weighted(self) -> bool:
        """Whether a Linear came after the last cells."""
        return not hasattr(self.signal.terms[(self.layers[-1].name, 0)], "toarray")  # type: ignore[union-attr]


def _recurrent(where: str, module: Any, n: int) -> tuple[np.ndarray | None, np.ndarray]:
    """Weights ``(n, n)`` from the layer onto itself, and what their bias adds in every step."""
    nothing = np.zeros(n)
    if (weights := getattr(module, "recurrent_weights", None)) is not None:
        return as_numbers(f"recurrent_weights of {where}", weights), nothing
    inner = getattr(module, "recurrent", None)
    if inner is None:
        return None, nothing
    if _key(inner) == ("torch", "Linear"):
        bias = nothing if inner.bias is None else as_numbers(f"bias of {where}", inner.bias)
        return as_numbers(f"recurrent weight of {where}", inner.weight), bias
    if hasattr(inner, "V"):
        return np.diag(np.broadcast_to(as_numbers(f"V of {where}", inner.V), (n,))), nothing
    raise SpikedtpError(
        f"{where} has a recurrence by {type(inner).__name__}, which has no counterpart: use linear_features"
    )


# --- snnTorch -------------------------------------------------------------------------------------------------------


def _snntorch(where: str, module: Any) -> Cell:
    for option, unset in (("inhibition", False), ("state_quant", False), ("graded_spikes_factor", 1.0)):
        if np.any(_plain(getattr(module, option, unset)) != unset):
            raise SpikedtpError(f"{where}: {option} has no counterpart: train without it")
    threshold = as_numbers(f"threshold of {where}", module.threshold)
    mechanism, at_once = module.reset_mechanism, not module.reset_delay
    if at_once and mechanism == "zero" and (threshold < 0).any():
        raise SpikedtpError(f"{where}: reset 'zero' without reset_delay needs thresholds of at least 0")
    if at_once and type(module).__name__ == "RSynaptic":
        raise SpikedtpError(f"{where}: reset_delay=False of RSynaptic does not work in snnTorch 1.0: leave it True")
    _check_spikes(where, module)
    kept = type(module).__name__ == "Leaky"  # of the others a late reset takes the step's inputs too
    reset = {
        ("none", False): "none",
        ("none", True): "none",
        ("subtract", False): "late_subtract",
        ("subtract", True): "subtract_pending",
        ("zero", False): "late_value" if kept else "late_value_all",
        ("zero", True): "value",
    }[mechanism, at_once]
    parameters = {"beta": np.clip(as_numbers(f"beta of {where}", module.beta), 0, 1), "threshold": threshold}
    if hasattr(module, "alpha"):
        parameters["alpha"] = np.clip(as_numbers(f"alpha of {where}", module.alpha), 0, 1)
    return StepLIF, parameters, reset


def _check_spikes(where: str, module: Any) -> None:
    """Refuse a `spike_grad` that does not fire where the voltage is above the threshold, and only there."""
    over = np.repeat([-1.0, -1e-3, 0.0, 1e-3, 1.0], 20)
    probe = module.threshold.detach().new_zeros(len(over))
    for k, value in enumerate(over):
        probe[k] = value
    if not np.array_equal(as_numbers(f"spikes of {where}", module.spike_grad(probe)), over > 0):
        raise SpikedtpError(f"{where}: its spike_grad does not fire exactly where the voltage is above the threshold")


def _plain(value: Any) -> Any:
    return value.detach().cpu().numpy() if hasattr(value, "detach") else value


# --- Norse ----------------------------------------------------------------------------------------------------------


def _step(module: Any, name: str) -> np.ndarray:
    """dt/tau, rounded as Norse rounds it."""
    return as_numbers(name, module.dt * getattr(module.p, name))


def _norse_membrane(module: Any) -> dict[str, Any]:
    leak, v_leak = _step(module, "tau_mem_inv"), as_numbers("v_leak", module.p.v_leak)
    return {"beta": 1 - leak, "current_gain": leak, "drift": leak * v_leak, "v_start": v_leak}


def _norse_current(module: Any) -> dict[str, Any]:
    return {"alpha": 1 - _step(module, "tau_syn_inv")}


def _norse_spike(where: str, module: Any) -> tuple[dict[str, Any], str]:
    method = getattr(module.p, "reset_method", None)
    name = "reset_value" if method is None else getattr(method, "__name__", "")
    if name not in ("reset_value", "reset_subtract"):
        raise SpikedtpError(f"{where}: its reset_method {name} has no counterpart: reset_value or reset_subtract")
    values = {"threshold": as_numbers("v_th", module.p.v_th), "v_reset": as_numbers("v_reset", module.p.v_reset)}
    return values, name.removeprefix("reset_")


def _norse_lif(where: str, module: Any) -> Cell:
    values, reset = _norse_spike(where, module)
    return StepLIF, _norse_membrane(module) | _norse_current(module) | values, reset


def _norse_lif_box(where: str, module: Any) -> Cell:
    values, reset = _norse_spike(where, module)
    return StepLIF, _norse_membrane(module) | values, reset


def _norse_iaf(where: str, module: Any) -> Cell:
    values, reset = _norse_spike(where, module)
    return StepLIF, {"beta": 1.0, "v_start": values["v_reset"]} | values, reset


def _norse_li(where: str, module: Any) -> Cell:
    return StepLI, _norse_membrane(module) | _norse_current(module), ""


def _norse_li_box(where: str, module: Any) -> Cell:
    return StepLI, _norse_membrane(module), ""


#: Modules that change nothing: samples have one axis here, and nothing is dropped after training.
_PASS = {
    ("torch", kind)
    for kind in (
        "Flatten", "Identity", "Dropout", "Dropout1d", "Dropout2d", "Dropout3d", "AlphaDropout", "FeatureAlphaDropout"
    )
}  # fmt: skip
#: What runs another module, and where that module is.
_WRAPPERS = {"DataParallel": "module", "DistributedDataParallel": "module", "OptimizedModule": "_orig_mod"}
_CELLS: dict[tuple[str, str], Callable[[str, Any], Cell]] = {
    **{("snntorch", kind): _snntorch for kind in ("Leaky", "Synaptic", "RLeaky", "RSynaptic")},
    **{("norse", kind): _norse_lif for kind in ("LIFCell", "LIFRecurrentCell", "LIF", "LIFRecurrent")},
    ("norse", "LIFBoxCell"): _norse_lif_box,
    ("norse", "LICell"): _norse_li,
    ("norse", "LI"): _norse_li,
    ("norse", "LIBoxCell"): _norse_li_box,
    ("norse", "IAFCell"): _norse_iaf,
    ("norse", "IAF"): _norse_iaf,
}
