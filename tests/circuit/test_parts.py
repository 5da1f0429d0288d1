"""Populations and projections that are made in Python obey the rules of those in files."""

from __future__ import annotations

import numpy as np
import pytest

from spikedtp.circuit import Population, Projection
from spikedtp.errors import SpikedtpError
from spikedtp.plasticity import STDP, Bounds, DendriticState, PlateauBias


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"size": 0}, "population H1E: size: must be a whole number of at least 1, got 0"),
        ({"size": 2.0}, "size: must be a whole number"),
        ({"size": True}, "size: must be a whole number"),
        ({"size": 10**7}, "size: must be at most 1000000"),
        ({"layer": ""}, "layer: must be a word"),
        ({"cell": "E.x"}, "cell: must be a word without a dot, got 'E.x'"),
        ({"activation": "tanh"}, "activation: must be one of relu, linear, srelu, got 'tanh'"),
        ({"include_bias": 1}, "include_bias: must be true or false, got 1"),
        ({"bias_init": "cauchy_"}, "bias_init: must be one of None"),
        ({"bias_init_args": (np.nan,)}, "bias_init_args: must be a finite number, got nan"),
        ({"bias_bounds": (1, 0)}, "bias_bounds: the lower bound 1 is above"),
        ({"bias_rule": DendriticState(0.1)}, "bias_rule: must be a rule of biases"),
    ],
)
def test_mistakes_of_populations(change, words):
    with pytest.raises(SpikedtpError, match=words) as caught:
        Population(**{"layer": "H1", "cell": "E", "size": 3} | change)
    assert str(caught.value).startswith("population ")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"compartment": "axon"}, "compartment: must be one of None, soma, dend, dendrite, got 'axon'"),
        ({"direction": "up"}, "direction: must be one of F, forward, R, recurrent"),
        ({"update_phase": "C"}, "update_phase: must be one of F, forward, B"),
        ({"bounds": (1, 0)}, "bounds: the lower bound 1 is above the upper bound 0"),
        ({"bounds": 3}, "bounds: must be two numbers"),
        ({"bounds": (np.inf, None)}, "bounds: must be a finite number"),
        ({"weight_init": "kaiming"}, "weight_init: must be one of"),
        ({"weight_init": "half_kaiming"}, "bounds: half_kaiming needs a lower bound >= 0"),
        ({"weight_init": ["uniform_"]}, "weight_init: must be one of"),
        ({"weight_init_args": "1"}, "weight_init_args: must be a list of numbers"),
        ({"rule": "BP_like_2L"}, "rule: must be a rule of presentations such as .* got 'BP_like_2L'"),
        ({"rule": STDP()}, "rule: must be a rule of presentations"),
        ({"constraint": Bounds(0, 1)}, "constraint: must be a constraint"),
    ],
)
def test_mistakes_of_projections(change, words):
    with pytest.raises(SpikedtpError, match=words) as caught:
        Projection("H1E", "InputE", **change)
    assert str(caught.value).startswith("projection H1E_InputE: ")


def test_what_means_the_same_is_the_same():
    assert Projection("B", "A", "dendrite", "recurrent", "all", [0, None]) == Projection(
        "B", "A", "dend", "R", "A", Bounds(0, None)
    )
    assert Population("H", "E", np.int64(3)) == Population("H", "E", 3)
    assert Population("H", "E", 3, bias_rule=PlateauBias(0.1)).include_bias  # as in a file
