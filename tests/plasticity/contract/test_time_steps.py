"""Rules in time steps: each way of breaking the contract is named in one line."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

import numpy as np
import pytest
from brian2 import Hz, ms, second
from plasticity.contract.broken_rules import broken, the_line

from spikedtp.parameters import parameter
from spikedtp.plasticity import MSTDP, STDP, UrbanczikSenn, check_rule


def stepping(change):
    """A stepper that does something to what STDP's gives."""

    def stepper(self, dt):
        step = STDP.stepper(self, dt)
        return lambda weight, state, row: change(step, weight, state, row)

    return {"stepper": stepper}


def in_place_step(step, weight, state, row):
    weight += 0.1
    return step(weight, state, row)


STDP_FORM = STDP().spiking_form()
TIMED = {
    "wrong shape": (stepping(lambda step, w, state, row: (w.T, state)), r"stepper's weight has the shape \(3, 4\)"),
    "no pair": (
        stepping(lambda step, w, state, row: w),
        r"stepper's step gives a ndarray: it must be \(weight, state\)",
    ),
    "not finite": (stepping(lambda step, w, state, row: (w / 0, state)), "stepper's weight is not finite"),
    "float32": (
        stepping(lambda step, w, state, row: (w.astype(np.float32), state)),
        "stepper's weight is float32 where",
    ),
    "in place": (stepping(in_place_step), "stepper's step writes into weight in place"),
    "state grows": (
        stepping(lambda step, w, state, row: (w, {**state, "more": row.pre})),
        "stepper's state has .*'more'",
    ),
    "rate of 0": (stepping(lambda step, w, state, row: (w + 0.1, step(w, state, row)[1])), "at a learning rate of 0"),
    "never learns": (
        stepping(lambda step, w, state, row: (w, step(w, state, row)[1])),
        "stepper changed no weight in 60",
    ),
    "raises": (stepping(lambda step, w, state, row: 1 / 0), "stepper's step fails with ZeroDivisionError"),
    "reward undeclared": ({"stepper": MSTDP.stepper}, "needs_modulator is False, and it is so that the modulator"),
    "reward declared": ({"needs_modulator": True}, "needs_modulator is True, and it is not so"),
    "flag": ({"needs_spikes": 1}, "needs_spikes is 1: it must be True or False"),
    "silent declared": ({"silent_inputs_keep_weights": False}, "silent_inputs_keep_weights is False, and it is so"),
    "sign": (
        {"spiking_form": lambda self: replace(STDP_FORM, on_pre="w -= learning_rate*p_minus_post")},
        r"spiking_form: in step \d+ of 1. ms its weights differ by",
    ),
    "decay": (
        {"spiking_form": lambda self: replace(STDP_FORM, pre="dp_plus/dt = -p_plus/tau_minus/2 : 1")},
        "spiking_form: in step .* the state p_plus differs|weights differ",
    ),
    "not linear": (
        {"spiking_form": lambda self: replace(STDP_FORM, pre="dp_plus/dt = -p_plus**2/tau_plus : 1")},
        "the equations of p_plus are not linear",
    ),
    "other units": (
        {"spiking_form": lambda self: replace(STDP_FORM, pre="dp_plus/dt = (1 - p_plus)/tau_plus**2 : 1")},
        "dp_plus/dt has other units|mixes units",
    ),
    "event-driven": (
        {"spiking_form": lambda self: replace(STDP_FORM, synapse="dz/dt = -z/tau_plus : 1 (event-driven)")},
        "synapse.z is event-driven",
    ),
    "state of no place": (
        {"spiking_form": lambda self: replace(STDP_FORM, states={"zeta": "cell.zeta"})},
        "'cell' is no place",
    ),
    "pair form": (
        {"pair_form": lambda self: replace(STDP.pair_form(self), learning_rate=1.0)},
        "pair_form gives weights that differ",
    ),
    "pair form of another kind": ({"pair_form": lambda self: 3}, "pair_form gives a int"),
}


@pytest.mark.parametrize("name", TIMED)
def test_a_broken_rule_in_time_steps_is_named(name):
    changes, wanted = TIMED[name]
    rule = broken(STDP, {"pair_form": lambda self: None, **changes})()
    assert re.search(wanted, the_line(rule)), the_line(rule)


def test_a_rule_in_time_steps_of_ones_own_passes():
    """One trace, its own units, an exponential decay written out; a parameter in Hz."""

    @dataclass(frozen=True)
    class Trace(UrbanczikSenn):
        phi_max: Hz = parameter(100 * Hz, above=0 * Hz)
        tau_l: second = parameter(15 * ms, above=0 * ms)

    check_rule(Trace())
