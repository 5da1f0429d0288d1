"""State dicts are checked against the circuit."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from rate.small_circuit import config

from spikedtp.errors import SpikedtpError
from spikedtp.rate import load_rate_network


def test_state_dicts_are_checked(network_of):
    network = network_of(config())
    good = network.state_dict()
    key = "module_dict.H2E_H1E.weight"

    def broken(**change):
        return {**good, **change}

    for values, words in (
        ({k: v for k, v in good.items() if k != key}, "misses module_dict.H2E_H1E.weight"),
        (broken(**{"module_dict.H3E_H1E.weight": good[key]}), "unexpected module_dict.H3E_H1E.weight"),
        (broken(**{key: good[key].T}), r"shape \(11, 9\)"),
        (broken(**{key: good[key] * float("nan")}), "NaN"),
        (broken(**{key: -good[key]}), "Dale"),
        (broken(**{key: "words"}), "not an array|must hold numbers"),
    ):
        with pytest.raises(SpikedtpError, match=words):
            network.load_state_dict(values)
    np.testing.assert_array_equal(network.weights["H2E_H1E"], good[key].numpy())
    again = load_rate_network(network.circuit, good, seed=99)
    assert all(torch.equal(value, good[name]) for name, value in again.state_dict().items())


def test_names_of_projections_alone(network_of, tmp_path):
    """What `weights` gives goes back, also through an .npz."""
    network = network_of(config())
    short = network.weights | {f"{name}_bias": bias for name, bias in network.biases.items()}
    np.savez(tmp_path / "w.npz", **short)
    for weights in (short, {"weights": short}, tmp_path / "w.npz"):
        again = load_rate_network(network.circuit, weights, seed=99).state_dict()
        assert all(torch.equal(value, again[name]) for name, value in network.state_dict().items())
    key = "module_dict.H2E_H1E.weight"
    with pytest.raises(SpikedtpError, match=f"holds both H2E_H1E and {key}"):
        load_rate_network(network.circuit, {**network.state_dict(), "H2E_H1E": short["H2E_H1E"]})
