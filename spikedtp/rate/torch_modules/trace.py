"""Finds the layers of a torch module: what lies between two rectifiers becomes weights and a bias.

The module is traced by `torch.fx`: its own `forward` runs once, on symbols. Its layers run on bases of activities
(`affine`), in float64 and in evaluation mode, on a copy.
"""

from __future__ import annotations

import copy
import operator
from collections.abc import Callable
from typing import Any

import torch
import torch.fx
import torch.nn.functional as F
from torch import nn

from spikedtp.errors import SpikedtpError, in_one_line, shown
from spikedtp.rate.torch_modules.affine import Affine, Batch, apply, values_in
from spikedtp.rate.torch_modules.layered import INPUT, OUTPUT, Layer, Layered

__all__ = ["layers_of", "unwrapped"]

_SAME = (nn.Identity, nn.Dropout, nn.Dropout1d, nn.Dropout2d, nn.Dropout3d, nn.AlphaDropout, nn.FeatureAlphaDropout)
_SPARSE = (
    nn.Conv1d, nn.Conv2d, nn.Conv3d, nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d, nn.AvgPool1d,
    nn.AvgPool2d, nn.AvgPool3d, nn.AdaptiveAvgPool1d, nn.AdaptiveAvgPool2d, nn.AdaptiveAvgPool3d,
)  # fmt: skip
_NORM = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)
_AFFINE = (nn.Linear, nn.Flatten, nn.Unflatten, nn.ZeroPad1d, nn.ZeroPad2d, nn.ConstantPad1d, nn.ConstantPad2d)
_SOFTMAX = (nn.Softmax, nn.LogSoftmax)

_SPARSE_CALLS = {
    F.conv1d, F.conv2d, F.conv3d, F.avg_pool1d, F.avg_pool2d, F.avg_pool3d, F.adaptive_avg_pool1d,
    F.adaptive_avg_pool2d, F.adaptive_avg_pool3d, torch.conv1d, torch.conv2d, torch.conv3d,
}  # fmt: skip
#: Affine in all of their arguments together.
_JOINT_CALLS = {
    F.linear, F.pad, torch.flatten, torch.reshape, torch.squeeze, torch.unsqueeze, torch.permute, torch.transpose,
    torch.cat, torch.concat, torch.stack, torch.mean, torch.sum, torch.neg, torch.add, torch.sub, operator.add,
    operator.sub, operator.neg, operator.getitem, operator.iadd, operator.isub,
}  # fmt: skip
#: Affine in one argument where the others are numbers.
_SINGLE_CALLS = {torch.mul, torch.div, torch.matmul, torch.mm, operator.mul, operator.truediv, operator.matmul}
_SINGLE_CALLS |= {operator.imul, operator.itruediv, F.linear}
_RELU_CALLS = {torch.relu, torch.relu_, F.relu, F.relu_}
_SOFTMAX_CALLS = {F.softmax, F.log_softmax, torch.softmax, torch.log_softmax}

_SAME_METHODS = {"contiguous", "float", "double", "clone", "detach", "to", "cpu"}
_JOINT_METHODS = {
    "view", "reshape", "flatten", "unflatten", "squeeze", "unsqueeze", "permute", "transpose", "mean", "sum", "neg",
    "add", "sub", "add_", "sub_", "select", "narrow", "movedim",
}  # fmt: skip
_SINGLE_METHODS = {"mul", "div", "matmul", "mul_", "div_"}
_RELU_METHODS = {"relu", "relu_"}
_SOFTMAX_METHODS = {"softmax", "log_softmax"}


def unwrapped(module: Any) -> nn.Module:
    """The module itself, out of the wrappers of torch.compile and of data-parallel training."""
    while isinstance(module, nn.Module):
        if hasattr(module, "_orig_mod"):
            module = module._orig_mod
        elif type(module).__name__ in ("DataParallel", "DistributedDataParallel"):
            module = module.module
        else:
            break
    if isinstance(module, torch.jit.ScriptModule):
        raise SpikedtpError("a TorchScript module cannot be traced: give the torch.nn.Module that it was made from")
    if not isinstance(module, nn.Module):
        raise SpikedtpError(f"module must be a torch.nn.Module, got {shown(module)}")
    return module


def layers_of(module: nn.Module, shape: tuple[int, ...] | None = None) -> Layered:
    """The layers of a module whose input has the shape (samples, *shape).

    Parameters
    ----------
    module : torch.nn.Module
        It is copied, not changed.
    shape : tuple of int, optional
        By default the first layer tells it.

    Raises
    ------
    SpikedtpError
        The module cannot be traced, or one of its layers has no counterpart. The message names it.
    """
    try:
        ours = copy.deepcopy(module).to(device="cpu", dtype=torch.float64).eval()
    except Exception as error:  # somebody else's module
        raise SpikedtpError(f"{_kind(module)} cannot be copied: {in_one_line(error)}") from None
    for parameter in ours.parameters():
        parameter.requires_grad_(False)
        if not bool(torch.isfinite(parameter).all()):
            raise SpikedtpError(f"{_kind(module)}: its parameters hold values that are not finite (NaN or infinite)")
    if ours.__module__.startswith("torch.nn") and not isinstance(ours, nn.Sequential):  # a layer is not looked into
        ours = nn.Sequential(ours)
    try:
        graph = torch.fx.Tracer().trace(ours)
    except Exception as error:  # somebody else's forward
        raise SpikedtpError(
            f"{_kind(module)} cannot be traced by torch.fx: {in_one_line(error)}; its forward must not depend on values"
        ) from None
    shape = _input_shape(ours) if shape is None else shape
    if len(shape) < 3 and any(isinstance(layer, nn.RNN) for layer in ours.modules()):
        shape = (1, shape[-1])  # one step, which is presented again and again
    with torch.no_grad():
        reading = _Reading(ours, shape)
        found = reading.read(graph)
        _hold(ours, found, shape, softmax=bool(reading.ended))
    return found


def _hold(module: nn.Module, found: Layered, shape: tuple[int, ...], *, softmax: bool) -> None:
    """Hold what was read against the module itself."""
    x = torch.rand(3, found.n_inputs, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    n_steps = 20 if found.recurrent else 1
    wanted = module(
        x.reshape(3, *shape).repeat(1, n_steps, *[1] * (len(shape) - 1)) if found.recurrent else x.reshape(3, *shape)
    )
    if isinstance(wanted, tuple):  # of a recurrent layer: its last state
        wanted = wanted[1]
    if found.recurrent and wanted.shape != (3, found.layers[OUTPUT].size):
        wanted = wanted[-1] if wanted.shape[1] == 3 else wanted[:, -1]
    got = torch.from_numpy(found.activity(x.numpy(), n_steps)[OUTPUT])
    wanted = wanted.flatten(1)
    if softmax:
        wanted, got = wanted.exp() if bool((wanted <= 0).all()) else wanted, got.softmax(-1)
    scale = max(float(wanted.abs().max()), 1.0)
    if wanted.shape != got.shape or not torch.allclose(wanted, got, rtol=0, atol=1e-9 * scale):
        raise SpikedtpError(
            f"{_kind(module)}: what was read of it does not compute what it computes: some of its operations depend on "
            "more than their inputs"
        )


def _input_shape(module: nn.Module) -> tuple[int, ...]:
    for layer in module.modules():
        if isinstance(layer, nn.Linear):
            return (layer.in_features,)
        if isinstance(layer, nn.BatchNorm1d):
            return (layer.num_features,)
        if isinstance(layer, nn.RNNBase):
            return (1, layer.input_size)
        if isinstance(layer, _SPARSE + _NORM):
            break
    raise SpikedtpError(
        f"{_kind(module)}: the shape of its input is unknown: give example=, an input such as a batch of images"
    )


class _Recurrent:
    """What `nn.RNN` gives back: the sequence of its last layer, and the last states of all layers.

    The states alone, once they have been asked for, have no sequence.
    """

    def __init__(self, sequence: Affine | None, states: list[Affine]):
        self.sequence, self.states = sequence, states

    def part(self, asked: Any, index: tuple, name: str) -> Affine | _Recurrent:
        """The sequence, all states, or one of them."""
        if asked is operator.getitem:
            (place,) = index
            if self.sequence is not None and place in (0, 1):
                return self.sequence if place == 0 else _Recurrent(None, self.states)
            first, *rest = place if isinstance(place, tuple) else (place,)
            in_range = isinstance(first, int) and -len(self.states) <= first < len(self.states)
            if self.sequence is None and in_range and all(part == slice(None) for part in rest):
                return self.states[first]
        if asked == "squeeze" and index == (0,) and self.sequence is None and len(self.states) == 1:
            return self.states[0]
        raise SpikedtpError(f"{name} of what a recurrent layer gives back: take its output, or its last state")


class _Reading:
    """One reading of a graph: the layers so far, and the values of its nodes."""

    def __init__(self, module: nn.Module, shape: tuple[int, ...]):
        self.module, self.shape = module, shape
        self.layers: dict[str, Layer] = {}
        self.values: dict[torch.fx.Node, Any] = {}
        self.ended = ""  # the softmax after which nothing may come

    def read(self, graph: torch.fx.Graph) -> Layered:
        given = [node for node in graph.nodes if node.op == "placeholder"]
        needed = [node for node in given if not node.args]  # others have defaults
        if not given or len(needed) > 1:
            raise SpikedtpError(
                f"{_kind(self.module)}: forward takes {len(needed)} inputs ({', '.join(n.name for n in needed)}): it "
                "must take one"
            )
        for node in graph.nodes:
            if node.op == "placeholder":
                self.values[node] = Affine.of(INPUT, self.shape) if node is given[0] else node.args[0]
            elif node.op == "get_attr":
                self.values[node] = _attribute(self.module, str(node.target))
            elif node.op == "output":
                return self._end(self._value(node.args[0]))
            else:
                self.values[node] = self._call(node)
        raise SpikedtpError(f"{_kind(self.module)}: forward gives nothing back")

    def _end(self, result: Any) -> Layered:
        result = result.states[-1] if isinstance(result, _Recurrent) else result
        if not isinstance(result, Affine) or not result.matrix:
            raise SpikedtpError(
                f"{_kind(self.module)}: forward must give back one tensor that depends on its input, "
                f"got {_kind(result)}"
            )
        last = next(reversed(self.layers), "")
        used = any(last in layer.weights for layer in self.layers.values())
        if last and not used and result.is_activity_of(last):
            self.layers[OUTPUT] = self.layers.pop(last)
        else:
            self._add(OUTPUT, result, "linear")
        n_inputs = int(torch.Size(self.shape).numel())
        return Layered(n_inputs, self.layers)

    # -- nodes -------------------------------------------------------------------------------------------------------

    def _value(self, argument: Any) -> Any:
        return torch.fx.node.map_arg(argument, lambda node: self.values[node])

    def _call(self, node: torch.fx.Node) -> Any:
        args, kwargs = self._value(node.args), self._value(node.kwargs)
        target: Any = node.target
        if node.op == "call_module":
            layer = self.module.get_submodule(str(target))
            name = f"{_kind(self.module)}: layer {target!r} ({_kind(layer)})"
            return self._layer(layer, name, args, kwargs)
        method = node.op == "call_method"
        name = f"{_kind(self.module)}: {target if method else getattr(target, '__name__', target)}()"
        run = _method(str(target)) if method else target
        if args and isinstance(args[0], _Recurrent):
            return args[0].part(target, args[1:], name)
        affine = values_in([args, kwargs])
        if not affine:  # arithmetic on parameters and numbers
            return _plain(run, args, kwargs, name)
        if (not method and target is getattr and args[1] == "shape") or (method and target == "size"):
            return self._asked_size(args, method)
        if not method and target is getattr and args[1] in ("dtype", "device"):
            return {"dtype": torch.float64, "device": torch.device("cpu")}[args[1]]
        self._check_open(name)
        kinds = (
            (_SAME_METHODS, _JOINT_METHODS, _SINGLE_METHODS, _RELU_METHODS, _SOFTMAX_METHODS)
            if method
            else ({F.dropout, F.dropout1d, F.dropout2d}, _JOINT_CALLS, _SINGLE_CALLS, _RELU_CALLS, _SOFTMAX_CALLS)
        )
        same, joint, single, relu, softmax = (target in kind for kind in kinds)
        if same:
            if not method and kwargs.get("training", args[2] if len(args) > 2 else True):
                raise SpikedtpError(f"{name} drops cells when the network answers, too: write training=self.training")
            return args[0]
        if relu or self._is_rectifier(target, args, kwargs, method):
            return self._rectify(affine[0])
        if softmax:
            self.ended = name
            return affine[0]
        if target in _SPARSE_CALLS and len(affine) == 1:
            return apply(run, args, kwargs, name, sparse=True)
        dividing = (
            target in (torch.div, operator.truediv, operator.itruediv, "div", "div_") and args[0] is not affine[0]
        )
        if joint or (single and len(affine) == 1 and not dividing):
            return apply(run, args, kwargs, name)
        raise _no_counterpart(name)

    def _layer(self, layer: nn.Module, name: str, args: tuple, kwargs: dict) -> Any:
        if len(args) != 1 or kwargs or not isinstance(args[0], Affine):
            raise SpikedtpError(f"{name} must be called with one tensor that depends on the input")
        (value,) = args
        self._check_open(name)
        if isinstance(layer, nn.RNN):
            return self._settle(layer, value, name)
        kind = type(layer)
        if kind in _SAME:
            return value
        if kind is nn.ReLU:
            return self._rectify(value)
        if kind in _SOFTMAX:
            self.ended = name
            return value
        if kind in _NORM and getattr(layer, "running_mean", None) is None:
            raise SpikedtpError(f"{name} has no running statistics, so that its samples depend on one another")
        if kind in _SPARSE + _NORM + _AFFINE:
            return apply(layer, args, {}, name, sparse=kind in _SPARSE)
        raise _no_counterpart(name)

    def _check_open(self, name: str) -> None:
        if self.ended:
            raise SpikedtpError(f"{name} comes after {self.ended}: a softmax can only be the end, where it is left out")

    @staticmethod
    def _is_rectifier(target: Any, args: tuple, kwargs: dict, method: bool) -> bool:
        if target not in (("clamp", "clamp_", "clip") if method else (torch.clamp, torch.clip)):
            if target in (("clamp_min", "clamp_min_") if method else (torch.clamp_min,)):
                return (args[1] if len(args) > 1 else kwargs.get("min")) == 0
            return False
        lower = args[1] if len(args) > 1 else kwargs.get("min")
        return lower == 0 and lower is not False and (args[2] if len(args) > 2 else kwargs.get("max")) is None

    @staticmethod
    def _asked_size(args: tuple, method: bool) -> Any:
        sizes = (Batch(), *args[0].shape)
        return sizes[args[1]] if method and len(args) > 1 else sizes

    # -- layers ------------------------------------------------------------------------------------------------------

    def _rectify(self, value: Affine) -> Affine:
        return Affine.of(self._add(f"H{len(self.layers) + 1}", value, "relu"), value.shape)

    def _add(self, name: str, value: Affine, activation: str, recurrent: torch.Tensor | None = None) -> str:
        weights = {source: value.weights(source) for source in value.matrix}
        masks = {source: (w != 0).numpy() for source, w in weights.items() if value.sparse and bool((w == 0).any())}
        self.layers[name] = Layer(
            {source: w.contiguous().numpy() for source, w in weights.items()},
            value.offset.reshape(-1).numpy(),
            activation,
            None if recurrent is None else recurrent.numpy(),
            masks,
        )
        return name

    def _settle(self, layer: nn.RNN, value: Affine, name: str) -> _Recurrent:
        """Each layer of an RNN whose input does not change in time."""
        if layer.nonlinearity != "relu":
            raise SpikedtpError(f"{name} has the nonlinearity {layer.nonlinearity}: only relu has a counterpart")
        if layer.bidirectional or not layer.batch_first:
            what = "is bidirectional" if layer.bidirectional else "has its samples on the second axis"
            raise SpikedtpError(f"{name} {what}: it must be nn.RNN(..., batch_first=True) in one direction")
        if len(value.shape) != 2 or value.shape[0] != 1:
            raise SpikedtpError(
                f"{name}: its input must be (samples, 1, n), one step that is presented until the network has settled, "
                f"got (samples, {', '.join(map(str, value.shape))})"
            )
        states = []
        for k in range(layer.num_layers):
            parts = [getattr(layer, f"{part}_l{k}") for part in ("weight_ih", "weight_hh")]
            both = sum(getattr(layer, f"bias_{side}_l{k}") for side in ("ih", "hh")) if layer.bias else None
            drive = apply(lambda x, w, b: F.linear(x[:, 0], w, b), (value, parts[0], both), {}, name)
            found = Affine.of(self._add(f"H{len(self.layers) + 1}", drive, "relu", parts[1]), drive.shape)
            states.append(found)
            value = apply(lambda x: x[:, None], (found,), {}, name)
        return _Recurrent(value, states)


def _attribute(module: nn.Module, path: str) -> Any:
    value: Any = module
    for part in path.split("."):
        value = getattr(value, part)
    return value


def _method(name: str) -> Callable[..., Any]:
    return lambda own, *args, **kwargs: getattr(own, name)(*args, **kwargs)


def _plain(run: Callable[..., Any], args: tuple, kwargs: dict, name: str) -> Any:
    try:
        return run(*args, **kwargs)
    except Exception as error:
        raise SpikedtpError(f"{name} cannot be computed: {in_one_line(error)}") from None


def _no_counterpart(name: str) -> SpikedtpError:
    return SpikedtpError(
        f"{name} has no counterpart in a rate network: between rectifiers (ReLU) everything must be affine"
    )


def _kind(value: Any) -> str:
    return type(value).__name__
