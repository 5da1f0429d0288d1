"""Modules in files: the tensors of their state dict and no others."""

from __future__ import annotations

import pickle

import pytest
import torch
from rate.watched_reads import read_quietly
from rate.wild import Wrapped

pytestmark = pytest.mark.usefixtures("watched")


class Odd(torch.nn.Module):
    """One of everything that a module may hold."""

    def __init__(self):
        super().__init__()
        self.layers = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.ReLU(), torch.nn.LayerNorm(4))
        self.free = torch.nn.Parameter(torch.rand(2))
        self.register_parameter("none", None)
        self.register_buffer("kept", torch.rand(3))
        self.register_buffer("passing", torch.rand(3), persistent=False)
        self.register_buffer("absent", None)
        self.loose = torch.rand(5)  # an attribute, no part of the state
        self.tied = self.layers[0]


@pytest.mark.parametrize("make", [Odd, lambda: Wrapped(Odd()), lambda: torch.nn.DataParallel(Odd())])
@pytest.mark.parametrize("how", ["torch", "torch before 1.6", "pickle 2", "pickle 5"])
def test_the_state_of_any_module(make, how, tmp_path):
    module, path = make(), tmp_path / "x.pt"
    if how.startswith("torch"):
        torch.save(module, path, _use_new_zipfile_serialization=how == "torch")
    else:
        path.write_bytes(pickle.dumps(module, int(how[-1])))
    found, expected = read_quietly(path), module.state_dict()
    wrap = "module." if isinstance(module, torch.nn.DataParallel) else ""  # what all wrappers have in common
    assert {f"{wrap}{name}" for name in found} == set(expected)
    assert all(torch.equal(value, expected[f"{wrap}{name}"]) for name, value in found.items())


def test_numbers_that_are_no_weights(tmp_path):
    torch.save(torch.nn.BatchNorm1d(3), tmp_path / "x.pt")
    assert "num_batches_tracked holds int64" in read_quietly(tmp_path / "x.pt")


def test_a_module_without_tensors(tmp_path):
    torch.save(torch.nn.ReLU(), tmp_path / "x.pt")
    assert "holds no weights" in read_quietly(tmp_path / "x.pt")


def test_objects_that_are_no_modules_are_named(tmp_path):
    path = tmp_path / "x.pkl"
    path.write_bytes(b"\x80\x04csklearn.linear_model._ridge\nRidge\n)\x81}b.")
    assert "neither a state dict nor a module of torch but a sklearn.linear_model._ridge.Ridge" in read_quietly(path)
