"""`check_rule`'s second reading of Brian2's code is Brian2's."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from brian2 import ms

from spikedtp import replay
from spikedtp.plasticity import TIMED_RULES, SpikingForm
from spikedtp.plasticity.contract.spiking_arithmetic import SpikingArithmetic


@pytest.mark.parametrize("name", TIMED_RULES)
def test_the_second_reading_is_what_brian2_does(name):
    rule, rng, steps = TIMED_RULES[name](), np.random.default_rng(3), 50
    pre, post, w0 = rng.random((steps, 3)), rng.random((steps, 4)), rng.random((4, 3))
    if rule.needs_spikes:
        pre, post = (pre < 0.3).astype(float), (post < 0.3).astype(float)
    reward = np.repeat(rng.normal(size=10), 5)
    brian2 = replay(rule, pre, post, w0, modulator=reward, form="spiking", device="runtime")
    names = {"pre": ("activity",), "post": ("activity",)}
    ours = SpikingArithmetic(rule.spiking_form(), rule.numbers(), names, w0, 1 * ms)
    for k in range(steps):
        ours.step({"activity": pre[k]}, {"activity": post[k]}, reward[k])
        np.testing.assert_allclose(ours.weight(), brian2.w[k + 1], rtol=1e-12, atol=1e-13)
        for state, values in brian2.state.items():
            np.testing.assert_allclose(ours.state(state), values[k + 1], rtol=1e-12, atol=1e-13)


def test_synapses_may_add_to_their_cells():
    """Brian2's sums over synapses, in either direction; refused where the order would matter."""
    form = SpikingForm(pre="n : 1", post="total : 1", on_pre="total_post += w\nn_pre -= 1")
    ours = SpikingArithmetic(form, {}, {"pre": ("activity",), "post": ("activity",)}, np.ones((2, 3)), 1 * ms)
    ours.step({"activity": np.array([1.0, 0, 1])}, {"activity": np.zeros(2)})
    assert ours.post.values["total"].ravel().tolist() == [2, 2] and ours.pre.values["n"].ravel().tolist() == [-2, 0, -2]
    with pytest.raises(Exception, match="may only add to variables of a cell"):
        replaced = replace(form, on_pre="total_post = w")
        SpikingArithmetic(replaced, {}, {"pre": ("activity",), "post": ()}, np.ones((2, 3)), 1 * ms).step(
            {"activity": np.ones(3)}, {}
        )
