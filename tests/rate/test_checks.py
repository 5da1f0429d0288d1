"""Samples, rules and initial weights that do not fit the circuit are named."""

from __future__ import annotations

import numpy as np
import pytest
from rate.small_circuit import config

from spikedtp.errors import SpikedtpError


@pytest.mark.parametrize(
    ("x", "target", "words"),
    [
        (np.zeros(6), None, "x must be"),
        (np.zeros((2, 3, 7)), None, "x must be"),
        (np.zeros(7), np.zeros(4), "target must be"),
        (np.zeros((2, 7)), np.zeros(3), "same number of samples"),
        (np.full(7, np.nan), None, "NaN"),
        ("image", None, "array of numbers"),
    ],
)
def test_wrong_samples(x, target, words, network_of):
    with pytest.raises(SpikedtpError, match=words):
        network_of(config()).present(x, target)


LEARNED = {"learning_rule_kwargs": {"learning_rate": 0.1}}


@pytest.mark.parametrize(
    ("path", "change", "words"),
    [
        (("projection_config", "H1", "SomaI", "H1", "E"), {"learning_rule": "DendriticLoss", **LEARNED},
         "H1SomaI_H1E learns by DendriticLoss but H1SomaI has no dendrite"),
        (("layer_config", "H1", "SomaI"),
         {"include_bias": True, "bias_learning_rule": "PlateauBias",
          "bias_learning_rule_kwargs": {"learning_rate": 0.1}}, "bias of H1SomaI learns from plateaus that it never"),
        (("projection_config", "H1", "SomaI", "H1", "E"),
         {"learning_rule": "LocalBackprop", "learning_rule_kwargs": {"learning_rate": 0.1, "source": "H1.SomaI"}},
         "its source H1SomaI has no dendritic input"),
        (("projection_config", "H1", "SomaI", "H1", "E"), {"weight_init_args": [1, 2]},
         r"projection H1SomaI_H1E: weight_init: half_kaiming takes one argument, the scale, got \(1, 2\)"),
        (("projection_config", "H1", "SomaI", "H1", "E"), {"weight_init": "uniform_", "weight_init_args": [1, 2, 3, 4]},
         "uniform_ does not take the arguments"),
    ],
)  # fmt: skip
def test_rules_and_weights_that_do_not_fit(path, change, words, network_of):
    values = config()
    place = values
    for key in path:
        place = place[key]
    place.update(change)
    with pytest.raises(SpikedtpError, match=words):
        network_of(values)
