"""f-I curves against closed forms, and unit rates that cells cannot reach: refused, or told."""

from __future__ import annotations

import logging
from functools import cache

import numpy as np
import pytest
from brian2 import Hz, ms, mV, nS, pA
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from spikedtp import SpikedtpError
from spikedtp.neurons import (
    LIF,
    AdaptiveLIF,
    BurstPoissonInCircuit,
    NaudInCircuit,
    NudgedCell,
    PoissonInput,
    TwoCompartment,
    TwoCompartmentLIF,
    firing_rates,
    reach,
)
from spikedtp.neurons.reach import check_reach


@settings(max_examples=5, deadline=None)
@given(
    unit=st.floats(20, 90), threshold=st.floats(-66, -50), reset=st.floats(1, 10), steps=st.integers(0, 100),
    activities=st.lists(st.floats(0, 3), min_size=2, max_size=6),
)  # fmt: skip
def test_rates_of_a_leaky_soma(unit, threshold, reset, steps, activities):
    """t_refractory + tau log((V_end - V_reset)/(V_end - V_threshold)), in whole time steps of 0.05 ms."""
    dt = 0.05
    cell = TwoCompartmentLIF(
        g_coupling=0 * nS, unit_voltage=unit * mV, v_threshold=threshold * mV, v_reset=(threshold - reset) * mV,
        t_refractory=steps * dt * ms,
    )  # fmt: skip
    end = -70 + unit * np.array(activities)
    tau = float(cell.tau_soma / ms)
    with np.errstate(divide="ignore", invalid="ignore"):
        interval = steps * dt + tau * np.log((end - threshold + reset) / (end - threshold))
    expected = np.where(end > threshold, 1000 / interval, 0.0)
    found = firing_rates(cell, activities, dt=dt * ms, settle=0.2 * 1000 * ms, duration=500 * ms) / Hz
    clear = np.abs(end - threshold) > 0.5  # else a step of Euler's decides
    # a spike more or less in 500 ms; a step more or less in an interval
    off = 1 / 0.5 + expected**2 * 1.5e-3 * dt + 0.005 * expected
    assert (np.abs(found - expected) < off)[clear].all(), (found, expected)


def test_the_curve_does_not_depend_on_the_time_step():
    for cell in (AdaptiveLIF(b=20 * pA), NaudInCircuit()):
        coarse, fine = (firing_rates(cell, [0.5, 1.0], dt=dt * ms) / Hz for dt in (0.2, 0.1))
        np.testing.assert_allclose(coarse, fine, rtol=0.02, atol=1.5)
        assert 0 < fine[0] < fine[1]


def test_what_cannot_be_driven():
    for cell, message in (
        (PoissonInput(), "firing_rates: PoissonInput lacks input_soma .what arrives there drives it"),
        (AdaptiveLIF(t_refractory=1.5 * ms), "AdaptiveLIF.t_refractory = 1.5 ms must be a whole number of time steps"),
    ):
        with pytest.raises(SpikedtpError, match=message):
            firing_rates(cell, [1.0])
    with pytest.raises(SpikedtpError, match="activities must be an array of numbers"):
        firing_rates(LIF(), ["fast"])
    with pytest.raises(SpikedtpError, match=r"firing_rates.duration must be above 0. s, got 0. s"):
        firing_rates(TwoCompartmentLIF(), [1.0], duration=0 * ms)


DT = 0.5 * ms
CELLS = {
    "TwoCompartmentLIF": (TwoCompartmentLIF(), 500),
    "slow": (TwoCompartmentLIF(t_refractory=20 * ms), 50),
    "AdaptiveLIF": (AdaptiveLIF(t_refractory=5 * ms), 200),
    "bursts": (BurstPoissonInCircuit(t_refractory=10 * ms, interval_high=10 * ms), 1000 / 7.25),
}


@cache
def own_rate(which):
    return float(firing_rates(CELLS[which][0], [1.0], dt=DT, settle=reach.SETTLES, duration=reach.COUNTED)[0] / Hz)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(which=st.sampled_from(sorted(CELLS)), log_rate=st.floats(-1, 1.5), other=st.floats(0.9, 1.1))
def test_unit_rates_are_reached_told_or_refused(which, log_rate, other, caplog):
    cell, highest = CELLS[which]
    own = own_rate(which)
    rate = own * 10**log_rate
    caplog.clear()
    with caplog.at_level(logging.WARNING):
        if rate > highest:
            with pytest.raises(
                SpikedtpError, match=f"^H1E, H2E: {type(cell).__name__} cannot fire at the unit rate of"
            ) as e:
                check_reach(cell, {"H1E": rate * Hz, "H2E": rate * Hz, "InputE": own * other * Hz}, DT)
            assert f"use unit_rate={own:.3g}*Hz (--unit-rate {own:.3g})" in str(e.value) and not caplog.messages
            return
        check_reach(cell, {"H1E": rate * Hz, "H2E": own * other * Hz}, DT)
    if 1 / reach.TOLERATED <= own / rate <= reach.TOLERATED:
        assert not caplog.messages
    else:
        (said,) = caplog.messages
        fires = f"{type(cell).__name__} fires at {own:.3g} Hz at an activity of 1, but the unit rate is of "
        assert said.startswith(f"{fires}H1E {rate:.4g} Hz: what they send") and "\n" not in said
        assert f"counts {own / rate:.2g} times as much as in the rate network; use unit_rate={own:.3g}*Hz" in said


@given(off=st.floats(0.1, 5))
@settings(max_examples=5, deadline=None)
def test_a_threshold_that_an_activity_of_1_does_not_reach(off):
    cell = TwoCompartmentLIF(v_threshold=(10 + off) * mV)
    message = r"^H1E: TwoCompartmentLIF does not fire at an activity of 1, whatever the unit rate: lower its threshold"
    with pytest.raises(SpikedtpError, match=message):
        check_reach(cell, {"H1E": 10 * Hz}, 1 * ms)


@pytest.mark.parametrize("cell", [NudgedCell(), TwoCompartment()])
def test_cells_that_know_their_unit_rate_are_not_checked(cell, caplog):
    with caplog.at_level(logging.WARNING):
        check_reach(cell, {"H1E": 5000 * Hz}, 1 * ms)
    assert not caplog.messages
