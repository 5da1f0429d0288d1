"""Clopath's rule against NEST, a closed form, and the pairing experiments that it was made for."""

import numpy as np
import pytest
from brian2 import ms, mV

from spikedtp import SpikedtpError, replay
from spikedtp.plasticity import Clopath, check_rule

# --- NEST: tests/golden/clopath/make_golden.py ------------------------------------------------------------------------

CASES = ("pre before post", "post before pre", "random", "homeostasis")


@pytest.mark.parametrize("case", CASES)
def test_nest_gives_the_same_weights(case, golden):
    """NEST integrates traces within a step and reads them one step late: 1 % of the change with steps of 0.01 ms."""
    kept = {key.partition("/")[2]: value for key, value in golden("clopath/nest").items() if key.startswith(case)}
    steps, expected = kept["steps"], kept["weights"]
    u = np.concatenate([[-70.6], kept["voltage"]]).astype(float)[:, None]
    pre = np.zeros_like(u)
    pre[steps] = 1
    rule = Clopath(w_max=100.0)
    if case == "homeostasis":  # NEST measures the mean voltage from 0
        rule = Clopath(w_max=100.0, u_ref=70 * mV, u_rest=0 * mV, tau_mean=50 * ms)
    found = replay(rule, pre, u, 5.0, dt=0.01 * ms, form="rate").w[:, 0, 0]
    assert np.ptp(expected) > 0.004 and (kept["voltage"] > 30).sum() >= 1000  # five spikes and more
    np.testing.assert_allclose(found[steps + 1], expected, rtol=0, atol=0.01 * np.ptp(expected))


def test_homeostasis_is_what_nest_does(golden):
    """The mean voltage makes a difference that the test above would see."""
    kept = {key: value for key, value in golden("clopath/nest").items() if key.startswith("homeostasis")}
    u = np.concatenate([[-70.6], kept["homeostasis/voltage"]]).astype(float)[:, None]
    pre = np.zeros_like(u)
    pre[kept["homeostasis/steps"]] = 1
    plain = replay(Clopath(w_max=100.0), pre, u, 5.0, dt=0.01 * ms, form="rate").w[-1, 0, 0]
    assert abs(plain - kept["homeostasis/weights"][-1]) > 0.01 * np.ptp(kept["homeostasis/weights"])


# --- theory -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", ["rate", "spiking"])
def test_closed_form(form):
    """A presynaptic spike, and a voltage that jumps from rest to 0 mV: the integral of two exponentials."""
    rule, dt, late, length = Clopath(w_max=None), 0.01, 5.0, 30.0
    n, first = round((late + length) / dt), round(late / dt)
    pre, u = np.zeros((n, 1)), np.full((n, 1), -70.6)
    pre[0], u[first:] = 1, 0.0
    found = replay(rule, pre, u, 1.0, dt=dt * ms, form=form).w[-1, 0, 0] - 1
    both = 1 / (1 / 15 + 1 / 7)
    area = np.exp(-late / 15) * ((1 - np.exp(-length / 15)) - both / 15 * (1 - np.exp(-length / both)))
    assert found == pytest.approx(8e-5 * 45.3 * 70.6 * area, rel=2e-3)


def test_depression_is_proportional_to_the_trace():
    n = 2000
    pre, u = np.zeros((n, 1)), np.full((n, 1), -70.6)
    u[100:] = -60.0  # below theta_plus, so that nothing grows
    pre[600] = 1
    found = replay(Clopath(), pre, u, 1.0, dt=0.1 * ms).w[-1, 0, 0] - 1
    assert found == pytest.approx(-14e-5 * 10.6 * (1 - np.exp(-50 / 10)), rel=1e-6)


def voltage(post: np.ndarray, n: int) -> np.ndarray:
    """Spikes of 2 ms, followed by a reset 21 mV above rest and by the depolarisation of a current of 40 ms, in mV."""
    t, above = 0.1 * np.arange(n), np.zeros(n)
    for time in post + 2:
        late = np.maximum(t - time, 0)
        slow, fast = np.exp(-late / 40), np.exp(-late / 9.4)
        above += (t > time) * (21 * fast + 13.3 * 40 / (40 - 9.4) * (slow - fast))
    for time in post:
        above[(t >= time) & (t < time + 2)] = 33 + 70.6
    return above - 70.6


def change(frequency: float, lag: float) -> float:
    """Of a weight of 1, after 75 pairs."""
    pre = 50 + np.arange(5) * 1000 / frequency
    n = int(10 * (pre[-1] + 200))
    spikes = np.zeros((n, 1))
    spikes[np.round(10 * pre).astype(int)] = 1
    u = voltage(pre + lag, n)[:, None]
    return 15 * (replay(Clopath(), spikes, u, 1.0, dt=0.1 * ms, form="rate").w[-1, 0, 0] - 1)


def test_frequency_decides_between_depression_and_potentiation():
    """Post before pre depresses at low frequencies and potentiates at high ones, as in Figure 2 of the paper."""
    frequencies = (1, 10, 20, 30, 40, 50)
    late = np.array([change(frequency, -10) for frequency in frequencies])
    early = np.array([change(frequency, 10) for frequency in frequencies])
    assert (late[:3] < -0.1).all() and (late[4:] > 0.3).all()  # the sign changes between 20 and 40 Hz
    assert (early > 0).all() and (np.diff(early) > 0).all() and early[-1] > 3 * early[0]
    assert (early > late).all() and abs(early[-1] - late[-1]) < 0.2 * early[-1]  # at 50 Hz timing hardly matters


# --- parameters -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "change", [{}, {"u_ref": 8 * mV}, {"w_max": None, "w_min": None}, {"w_max": 0.9, "u_ref": 7 * mV}]
)
def test_contract(change):
    check_rule(Clopath(**change))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"a_ltd": 14e-5}, r"Clopath.a_ltd must be a quantity in .* got 0.00014"),
        ({"theta_plus": 1.0}, "Clopath.theta_plus must be a quantity in V"),
        ({"w_min": 3.0}, "Clopath.w_min must be below w_max = 3.0, got 3.0"),
        ({"w_max": 2 * mV}, "Clopath.w_max must be a number without units"),
        ({"u_ref": 60.0}, "Clopath.u_ref must be a quantity in V"),
        ({"u_ref": 0 * mV}, "Clopath.u_ref must be above"),
        ({"tau_x": 0 * ms}, "Clopath.tau_x must be above"),
    ],
)
def test_mistakes_are_named(change, words):
    with pytest.raises(SpikedtpError, match=words) as error:
        Clopath(**change)
    assert "\n" not in str(error.value)
