"""The plateau: its array form against loops over cells, its Brian2 form against its array form."""

import math

import numpy as np
import pytest
from brian2 import NeuronGroup
from hypothesis import given, settings
from hypothesis import strategies as st

from spikedtp.plasticity import BTSP, DendriticState, LearningRule, Plateau

PLATEAUS = st.builds(
    Plateau,
    relu_gate=st.booleans(),
    max_pop_fraction=st.sampled_from([0.05, 0.3, 0.5, 0.8, 1.0]),
    neg_rate_th=st.none() | st.sampled_from([-0.5, 0.0, 0.2, 1e9]),
)


def one_by_one(plateau, state, settled, is_output):
    """The definition in words, cell after cell."""
    found = [s if a != 0 or not plateau.relu_gate else 0.0 for s, a in zip(state, settled, strict=True)]
    if is_output:
        return np.array(found)
    for k, a in enumerate(settled):
        if plateau.neg_rate_th is not None and found[k] < 0 and a <= plateau.neg_rate_th:
            found[k] = 0.0
    n_keep = math.ceil(plateau.max_pop_fraction * len(found))
    kept = sorted(range(len(found)), key=lambda k: -found[k])
    return np.array([
        found[k] if (found[k] > 0 and k in kept[:n_keep]) or (found[k] < 0 and k in kept[len(found) - n_keep :]) else 0
        for k in range(len(found))
    ])  # fmt: skip


def drawn(seed, n=20):
    rng = np.random.default_rng(seed)
    return Plateau.clip(rng.normal(0, 1, n)), rng.normal(0, 0.5, n).clip(0, None)


@settings(max_examples=100, deadline=None, derandomize=True)
@given(PLATEAUS, st.integers(0, 10**6), st.booleans())
def test_the_array_form_is_the_definition(plateau, seed, is_output):
    (state, settled), out = drawn(seed), np.empty(20)
    plateau.write(state, settled, out, is_output=is_output)
    np.testing.assert_array_equal(out, one_by_one(plateau, state, settled, is_output))
    batch = np.empty((20, 3))
    plateau.write(np.tile(state[:, None], 3), settled[:, None], batch, is_output=is_output)
    np.testing.assert_array_equal(batch, np.tile(out[:, None], 3))


@settings(max_examples=25, deadline=None, derandomize=True)
@given(PLATEAUS.filter(lambda plateau: plateau.max_pop_fraction == 1.0), st.integers(0, 10**6))
def test_the_brian2_form_is_the_array_form(plateau, seed):
    (_, settled), state = drawn(seed), np.random.default_rng(seed + 1).normal(0, 1.5, 20)
    lowest = plateau.lowest_code("settled") if plateau.has_lowest else None
    cells = NeuronGroup(
        20,
        f"state : 1\nsettled : 1\nmade = {plateau.gate_code('settled')}*{Plateau.clip_code('state', lowest)} : 1",
        namespace={},
    )
    cells.state_, cells.settled_ = state, settled
    cells.add_to_magic_network = False
    out = np.empty(20)
    plateau.write(Plateau.clip(state), settled, out, is_output=False)
    np.testing.assert_array_equal(cells.made_[:], out)


def test_each_rule_declares_its_own():
    assert BTSP(0.1, neg_rate_th=0.3, max_pop_fraction=0.5).plateau_form() == Plateau(True, 0.5, 0.3)
    assert DendriticState(0.1, relu_gate=True).plateau_form() == Plateau(relu_gate=True)


@pytest.mark.parametrize("option", ["relu_gate", "max_pop_fraction", "neg_rate_th"])
def test_an_option_that_no_network_would_ask_for_is_no_option(option):
    with pytest.raises(TypeError, match=f"Silent.{option} has no effect: give plateau_form"):
        type("Silent", (LearningRule,), {option: 0.5})
