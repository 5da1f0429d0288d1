"""What a declaration says of itself, and which time steps its cell can have."""

from __future__ import annotations

import re

import numpy as np
import pytest
from brian2 import Equations, ms
from hypothesis import given, settings
from hypothesis import strategies as st

from spikedtp.errors import SpikedtpError
from spikedtp.neurons import LIF, Declaration, PoissonInput, TwoCompartment, TwoCompartmentLIF


@settings(max_examples=30, deadline=None)
@given(model=st.sampled_from([LIF, TwoCompartmentLIF]), rest=st.floats(0, 5), dt=st.sampled_from([0.1, 0.4, 1.0]))
def test_refractory_times_are_whole_steps(model, rest, dt):
    whole = round(rest / dt)
    model(t_refractory=whole * dt * ms).check_time_step(dt * ms)
    cell = model(t_refractory=rest * ms)
    if abs(rest / dt - whole) > 1e-5 * max(whole, 1):
        with pytest.raises(SpikedtpError, match=rf"{model.__name__}.t_refractory = .* must be a whole number of time"):
            cell.check_time_step(dt * ms)


@pytest.mark.parametrize(
    ("cell", "dt", "message"),
    [
        (TwoCompartment(tau_dend=4 * ms), 1, r"TwoCompartment.tau_dend = 4. ms acts as 3.47605\d* ms at dt = 1. ms"),
        (PoissonInput(tau_eligibility=2 * ms), 1, r"PoissonInput.tau_eligibility = 2. ms acts as 1.442\d* ms"),
        (LIF(tau=1 * ms), 1, r"LIF.tau = 1. ms at dt = 1. ms: only 0.37 of a spike is left when the threshold is"),
    ],
)
def test_long_steps_are_warned_of(cell, dt, message, caplog):
    cell.check_time_step(dt * ms)
    (record,) = caplog.records
    assert re.search(message, record.getMessage()) and "\n" not in record.getMessage()
    caplog.clear()
    cell.check_time_step(dt / 20 * ms)
    assert not caplog.records


def test_what_is_said_of_euler_is_what_it_does():
    """A voltage that nothing drives falls by 1/e in the time that the message names."""
    for tau in (2.0, 4.0, 7.0):
        step = np.log(1 - 1 / tau)
        acts_as = float(-1 / step)
        assert (1 - 1 / tau) ** acts_as == pytest.approx(np.exp(-1))


def test_a_declaration_that_contradicts_itself():
    for name, value in (("reset", "v = 0"), ("early_reset", True), ("refractory", "5*ms")):
        with pytest.raises(SpikedtpError, match=rf"Declaration.{name} is of no use without a threshold"):
            Declaration(Equations("v : 1"), "", **{name: value})
    with pytest.raises(SpikedtpError, match=r"equations: v \(unless refractory\), and there is no refractory time"):
        Declaration(Equations("dv/dt = -v/ms : 1 (unless refractory)"), "v > 1")
    with pytest.raises(SpikedtpError, match=r"clear must be a tuple of names"):
        Declaration(Equations("input_soma : 1"), "", clear="input_soma")
