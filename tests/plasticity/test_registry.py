"""Rules made by name: the names of the original program, and mistakes in one line."""

from __future__ import annotations

import numpy as np
import pytest

from spikedtp.errors import SpikedtpError
from spikedtp.plasticity import (
    BTSP,
    LDS,
    DendriticLoss,
    DendriticState,
    HebbWeightNorm,
    Oja,
    SupervisedBCM,
    TemporalContrastHebb,
    TopDownHebb,
    make_bias_rule,
    make_rule,
)

LEGACY = {
    "BP_like_2L": DendriticState,
    "BP_like_2E": DendriticState,
    "Top_Layer_BP_like_2L": DendriticState,
    "DendriticLoss_6": DendriticLoss,
    "Hebb_WeightNorm": HebbWeightNorm,
    "Hebb_WeightNorm_4": HebbWeightNorm,
    "Hebbian_Temporal_Contrast": TemporalContrastHebb,
    "Top_Down_Hebbian_Temporal_Contrast_1": TopDownHebb,
    "Top_Down_Hebbian_Temporal_Contrast_3": TopDownHebb,
    "BTSP_19": BTSP,
    "Ojas_rule": Oja,
}


def test_legacy_names():
    for name, rule in LEGACY.items():
        assert type(make_rule(name, learning_rate=0.1)) is rule
    assert LDS is DendriticState
    assert make_rule("BP_like_2E", learning_rate=0.1).nudge == "one-pass"
    assert make_rule("BP_like_2L", learning_rate=0.1).nudge == "equilibrated"
    assert make_rule("Top_Layer_BP_like_2L", learning_rate=0.1).nudge == "output-only"
    assert make_rule("Hebb_WeightNorm_4", learning_rate=0.1).clipped
    assert make_rule("Top_Down_Hebbian_Temporal_Contrast_1", learning_rate=0.1).form == "product"
    assert make_rule("Top_Down_Hebbian_Temporal_Contrast_1", learning_rate=0.1, forward_only=True).form == "settled"
    assert make_rule("Top_Down_Hebbian_Temporal_Contrast_3", learning_rate=0.1).form == "nudged"
    assert type(make_rule("Supervised_BCM_4", learning_rate=0.1, theta_tau=5, k=1)) is SupervisedBCM
    assert make_rule("Backprop_DendriticLoss", learning_rate=0.1, source="H1.E").source == "H1E"
    assert [
        make_rule(n, learning_rate=1).relu_gate for n in ("BTSP_19", "Hebbian_Temporal_Contrast", "BP_like_2L")
    ] == [
        True,
        True,
        False,
    ]
    seen = np.ones(3, np.float32)
    np.testing.assert_allclose(make_bias_rule("DendriticLossBias", learning_rate=0.5).update(seen, None), 0.5)
    np.testing.assert_allclose(make_bias_rule("Backprop", learning_rate=0.5).update(None, seen), -0.5)


@pytest.mark.parametrize(
    ("name", "kwargs", "words"),
    [
        ("BP_like_9", {}, "unknown learning rule 'BP_like_9': known are .*BP_like_2L"),
        ("BP_like_2L", {"learning_rate": -1}, "DendriticState: learning_rate must be a number of at least 0, got -1"),
        ("BP_like_2L", {"learning_rate": float("nan")}, "learning_rate"),
        ("BP_like_2L", {"learning_rate": "fast"}, "learning_rate"),
        ("BP_like_2L", {"learning_rate": 1, "rate": 2}, "unknown parameter of BP_like_2L 'rate'"),
        ("BP_like_2L", {"learning_rate": 1, "stochastic": True}, "stochastic"),
        ("BP_like_2L", {"learning_rate": 1, "max_pop_fraction": 1.5}, "max_pop_fraction .* at most 1, got 1.5"),
        ("BP_like_2L", {"learning_rate": 1, "relu_gate": 1}, "relu_gate must be true or false"),
        ("DendriticLoss_6", {"learning_rate": 1, "sign": 2}, "sign must be 1 or -1, got 2"),
        ("Supervised_BCM_4", {"learning_rate": 1, "k": 1}, "needs theta_tau"),
        ("Supervised_BCM_4", {"learning_rate": 1, "k": 0, "theta_tau": 1}, "k must be a number above 0"),
        ("BTSP", {"learning_rate": 1, "temporal_discount": 2}, "temporal_discount"),
        ("TopDownHebb", {"learning_rate": 1, "form": "both"}, "form must be one of"),
        ("Top_Down_Hebbian_Temporal_Contrast_3", {"learning_rate": 1, "forward_only": True}, "forward_only"),
    ],
)
def test_mistakes_are_named(name, kwargs, words):
    with pytest.raises(SpikedtpError, match=words):
        make_rule(name, **kwargs)
    with pytest.raises(SpikedtpError, match="unknown bias learning rule"):
        make_bias_rule("none", learning_rate=1)
