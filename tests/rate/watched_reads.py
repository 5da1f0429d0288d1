"""Pickles as EIANN and dill make them, and reads under watch: whatever runs or is written fails the test."""

from __future__ import annotations

import collections
import contextlib
import copy
import io
import os
import pickle
import struct

import numpy as np
import torch

from spikedtp.errors import SpikedtpError
from spikedtp.rate.checkpoints import read_weights

_FORBIDDEN = ("exec", "compile", "import", "pickle.", "os.", "subprocess.", "ctypes.", "socket.", "shutil.", "marshal.")
_HARMLESS = ("os.listdir", "os.scandir")
_seen: list[str] | None = None


def _hook(event: str, args: tuple) -> None:
    if _seen is None:
        return
    if event == "open":
        writes = isinstance(args[1], str) and any(c in args[1] for c in "wax+")
        if writes or (isinstance(args[2], int) and args[2] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)):
            _seen.append(f"open for writing {args[0]}")
    elif event == "compile" and args[1] == "<unknown>":  # `ast.literal_eval`, with which numpy reads headers
        return
    elif event.startswith(_FORBIDDEN) and event not in _HARMLESS:
        _seen.append(f"{event} {str(args)[:80]}")


@contextlib.contextmanager
def nothing_runs():
    global _seen
    _seen = seen = []
    try:
        yield
    finally:
        _seen = None
    assert not seen, seen


def read_quietly(path) -> dict | str:
    """The weights, or the one line of the error. Any other exception, and any code that runs, fails the test."""
    with nothing_runs():
        try:
            return read_weights(path)
        except SpikedtpError as error:
            text = str(error)
    assert "\n" not in text and str(path) in text
    return text


class _Created:
    """Pickles like what dill pickles by value: a call of one of dill's functions."""

    def __init__(self, func, *args, state=None):
        self.recipe = (func, args) if state is None else (func, args, state)

    def __reduce__(self):
        return self.recipe


def make_network(eiann, extra=None):
    """A small network with the parts that were found in the published pickle."""
    generator = torch.Generator().manual_seed(3)
    net = eiann.network.Network()
    net.criterion = torch.nn.MSELoss()
    net.module_dict = torch.nn.ModuleDict()
    net.parameter_dict = torch.nn.ParameterDict()
    for post, pre, shape in (("H1E", "InputE", (5, 4)), ("OutputE", "H1E", (3, 5))):
        projection = eiann.network.Projection()
        projection.weight = torch.nn.Parameter(torch.rand(shape, generator=generator), requires_grad=False)
        projection.weight.is_learned = True
        projection.register_parameter("bias", None)
        projection.learning_rule = eiann.rules.LearningRule()
        projection.learning_rule.projection = projection  # a cycle, as there
        net.module_dict[f"{post}_{pre}"] = projection
        net.parameter_dict[f"{post}_bias"] = torch.nn.Parameter(torch.rand(shape[0], generator=generator))
    cell = _Created(eiann.dill._create_cell, None)
    code = _Created(eiann.dill._create_code, b"", 1, b"\x97\x00", (None,), ("x",))
    activation = _Created(eiann.dill._create_function, code, {}, "<lambda>", None, (cell,), state=({}, {"a": 1}))
    partial = _Created(
        _Created(eiann.dill._load_type, "PartialType"), copy.deepcopy, state=(copy.deepcopy, (), {}, None)
    )
    population = eiann.network.Population()
    population.activation = activation
    population.history = _Created(collections.defaultdict, partial)
    population.relu = torch.nn.functional.relu
    population.activity = torch.rand(7, 5)[::2]
    population.counts = torch.arange(4)
    population.numbers = np.arange(3)
    net.populations = {"H1E": population}
    net.optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    net.extra = extra
    return net


class _LoosePickler(pickle._Pickler):
    """Python's own pickler, which lets a call's function be the result of a call, as dill does."""

    def save_reduce(self, func, args, state=None, *rest, obj=None, **named):
        if isinstance(func, _Created):
            self.save(func)
            self.save(args)
            self.write(pickle.REDUCE)
            if obj is not None:
                self.memoize(obj)
            if state is not None:
                self.save(state)
                self.write(pickle.BUILD)
        else:
            super().save_reduce(func, args, state, *rest, obj=obj, **named)


def loose_dumps(obj) -> bytes:
    buffer = io.BytesIO()
    _LoosePickler(buffer, 4).dump(obj)
    return buffer.getvalue()


def glob(module: str, name: str) -> bytes:
    return f"c{module}\n{name}\n".encode()


def text(value: str) -> bytes:
    data = value.encode()
    return b"X" + struct.pack("<I", len(data)) + data
