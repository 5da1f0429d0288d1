"""Both forms of a circuit file are one circuit."""

from __future__ import annotations

import numpy as np
from circuit.both_forms import LONG, SHORT

from spikedtp.rate import load_rate_network


def test_both_forms_are_one_circuit(read, tmp_path):
    long, short = read(LONG), read(SHORT)
    assert short.populations == long.populations
    assert short.projections == long.projections
    one, other = (load_rate_network(circuit, seed=5) for circuit in (long, short))
    for name, weight in one.weights.items():
        np.testing.assert_array_equal(other.weights[name], weight)
        assert weight.any()
    assert read(SHORT.replace("'uniform(-0.5,0.5)'", "None")).population("H1E").include_bias is False
    for name, bias in one.biases.items():
        np.testing.assert_array_equal(other.biases[name], bias)
    assert one.biases["H1E"].any() and one.biases["OutputE"].any() and not one.biases["H1SomaI"].any()
