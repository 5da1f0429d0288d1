"""Bias rules: each way of breaking the contract is named in one line."""

from __future__ import annotations

import pytest
from plasticity.contract.broken_rules import broken, the_line

from spikedtp.plasticity import BiasRule


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
