"""Parts that do not fit one another are named, in a circuit that is made in Python as in one from a file."""

from __future__ import annotations

import pickle
from dataclasses import replace

import numpy as np
import pytest

from spikedtp.circuit import Circuit, Population, Projection, read_circuit
from spikedtp.errors import SpikedtpError
from spikedtp.plasticity import DendriticState, LocalBackprop, Mask, ReceptiveFields, Tied

INPUT, HIDDEN, OUTPUT = (Population(layer, "E", n) for layer, n in (("Input", 4), ("H", 3), ("Output", 2)))
FORWARD = (Projection("HE", "InputE", rule=DendriticState(0.1)), Projection("OutputE", "HE"))
GOOD = {"populations": (INPUT, HIDDEN, OUTPUT), "projections": FORWARD, "name": "c"}


def back(**constraint):
    return (*FORWARD, Projection("HE", "OutputE", compartment="dend", constraint=Tied(**constraint)))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"populations": (INPUT, HIDDEN, HIDDEN, OUTPUT)}, r"two populations have the same name .*HE"),
        ({"populations": (INPUT, Population("HE", "x", 1), Population("H", "Ex", 1))}, "same name .*HEx"),
        ({"populations": (INPUT, replace(INPUT, cell="I"), OUTPUT)}, "input layer with one population"),
        ({"populations": (INPUT,)}, "at least one layer above"),
        ({"populations": (INPUT, HIDDEN, OUTPUT, Population("H", "I", 2))}, "layer H must stand together"),
        ({"populations": "HE"}, "populations: must be a sequence of Population"),
        ({"populations": None}, "populations: must be a sequence of Population, got None"),
        ({"projections": (*FORWARD, "HE_HE")}, "projections: must be a sequence of Projection"),
        ({"projections": (*FORWARD, Projection("HE", "H2E"))}, "projection HE_H2E: unknown population 'H2E': the"),
        ({"projections": (*FORWARD, Projection("H2E", "HE"))}, "projection H2E_HE: unknown population 'H2E'"),
        ({"projections": (*FORWARD, Projection("HE", "InputE"))}, "projection HE_InputE: there are two of this name"),
        (
            {"projections": (*FORWARD, Projection("InputE", "HE"))},
            "projection InputE_HE: the input population takes no",
        ),
        ({"projections": back(source="OutputE_H9E")}, "projection HE_OutputE: unknown clone source 'OutputE_H9E'"),
        (
            {"projections": back(source="OutputE_HE")},
            r"clone source OutputE_HE is \(2, 3\), which does not give \(3, 2\)",
        ),
        (
            {"projections": (*FORWARD, replace(back(source="HE_InputE")[-1], rule=DendriticState(0.1)))},
            "projection HE_OutputE: a tied projection",
        ),
        (
            {"projections": (Projection("HE", "InputE", constraint=ReceptiveFields(3)), FORWARD[1])},
            "projection HE_InputE: ReceptiveFields: squares of 3 pixels do not fit 4 inputs",
        ),
        (
            {"projections": (Projection("HE", "InputE", constraint=Mask(np.ones((4, 3)))), FORWARD[1])},
            r"projection HE_InputE: its mask is \(4, 3\), but its synapses are \(n_post, n_pre\) = \(3, 4\)",
        ),
        (
            {"projections": (*FORWARD, Projection("HE", "HE", rule=LocalBackprop(0.1, source="H9E")))},
            "projection HE_HE: unknown source population 'H9E'",
        ),
        (
            {"populations": (INPUT, replace(HIDDEN, size=10**6), replace(OUTPUT, size=100))},
            r"projections: has \d{9} weights in all, at most 67108864",
        ),
        ({"tau": 0}, "tau: must be above 0, got 0"),
        ({"tau": "3"}, "tau: must be a finite number, got '3'"),
        ({"forward_steps": 1.5}, "forward_steps: must be a whole number"),
        ({"backward_steps": -1}, "backward_steps: must be a whole number of at least 0"),
        ({"learning_rate": "a"}, "learning_rate: must be a finite number"),
        ({"name": 3}, "name: must be a text"),
    ],
)
def test_mistakes_are_named(change, words):
    with pytest.raises(SpikedtpError, match=words) as caught:
        Circuit(**GOOD | change)
    assert str(caught.value).startswith("circuit") and "\n" not in str(caught.value)
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)


def test_changes_of_a_circuit_are_checked_too():
    circuit = read_circuit("digits_dtp")
    with pytest.raises(SpikedtpError, match="circuit digits_dtp: projection H1E_InputE: unknown population 'InputE'"):
        replace(circuit, populations=(Population("Retina", "E", 64), *circuit.populations[1:]))


def test_lists_are_tuples():
    circuit = Circuit(list(GOOD["populations"]), list(FORWARD), tau=3)
    assert isinstance(circuit.populations, tuple) and isinstance(circuit.projections, tuple)
    assert circuit.tau == 3.0 and circuit == Circuit(GOOD["populations"], FORWARD, tau=3.0)
