"""Gradients with respect to the input, with dendritic interneurons and delays, against small changes of it."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from spikedtp import load_rate_network
from spikedtp.circuit import read_circuit
from spikedtp.models import weights_file
from spikedtp.rate import SettlingNetwork
from spikedtp.rate.input_gradients import mean_input_gradients


@pytest.fixture(scope="module")
def network():
    circuit = read_circuit("digits_dtp")
    delayed = [replace(p, delay=1) if p.name == "H2E_H1E" else p for p in circuit.projections]
    return load_rate_network(replace(circuit, projections=tuple(delayed)), weights_file("digits_dtp"))


@pytest.fixture(scope="module")
def x():
    return np.random.default_rng(0).uniform(0.2, 0.8, (4, 64)).astype(np.float32)


@pytest.mark.parametrize("population", ["H1E", "H1DendI", "H2SomaI", "OutputE"])
def test_any_population_settles_as_in_the_rate_network(network, x, population):
    settled = network.present(x).activity[population][:, network.circuit.forward_steps - 1]
    module = SettlingNetwork(network, population)
    for steps in (None, 1, 99):  # what is differentiated does not matter for the answer
        answer = module(torch.from_numpy(x), backward_steps=steps).detach().numpy()
        np.testing.assert_allclose(answer, settled, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("population", ["H1E", "H2DendI", "OutputE"])
def test_gradients_are_those_of_small_changes(network, x, population):
    steps, small = network.circuit.forward_steps, 1e-3
    found = mean_input_gradients(network, population, x, steps)
    rng = np.random.default_rng(1)
    for _ in range(3):
        way = rng.normal(size=64).astype(np.float32)
        ends = [network.present(x + s * small * way).activity[population][:, steps - 1] for s in (1, -1)]
        expected = (ends[0].astype(float) - ends[1]).mean(axis=0) / (2 * small)
        assert np.abs(expected).max() > 0.01
        np.testing.assert_allclose(found @ way, expected, atol=0.03 * np.abs(expected).max())


def test_fewer_steps_see_less(network, x):
    """What comes through two layers and a delay needs as many steps; the circuit's own number is the default."""
    assert not mean_input_gradients(network, "OutputE", x, 1).any()
    assert mean_input_gradients(network, "H1E", x, 1).any()
    own = mean_input_gradients(network, "H1E", x)
    steps = network.circuit.backward_steps or 3
    np.testing.assert_array_equal(own, mean_input_gradients(network, "H1E", x, steps))
