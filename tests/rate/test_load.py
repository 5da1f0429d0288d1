"""From a circuit and weights to a network: which kinds of weights there are."""

from __future__ import annotations

from types import MappingProxyType

import numpy as np
import pytest
import torch
from rate.small_circuit import config

from spikedtp.errors import SpikedtpError
from spikedtp.rate import load_rate_network


@pytest.mark.parametrize("dtype", [torch.float64, torch.float16, torch.bfloat16, torch.float8_e5m2])
def test_mappings_of_tensors_of_any_precision(network_of, dtype):
    network = network_of(config())
    state = {key: value.to(dtype) for key, value in network.state_dict().items()}
    for weights in (state, MappingProxyType(state), {"model": state}):
        found = load_rate_network(network.circuit, weights).state_dict()
        assert all(torch.equal(found[key], value.float()) for key, value in state.items())


def test_mappings_of_arrays(network_of, tmp_path):
    network = network_of(config())
    state = network.state_dict()
    np.savez(tmp_path / "w.npz", **{key: value.numpy() for key, value in state.items()})
    with np.load(tmp_path / "w.npz") as archive:
        for weights in (archive, {key: value.tolist() for key, value in state.items()}):
            found = load_rate_network(network.circuit, weights).state_dict()
            assert all(torch.equal(found[key], value) for key, value in state.items())


def test_arrays_of_types_that_numpy_lacks(network_of):
    ml_dtypes = pytest.importorskip("ml_dtypes")
    network = network_of(config())
    state = {key: value.numpy().astype(ml_dtypes.bfloat16) for key, value in network.state_dict().items()}
    found = load_rate_network(network.circuit, state).state_dict()
    assert all(np.array_equal(found[key].numpy(), value.astype(np.float32)) for key, value in state.items())


@pytest.mark.parametrize(
    ("weights", "words"),
    [
        (3, "weights must be a file, a state dict or None, got int"),
        (torch.nn.Linear(2, 3), r"got Linear: give its .state_dict\(\)"),
        ([("a", 1)], "got list"),
        ({}, "misses module_dict"),
    ],
)
def test_what_holds_no_weights(network_of, weights, words):
    with pytest.raises(SpikedtpError, match=words):
        load_rate_network(network_of(config()).circuit, weights)
