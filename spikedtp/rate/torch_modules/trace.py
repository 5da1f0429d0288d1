"""Finds the layers of a torch module: what lies between two rectifiers becomes weights and a bias.

The module is traced by `torch.fx`: its own `forward` runs once, on symbols. Its layers run on bases of activities
(`affine`), in float64 and in evaluation mode, on a copy.
"""

from __future__ import annotations

import copy
import dataclasses
import inspect
import operator
import os
import traceback
from collections.abc import Callable
from typing import Any

import torch
import torch.fx
import torch.nn.functional as F
from torch import nn
from torch.nn.utils import parametrize

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
    F.pad, torch.flatten, torch.reshape, torch.squeeze, torch.unsqueeze, torch.permute, torch.transpose,
    torch.cat, torch.concat, torch.stack, torch.mean, torch.sum, torch.neg, torch.add, torch.sub, operator.add,
    operator.sub, operator.neg, operator.getitem, operator.iadd, operator.isub,
}  # fmt: skip
#: Affine in one argument where the others are numbers.
_SINGLE_CALLS = {torch.mul, torch.div, torch.matmul, torch.mm, operator.mul, operator.truediv, operator.matmul}
_SINGLE_CALLS |= {operator.imul, operator.itruediv, F.linear}
_RELU_CALLS = {torch.relu, torch.relu_, F.relu, F.relu_}
_SOFTMAX_CALLS = {F.softmax, F.log_softmax, torch.softmax, torch.log_softmax}

_TYPES = {"float", "double", "half", "bfloat16", "to", "type", "type_as"}
_SAME_METHODS = {"contiguous", "clone", "detach", "cpu", *_TYPES}
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
    ours = _own_copy(module)
    if ours.__module__.startswith("torch.nn") and not isinstance(ours, nn.Sequential):  # a layer is not looked into
        ours = nn.Sequential(ours)
    defaults = {
        name: given.default
        for name, given in inspect.signature(ours.forward).parameters.items()
        if given.default is not inspect.Parameter.empty
    }
    try:
        graph = torch.fx.Tracer().trace(ours, concrete_args=defaults or None)
    except Exception as error:  # somebody else's forward
        raise SpikedtpError(
            f"{_kind(module)} cannot be traced by torch.fx: {_in_user_code(error)}; its forward must not depend on "
            "values"
        ) from None
    guessed = shape is None
    shape = _input_shape(ours) if shape is None else shape
    first = next((layer for layer in ours.modules() if not list(layer.children())), None)
    if isinstance(first, nn.RNN) and len(shape) < 3:
        shape = (1, shape[-1])  # one step, which is presented again and again
    with torch.no_grad():
        try:
            reading = _Reading(ours, shape)
            found = reading.read(graph)
        except SpikedtpError as error:
            hint = f" (for inputs of the shape {shape}, as its first layer has it: give example= if they have another)"
            raise SpikedtpError(f"{error}{hint if guessed and 'cannot be applied' in str(error) else ''}") from None
        _hold(ours, graph, found, shape, softmax=bool(reading.ended))
        if any(layer.masks for layer in found.layers.values()):
            found = _with_masks_of(found, _Reading(_any_weights(ours), shape).read(graph))
    return found


def _own_copy(module: nn.Module) -> nn.Module:
    """A copy in float64 for evaluation."""
    for part in module.modules():
        if isinstance(part, torch.jit.ScriptModule):
            raise SpikedtpError(f"{_kind(module)} holds a TorchScript module, which cannot be traced")
    unborn = (nn.UninitializedParameter, nn.UninitializedBuffer)
    lazy = [name for name, p in (*module.named_parameters(), *module.named_buffers()) if isinstance(p, unborn)]
    if lazy:
        raise SpikedtpError(f"{_kind(module)}: {lazy[0]} has no values yet: run the module once on a batch of inputs")
    for name, values in (*module.named_parameters(), *module.named_buffers()):
        if values.is_complex() or values.is_quantized:
            raise SpikedtpError(f"{_kind(module)}: {name} is {values.dtype}: weights must be real numbers")
    memo = {}  # activations that a module has kept
    for part in module.modules():
        for value in vars(part).values():
            if isinstance(value, torch.Tensor) and not value.is_leaf:
                memo[id(value)] = value.detach().clone()
    try:
        ours: nn.Module = copy.deepcopy(module, memo)
        ours = ours.to(device="cpu", dtype=torch.float64).eval()
    except Exception as error:  # somebody else's module
        raise SpikedtpError(f"{_kind(module)} cannot be copied: {in_one_line(error)}") from None
    for name, values in (*ours.named_parameters(), *ours.named_buffers()):
        if not bool(torch.isfinite(values).all()):
            raise SpikedtpError(f"{_kind(module)}: {name} holds values that are not finite (NaN or infinite)")
        values.requires_grad_(False)
    for part in ours.modules():  # tensors that are neither parameters nor buffers
        for name, value in vars(part).items():
            if isinstance(value, torch.Tensor) and value.is_floating_point():
                setattr(part, name, value.to(device="cpu", dtype=torch.float64))
    return ours


def _in_user_code(error: Exception) -> str:
    """What went wrong, at the last line that is not torch's own."""
    text = " ".join(str(error).split())
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        if f"{os.sep}torch{os.sep}" not in frame.filename and "torch_modules" not in frame.filename:
            return f"{text} ({os.path.basename(frame.filename)}, line {frame.lineno})"
    return text


def _any_weights(module: nn.Module) -> nn.Module:
    """The same module with random numbers everywhere: what is 0 then is no synapse."""
    other, generator = copy.deepcopy(module), torch.Generator().manual_seed(1)
    for values in (*other.parameters(), *other.buffers()):
        if values.is_floating_point():
            values.copy_(torch.rand(values.shape, generator=generator, dtype=torch.float64) + 0.5)
    return other


def _with_masks_of(found: Layered, other: Layered) -> Layered:
    """Masks from where another reading of the same module has weights; this one may have zeros among them."""
    layers = {}
    for name, layer in found.layers.items():
        like = other.layers[name]
        masks = {source: like.weights[source] != 0 for source in like.masks}
        layers[name] = dataclasses.replace(layer, masks=masks)
    return dataclasses.replace(found, layers=layers)


def _hold(module: nn.Module, graph: torch.fx.Graph, found: Layered, shape: tuple[int, ...], *, softmax: bool) -> None:
    """Hold what was read against the module itself, at inputs of either sign and of many sizes."""
    n, generator = 64, torch.Generator().manual_seed(1)
    x = torch.randn(n, found.n_inputs, dtype=torch.float64, generator=generator) * 3
    x[: n // 2].abs_().clamp_(max=1)
    in_time = found.recurrent and len(shape) > 1  # else it makes a single step of its input by itself
    n_steps = 20 if in_time else 1
    shown = x.reshape(n, *shape)
    shown = shown.repeat(1, n_steps, *[1] * (len(shape) - 1)) if in_time else shown
    try:
        wanted = module(shown.clone())
    except Exception:  # it changes the type of numbers: the graph leaves that out
        wanted = _answer_of_graph(module, graph, shown.clone())
    if isinstance(wanted, tuple):  # of a recurrent layer: its last state
        wanted = wanted[1]
    if found.recurrent and wanted.shape != (n, found.layers[OUTPUT].size):
        wanted = wanted[-1] if wanted.shape[1] == n else wanted[:, -1]
    got = torch.from_numpy(found.activity(x.numpy(), n_steps)[OUTPUT])
    wanted = wanted.to(torch.float64).reshape(n, -1)
    if softmax:
        wanted, got = wanted.exp() if bool((wanted <= 0).all()) else wanted, got.softmax(-1)
    scale = max(float(wanted.abs().max()), 1.0)
    single = any(node.op == "call_method" and node.target in _TYPES for node in graph.nodes)  # of single precision
    if wanted.shape != got.shape or not torch.allclose(wanted, got, rtol=0, atol=(1e-4 if single else 1e-9) * scale):
        raise SpikedtpError(
            f"{_kind(module)}: what was read of it does not compute what it computes: something in its forward is not "
            "seen in the trace, such as a softmax over another axis, a hook, noise, an operation in place on a view, "
            "or whole numbers"
        )


def _answer_of_graph(module: nn.Module, graph: torch.fx.Graph, x: torch.Tensor) -> Any:
    plain = copy.deepcopy(graph)
    for node in list(plain.nodes):
        if node.op == "call_method" and node.target in _TYPES:
            node.replace_all_uses_with(node.args[0])
            plain.erase_node(node)
    try:
        return torch.fx.GraphModule(module, plain)(x)
    except Exception as error:
        raise SpikedtpError(f"{_kind(module)} cannot be run: {in_one_line(error)}") from None


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
                result = self.values[node] = self._call(node)
                if self._in_place(node):  # what comes later sees it there, too
                    self.values[node.args[0]] = result
        raise SpikedtpError(f"{_kind(self.module)}: forward gives nothing back")

    def _end(self, result: Any) -> Layered:
        result = result.states[-1] if isinstance(result, _Recurrent) else result
        if not isinstance(result, Affine) or not result.matrix:
            raise SpikedtpError(
                f"{_kind(self.module)}: forward must give back one tensor that depends on its input, "
                f"got {_kind(result)}"
            )
        if not result.shape:  # one number for each sample
            result = apply(lambda x: x[:, None], (result,), {}, _kind(self.module))
        last = next(reversed(self.layers), "")
        used = any(last in layer.weights for layer in self.layers.values())
        if last and not used and result.is_activity_of(last):
            self.layers[OUTPUT] = self.layers.pop(last)
        else:
            self._add(OUTPUT, result, "linear")
        while unused := [
            n for n in self.layers if n != OUTPUT and not any(n in x.weights for x in self.layers.values())
        ]:
            for name in unused:  # an auxiliary head, say
                del self.layers[name]
        return Layered(int(torch.Size(self.shape).numel()), self.layers)

    # -- nodes -------------------------------------------------------------------------------------------------------

    def _value(self, argument: Any) -> Any:
        return torch.fx.node.map_arg(argument, lambda node: self.values[node])

    def _in_place(self, node: torch.fx.Node) -> bool:
        if not node.args or not isinstance(node.args[0], torch.fx.Node):
            return False
        if node.op == "call_module":
            return bool(getattr(self.module.get_submodule(str(node.target)), "inplace", False))
        name = node.target if isinstance(node.target, str) else getattr(node.target, "__name__", "")
        assigned = node.target in (operator.iadd, operator.isub, operator.imul, operator.itruediv)
        return assigned or (name.endswith("_") and not name.endswith("__")) or bool(node.kwargs.get("inplace"))

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
        if not method and target in (torch._assert, torch.jit.annotate):
            return None
        if not affine:  # arithmetic on parameters and numbers
            return _plain(run, args, kwargs, name)
        if (not method and target is getattr and args[1] == "shape") or (method and target == "size"):
            return self._asked_size(args, kwargs, method)
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
        kind = parametrize.type_before_parametrizations(layer)
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
        limits = dict(zip(("min", "max"), args[1:], strict=False)) | kwargs
        if target in (("clamp_min", "clamp_min_") if method else (torch.clamp_min,)):
            limits = {"min": limits.get("min")}
        elif target not in (("clamp", "clamp_", "clip") if method else (torch.clamp, torch.clip)):
            return False
        lower, upper = limits.get("min"), limits.get("max")
        plain = isinstance(lower, (int, float)) and not isinstance(lower, bool)
        return plain and lower == 0 and (upper is None or upper == float("inf"))

    @staticmethod
    def _asked_size(args: tuple, kwargs: dict, method: bool) -> Any:
        sizes = (Batch(), *args[0].shape)
        axis = args[1] if len(args) > 1 else kwargs.get("dim")
        return sizes[axis] if method and axis is not None else sizes

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
        f"{name} has no counterpart in a rate network that is known here: between rectifiers (ReLU) everything must be "
        "affine"
    )


def _kind(value: Any) -> str:
    return type(value).__name__
