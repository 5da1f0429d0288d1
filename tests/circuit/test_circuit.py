"""A shipped circuit as a template: input and output of the data's sizes, everything else as it was."""

from dataclasses import replace

import numpy as np
import pytest

from spikedtp import SpikedtpError, load_rate_network
from spikedtp.circuit import read_circuit, shipped_names
from spikedtp.plasticity import Mask, ReceptiveFields


@pytest.mark.parametrize("name", [name for name in shipped_names() if name.startswith("digits")])
def test_every_shipped_circuit_runs_with_other_sizes(name):
    rng = np.random.default_rng(len(name))
    n_inputs, n_classes = (int(n) for n in rng.integers(1, 40, 2))
    circuit = read_circuit(name)
    fitted = circuit.with_sizes(n_inputs, n_classes)
    for before, after in zip(circuit.populations, fitted.populations, strict=True):
        goes_along = before.layer == circuit.output.layer and before.size == circuit.output.size
        size = n_inputs if before == circuit.input else n_classes if goes_along else before.size
        assert after == replace(before, size=size)
    assert fitted.projections == circuit.projections
    network = load_rate_network(fitted)
    x, target = rng.random(n_inputs), np.eye(n_classes)[0]
    network.train_step(x, target)
    assert network.present(x, target).activity[fitted.output.name].shape[-1] == n_classes


def test_its_own_sizes_change_nothing():
    circuit = read_circuit("digits_dtp")
    assert circuit.with_sizes(64, 10) == circuit


def test_a_mask_has_a_size_of_its_own():
    circuit = read_circuit("digits_dtp")
    masked = tuple(
        replace(p, constraint=Mask(np.ones((200, 64), bool))) if p.name == "H1E_InputE" else p
        for p in circuit.projections
    )
    with pytest.raises(SpikedtpError, match=r"H1E_InputE.*mask"):
        replace(circuit, projections=masked).with_sizes(33, 10)


def test_receptive_fields_lie_in_the_new_images():
    circuit = read_circuit("digits_dtp")
    fields = tuple(
        replace(p, constraint=ReceptiveFields(3)) if p.name == "H1E_InputE" else p for p in circuit.projections
    )
    fitted = replace(circuit, projections=fields).with_sizes(40, 10, shape=(5, 8))
    assert fitted.projection("H1E_InputE").constraint == ReceptiveFields(3, (5, 8))
    weights = load_rate_network(fitted).weights["H1E_InputE"].reshape(200, 5, 8)
    assert (np.count_nonzero(weights, axis=(1, 2)) <= 9).all()
    for cell in weights:
        rows, columns = np.nonzero(cell)
        assert np.ptp(rows) <= 2 and np.ptp(columns) <= 2


@pytest.mark.parametrize("sizes", [(0, 3), (4, 0), (4.5, 3), ("4", 3)])
def test_what_are_no_sizes(sizes):
    with pytest.raises(SpikedtpError, match="must be a whole number of at least 1"):
        read_circuit("digits_dtp").with_sizes(*sizes)
