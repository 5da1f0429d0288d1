"""What a rule needs to change weights, and that it changes none without."""

import numpy as np
import pytest

from spikedtp.circuit import read_circuit
from spikedtp.spiking.closed_loop.idle_rows import needed_to_learn


@pytest.mark.parametrize(
    ("code", "needed"),
    [
        ("w += learning_rate*plateau_post*clip(pre_nudged_pre, 0, 1)  # not fallen_pre", ("pre_nudged",)),
        ("w -= lr*(a_post*after_pre - b_post*before_pre)", ("after", "before")),
        ("toward = up_post*(3*gained_pre - w*lost_pre)\nw += toward + toward*toward", ("gained", "lost")),
        ("rise = a_post\nrise += x_pre\nw += x_pre*rise", ("x",)),
        ("w += a_post*clip(x_pre, 0.1, 1)", ()),
        ("w += a_post*exp(x_pre)", ()),
        ("w += a_post*x_pre - 0.01*w", ()),
        ("w *= x_pre", ()),
        ("w = a_post*x_pre", ()),
        ("w += a_post/x_pre", ()),
        ("w += a_post", ()),
        ("w += a_post*int(x_pre >= 0)", ()),
        ("w += a_post*tau_pre", ()),  # a number of the rule
        ("w += a_post*x_pre*tau_pre", ("x",)),
    ],
)
def test_what_must_differ_from_0(code, needed):
    assert needed_to_learn(code, {"tau_pre"}) == needed


def test_what_cannot_be_told_is_needed_everywhere():
    """Where 0 has no order or no value, and where a name holds the weight of before."""
    for code in (
        "w += learning_rate*clip(log(pre_settled_pre), -5, 5)",
        "w += learning_rate*clip(1/pre_settled_pre, 0, 10)",
        "w += learning_rate*int(log(pre_settled_pre) > -3)",
        "old = w\nw += learning_rate*post_settled_post\nw = old - learning_rate*post_settled_post + w*pre_settled_pre",
    ):
        assert needed_to_learn(code) == (), code


CIRCUITS = ("digits_dtp", "digits_btsp", "digits_supervised_bcm", "digits_temporal_contrast", "digits_hebb_weight_norm")


@pytest.mark.parametrize("circuit", CIRCUITS)
def test_shipped_rules_change_nothing_without(circuit):
    """Their code as Python runs it, with random numbers for everything else; and with what is needed it changes w."""
    rng, told = np.random.default_rng(0), 0
    for p in read_circuit(circuit).projections:
        form = p.learned_by.spiking_form() if p.rule is not None else None
        needed = needed_to_learn(form.on_learn) if form is not None else ()
        if not needed:
            continue
        told += 1
        code = "\n".join(line.strip() for line in form.on_learn.splitlines())
        names = {name: rng.random() for name in compile(code, "rule", "exec").co_names}
        names |= {"clip": np.clip, "inf": np.inf, "w": 0.3}
        for factor in (0.0, 1.0):
            these = names | {f"{name}_pre": factor * rng.random() for name in needed}
            exec(code, {}, these)
            assert (these["w"] == 0.3) == (factor == 0)
    assert told >= 2
