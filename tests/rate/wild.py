"""Checkpoints as training programs leave them: state dicts in wrappers, under prefixes, in any format and precision."""

from __future__ import annotations

import argparse
import datetime
import io
import pathlib
import pickle
from collections import OrderedDict

import numpy as np
import safetensors.torch
import torch

from spikedtp.models import weights_file

#: The shipped model's state, read by torch itself.
STATE: dict[str, torch.Tensor] = torch.load(weights_file("digits_dtp"), weights_only=True)


class Net(torch.nn.Module):
    """A user's network with EIANN's names: a pickle of it names this class."""

    def __init__(self, state: dict[str, torch.Tensor] = STATE):
        super().__init__()
        self.module_dict, self.parameter_dict = torch.nn.ModuleDict(), torch.nn.ParameterDict()
        self.options, self.history = argparse.Namespace(lr=0.1), [(0, 0.5), (1, 0.25)]
        for key, value in state.items():
            part, _, name = key.partition(".")
            if part == "module_dict":
                name = name.removesuffix(".weight")
                self.module_dict[name] = torch.nn.Linear(value.shape[1], value.shape[0], bias=False)
                self.module_dict[name].weight = torch.nn.Parameter(value.clone())
            else:
                self.parameter_dict[name] = torch.nn.Parameter(value.clone())

    def forward(self, x):
        return self.module_dict["H1E_InputE"](x)


class Wrapped(torch.nn.Module):
    """What a Lightning module or a trainer class is to a network."""

    def __init__(self, net: torch.nn.Module):
        super().__init__()
        self.net = net
        self.register_buffer("scratch", torch.ones(3), persistent=False)

    def forward(self, x):
        return self.net(x)


def adam(state: dict[str, torch.Tensor]) -> dict:
    """The state of a real optimizer: numbers of the weights' own shapes."""
    parameters = [torch.nn.Parameter(value.float().clone()) for value in state.values()]
    optimizer = torch.optim.Adam(parameters)
    for parameter in parameters:
        parameter.grad = torch.full_like(parameter, 0.5)
    optimizer.step()
    return optimizer.state_dict()


def by_name(state: dict) -> dict:
    """An optimizer's state as FSDP gathers it: under the names of the weights."""
    moments = {key: {"exp_avg": value, "step": 3} for key, value in state.items()}
    return {"state": moments, "param_groups": [{"params": list(state)}]}


def lightning(state: dict) -> dict:
    return {
        "epoch": 4, "global_step": 1200, "pytorch-lightning_version": "2.4.0", "state_dict": OrderedDict(state),
        "loops": {"fit_loop": {"state_dict": {}, "epoch_progress": {"total": {"ready": 5, "completed": 4}}}},
        "callbacks": {
            "ModelCheckpoint{'monitor': 'val_acc', 'mode': 'max'}": {
                "best_model_score": torch.tensor(0.91), "best_model_path": "a.ckpt",
                "best_k_models": {"a.ckpt": torch.tensor(0.91)},
            }
        },
        "optimizer_states": [adam(state)], "lr_schedulers": [{"last_epoch": 4, "_last_lr": [0.1]}],
        "hparams_name": "hparams",
        "hyper_parameters": {"lr": 0.1, "folder": pathlib.PurePosixPath("/data"), "sizes": [1, 2]},
        "MixedPrecision": {"scale": 65536.0, "growth_factor": 2.0},
    }  # fmt: skip


#: What a training program puts around a state dict.
WRAPPERS = {
    "bare": lambda s: s,
    "OrderedDict": OrderedDict,
    "state_dict": lambda s: {"state_dict": s},
    "model_state_dict": lambda s: {"epoch": 3, "model_state_dict": s, "optimizer_state_dict": adam(s), "loss": 0.25},
    "model": lambda s: {
        "model": s, "optimizer": adam(s), "scheduler": {"last_epoch": 2}, "args": argparse.Namespace(lr=0.1),
        "date": datetime.date(2024, 5, 1), "rng": torch.get_rng_state(), "best": torch.tensor(0.5),
    },
    "net": lambda s: {"net": s, "acc": 97.1, "epoch": 12},
    "network and momentum": lambda s: {"momentum_buffers": dict(s), "network": s, "grads": dict(s)},
    "FSDP": lambda s: {"model": s, "optim": by_name(s)},
    "lightning": lightning,
    "a list": lambda s: [s, adam(s), 17],
    "nested": lambda s: {"checkpoint": {"student": {"weights": s}}, "step": 9},
    "one under two names": lambda s: {"model": s, "best": s},
}  # fmt: skip

#: What wrappers of modules put before the keys.
PREFIXES = (
    "", "module.", "_orig_mod.", "module._orig_mod.", "_orig_mod.module.", "net.", "model.", "model.net.",
    "net._orig_mod.", "model.module.", "_forward_module.", "_fsdp_wrapped_module.", "policy.actor.",
)  # fmt: skip
DTYPES = (torch.float32, torch.float64, torch.float16, torch.bfloat16, torch.float8_e5m2, torch.float8_e4m3fn)


def as_numpy(value, known=None):
    """The same structure with numpy's arrays for tensors; what was one thing stays one."""
    known = {} if known is None else known
    if id(value) not in known:
        new = value
        if torch.is_tensor(value):
            new = value.numpy()
        elif isinstance(value, dict):
            new = type(value)((k, as_numpy(v, known)) for k, v in value.items())
        elif isinstance(value, list | tuple):
            new = type(value)(as_numpy(v, known) for v in value)
        known[id(value)] = value, new
    return known[id(value)][1]


def torch_bytes(value, **options) -> bytes:
    buffer = io.BytesIO()
    torch.save(value, buffer, **options)
    return buffer.getvalue()


def npz_bytes(state, save=np.savez) -> bytes:
    buffer = io.BytesIO()
    save(buffer, **{k: v.numpy() for k, v in state.items()})
    return buffer.getvalue()


#: Formats that hold a whole tree, and those that hold one state dict.
TREES = {
    "torch": torch_bytes,
    "torch before 1.6": lambda v: torch_bytes(v, _use_new_zipfile_serialization=False),
    "pickled tensors": lambda v: pickle.dumps(v, 4),
    **{f"pickled arrays {n}": lambda v, n=n: pickle.dumps(as_numpy(v), n) for n in range(6)},
}
FLAT = {
    "safetensors": safetensors.torch.save,
    "npz": npz_bytes,
    "npz compressed": lambda s: npz_bytes(s, np.savez_compressed),
}
#: Types that numpy lacks.
NO_NUMPY = (torch.bfloat16, torch.float8_e5m2, torch.float8_e4m3fn)
