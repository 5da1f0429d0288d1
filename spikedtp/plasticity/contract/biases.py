"""The contract of rules of biases."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from spikedtp.plasticity.base import BiasRule
from spikedtp.plasticity.contract.under_test import N_POST, UnderTest, copies

__all__ = ["check_bias_rule"]


def check_bias_rule(rule: BiasRule) -> None:
    """See `check_rule`."""
    tested, rng = UnderTest(rule, BiasRule), np.random.default_rng(0)
    for shape in ((N_POST,), (2, N_POST)):
        given = {name: rng.uniform(-1, 1, shape).astype(np.float32) for name in ("plateau", "gradient")}
        given["gradient" if not rule.needs_gradient else "plateau"] = None  # type: ignore[assignment]
        before = copies(given)
        change = tested.call("update", *given.values())
        tested.check_array("update", change, shape, np.float32)
        tested.check_untouched("update", given, before)
        if np.any(tested.call("update", *given.values(), rule=replace(rule, learning_rate=0.0))):
            raise tested.fail("update changes biases at a learning rate of 0", "multiply by self.learning_rate")
