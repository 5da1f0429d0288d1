"""The cell of networks from torch: a strict threshold, and doublets."""

import numpy as np
import pytest

from spikedtp import run_torch_snn
from spikedtp.neurons import LIF
from spikedtp.spiking import run_feedforward


def test_no_input_no_spike_and_the_threshold_is_strict():
    weights = [np.array([[1.0]]), np.array([[2.0]])]
    x = np.zeros((1, 8, 1))
    spikes, v = run_torch_snn(weights, x, device="runtime")
    assert not spikes.any() and not v.any()
    x[0, 0] = 1
    assert not run_torch_snn(weights, x, device="runtime")[0].any()  # reaches 1, does not pass it
    weights[0][:] = 1 + 1e-12
    spikes, v = run_torch_snn(weights, x, device="runtime")
    assert np.flatnonzero(spikes[0, :, 0]).tolist() == [2]  # arrives in 0, crosses in 1, fires in 2
    assert v[0, :, 0] == pytest.approx([0, 0, 0, *(2 * np.exp(-0.2 * np.arange(5)))])


def test_the_cell_fires_doublets_where_the_ordinary_one_does_not():
    x = np.zeros((1, 8, 1))
    x[0, 0] = 1
    weights = [np.array([[1.5]]), np.array([[1.0]])]
    assert run_torch_snn(weights, x, device="runtime")[0].sum() == 2
    assert run_feedforward(weights, x, hidden=LIF(), device="runtime").hidden_spikes.sum() == 1
