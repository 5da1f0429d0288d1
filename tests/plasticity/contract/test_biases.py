"""Bias rules: each way of breaking the contract is named in one line."""

from __future__ import annotations

import pytest
from plasticity.contract.broken_rules import broken, the_line

from spikedtp.plasticity import BiasRule, PlateauBias, check_rule


@pytest.mark.parametrize(
    ("change", "wanted"),
    [
        (lambda self, plateau, gradient: 0.1 * plateau, "at a learning rate of 0"),
        (lambda self, plateau, gradient: self.learning_rate * plateau[..., :2], "update has the shape"),
        (lambda self, plateau, gradient: self.learning_rate * gradient, "update fails with TypeError"),
    ],
)
def test_a_broken_bias_rule_is_named(change, wanted):
    assert wanted in the_line(broken(BiasRule, {"update": change})(0.1))


UPDATE = {"update": lambda self, plateau, gradient: self.learning_rate * plateau}


@pytest.mark.parametrize(
    ("code", "wanted"),
    [
        ("bias += learning_rate*plateau*plateau", "changes biases by another amount than update"),
        ("bias += learning_rate*post_settled", "uses post_settled, which is no variable"),
        ("bias +=", "cannot be read"),
        (3, "must be code without a gradient, or None"),
    ],
)
def test_a_broken_spiking_form_is_named(code, wanted):
    assert wanted in the_line(broken(BiasRule, UPDATE | {"spiking_form": lambda self: code})(0.1))


def test_the_forms_of_a_good_rule_agree():
    check_rule(broken(BiasRule, UPDATE | {"spiking_form": lambda self: "bias += plateau*learning_rate"})(0.1))
    check_rule(PlateauBias(0.3))
