"""The contract of rules of biases."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from spikedtp.plasticity.base import BiasRule
from spikedtp.plasticity.contract.spiking_arithmetic import FormProblem, Place
from spikedtp.plasticity.contract.under_test import N_POST, UnderTest, copies, largest

__all__ = ["check_bias_rule"]

#: How far the two forms may lie apart.
TOLERANCE = 1e-12


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
    _check_spiking_form(tested, rng)


def _check_spiking_form(tested: UnderTest, rng: np.random.Generator) -> None:
    """The code of the cells gives what `update` gives, at the rule's learning rate and at half of it."""
    code = tested.call("spiking_form")
    if code is None:
        return
    if not isinstance(code, str) or tested.rule.needs_gradient:
        raise tested.fail("spiking_form must be code without a gradient, or None", "write 'bias += ...' of plateau")
    for factor in (1.0, 0.5):
        rule = replace(tested.rule, learning_rate=factor * tested.rule.learning_rate)
        plateau, bias = rng.uniform(-1, 1, (2, N_POST, 1))
        try:
            cells = Place("cells", "bias : 1", bias.shape, {"plateau": plateau, **rule.numbers()})
            cells.assign("bias", bias)
            cells.run("spiking_form", code, True)
        except FormProblem as problem:
            raise tested.fail("spiking_form", str(problem)) from None
        wanted = bias.ravel() + tested.call("update", plateau.ravel(), None, rule=rule)
        if largest(np.asarray(cells.values["bias"]).ravel() - wanted) > TOLERANCE:
            raise tested.fail("spiking_form changes biases by another amount than update", "make both one equation")
