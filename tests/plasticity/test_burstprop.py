"""Burstprop against weights of the original program, and against a second implementation that goes from spike to spike.

The original computes in single precision, and its traces lose some 1e-3 of their value in that: the second
implementation does the same where it is asked to.
"""

import numpy as np
import pytest
from brian2 import Hz, ms, second

from spikedtp import SpikedtpError, replay
from spikedtp.plasticity import Burstprop, check_rule, make_timed_rule

CASES = [
    "xor_params_up", "xor_params_down", "learning_rule_params", "homeostasis_low_rate", "homeostasis_high_rate",
]  # fmt: skip
STATES = {
    "x": "pre_event_trace", "event_rate": "post_event_rate_Hz", "burst_rate": "post_burst_rate_Hz",
    "firing_rate": "hom_rate_Hz",
}  # fmt: skip
N = 700_000


@pytest.fixture
def case(golden):
    arrays = golden("burstprop/synapse")

    def one(name):
        return {key.partition(".")[2]: values for key, values in arrays.items() if key.startswith(f"{name}.")}

    return one


def rule_of(case):
    return Burstprop(
        learning_rate=float(case["learning_rate"]), tau_x=case["tau_pre_s"] * second,
        tau_avg=case["tau_avg_s"] * second, e_min=case["e_min_Hz"] * Hz, e_max=case["e_max_Hz"] * Hz,
    )  # fmt: skip


def spike_by_spike(rule, pre, post, w, learns_from, rows, dt=1e-4, dtype=np.float64):
    """The weight after each of the steps `rows`; `pre` and `post` are steps of spikes."""
    number = dtype
    one, keep = number(1), {}
    for name, tau in (("x", rule.tau_x), ("avg", rule.tau_avg), ("h", rule.tau_rate), ("s", rule.tau_burst)):
        keep[name] = number(np.exp(-dt / float(tau)))
    eta, e_min, e_max = (number(v) for v in (rule.learning_rate, rule.e_min / Hz, rule.e_max / Hz))
    avg, h_tau = number(rule.tau_avg / second), number(rule.tau_rate / second)
    late = round(float(rule.t_axon) / dt)
    x, e, b, h, s_pre, s_post = (number(v) for v in (0, 0, 0, rule.first_rate / Hz * h_tau, 0, 0))
    flags, last, weight, found = {"pre": False, "post": False}, -1, number(w), []
    arrivals = sorted(set(pre.tolist()) | set(post.tolist()) | {t + late for t in pre.tolist()} | set(rows.tolist()))
    pre_set, post_set, late_set = set(pre.tolist()), set(post.tolist()), {t + late for t in pre.tolist()}

    def after(value, name, n):
        if dtype is np.float64:
            return value * keep[name] ** n
        return np.multiply.accumulate(np.append(value, np.full(n, keep[name])), dtype=dtype)[-1]

    def kind(s, side):
        if s < np.exp(-1):
            flags[side] = False
            return "event"
        if not flags[side]:
            flags[side] = True
            return "burst"
        return None

    rows = set(rows.tolist())
    for t in arrivals:
        n, last = t - last, t
        x, e, b, h = after(x, "x", n), after(e, "avg", n), after(b, "avg", n), after(h, "h", n)
        s_pre, s_post = after(s_pre, "s", n), after(s_post, "s", n)
        plastic = t >= learns_from
        if t in pre_set and kind(s_pre, "pre") == "event":
            if plastic and h / h_tau < e_min:
                weight = min(max(weight + eta * (e_min - h / h_tau), number(0)), one)
            x += one
        if t in post_set:
            what = kind(s_post, "post")
            too_high = -(e / avg - e_max) / (e / avg) if e / avg > e_max else number(0)
            if what == "event":
                p = min(b / e, one) if e > 0 else one
                if plastic:
                    weight = min(max(weight + eta * (too_high - p) * x, number(0)), one)
                e += one
            if what == "burst":
                b += one
                if plastic:
                    weight = min(max(weight + eta * (one + too_high) * x, number(0)), one)
            s_post, h = s_post + one, h + one
        if t in late_set:  # a spike on its axon is not recent yet
            s_pre += one
        if t in rows:
            found.append(weight)
    return np.array(found)


@pytest.mark.parametrize("name", CASES)
def test_in_single_precision_it_is_the_original(case, name):
    one = case(name)
    found = spike_by_spike(
        rule_of(one), one["pre"], one["post"], one["w_initial"], one["plasticity_on_from_s"] * 1e4, one["step"],
        dtype=np.float32,
    )  # fmt: skip
    assert np.abs(found - one["weight"]).max() <= 1e-5 * np.ptp(one["weight"])


@pytest.mark.parametrize("name", CASES)
def test_compiled_spikes(case, name):
    """Exactly the second implementation, and the original as near as its rounding allows."""
    one = case(name)
    pre, post = np.zeros((2, N, 1), dtype=bool)
    pre[one["pre"]], post[one["post"]] = True, True
    start = one["plasticity_on_from_s"] * 1e4
    done = replay(
        rule_of(one), pre, post, float(one["w_initial"]), modulator=np.arange(N) >= start, dt=0.1 * ms, form="spiking",
        device="cpp_standalone", keep=one["step"] + 1, record=tuple(STATES),
    )  # fmt: skip
    exact = spike_by_spike(rule_of(one), one["pre"], one["post"], one["w_initial"], start, one["step"])
    np.testing.assert_allclose(done.w[:, 0, 0], exact, rtol=0, atol=1e-9)
    np.testing.assert_allclose(done.w[:, 0, 0], one["weight"], rtol=0, atol=2e-4)
    for state, column in STATES.items():
        scale = np.abs(one[column]).max()
        np.testing.assert_allclose(done.state[state][:, 0], one[column], atol=1e-2 * scale, err_msg=state)


def bursty(seed, n=6000):
    """Steps (of 1 ms) of spikes with bursts of two and three."""
    rng = np.random.default_rng(seed)
    trains = []
    for _ in range(2):
        steps, t = [], 0
        while t < n - 60:
            t += int(rng.integers(20, 300))
            steps.append(t)
            for _ in range(int(rng.integers(0, 3))):
                t += int(rng.integers(3, 15))
                steps.append(t)
        trains.append(np.array([t for t in steps if t < n]))
    return trains


@pytest.mark.parametrize(
    "changes", [{}, {"e_max": 3 * Hz, "e_min": 1 * Hz}, {"e_min": 8 * Hz}], ids=["", "high", "low"]
)
@pytest.mark.parametrize("form", ["rate", "spiking"])
def test_both_forms_go_as_it_goes_from_spike_to_spike(form, changes):
    rule = Burstprop(learning_rate=0.02, t_axon=2 * ms, tau_avg=1 * second, **changes)
    trains, n = bursty(len(changes)), 6000
    rasters = np.zeros((2, n, 1))
    for raster, steps in zip(rasters, trains, strict=True):
        raster[steps] = 1
    rows = np.arange(0, n, 50)
    exact = spike_by_spike(rule, *trains, 0.5, 1000, rows, dt=1e-3)
    assert np.ptp(exact) > 0.02
    found = replay(rule, *rasters, 0.5, modulator=np.arange(n) >= 1000, form=form, device="runtime", keep=rows + 1)
    np.testing.assert_allclose(found.w[:, 0, 0], exact, rtol=0, atol=1e-12)


def test_a_cell_that_bursts_more_than_before_strengthens_and_less_weakens():
    """On average learning_rate x (p - P) for each event."""
    for later, sign in ((1, 1), (0, -1)):
        pre, post = np.zeros((2, 12_000, 1))
        post[::200] = 1
        pre[198::200] = 1  # 2 ms before
        post[10:6000:400] = 1  # every other event is a burst, until
        if later:
            post[6010::200] = 1
        rule = Burstprop(e_min=0 * Hz, tau_avg=2 * second)
        done = replay(rule, pre, post, 0.5, modulator=np.arange(12_000) >= 6000, keep="last")
        assert np.sign(done.w[-1, 0, 0] - 0.5) == sign


def test_variants():
    for name in ("adaptive", "EBCP", "BCP"):
        check_rule(Burstprop.named(name))
    # the same trains, all presynaptic spikes far apart: EBCP and BCP are one rule
    pre, post = np.zeros((2, 3000, 1))
    pre[100::90], post[130::150], post[140::300] = 1, 1, 1
    last = [
        replay(Burstprop.named(name), pre, post, 0.5, modulator=np.ones(3000), keep="last").w[-1, 0, 0]
        for name in ("EBCP", "BCP")
    ]
    assert last[0] == last[1] != 0.5
    # by hand: one event 10 ms after a presynaptic one, then a burst
    pre, post = np.zeros((2, 60, 1))
    pre[10], post[20], post[26] = 1, 1, 1
    done = replay(Burstprop.named("EBCP", learning_rate=0.1, first_rate=1 * Hz), pre, post, 0.5, modulator=np.ones(60))
    x = np.exp(-np.array([10, 16]) / 20)
    assert done.w[21, 0, 0] - 0.5 == pytest.approx(-0.1 * 0.15 * x[0], rel=1e-12)
    assert done.w[27, 0, 0] - done.w[21, 0, 0] == pytest.approx(0.1 * x[1], rel=1e-12)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"variant": "adaptiv"}, "variant of Burstprop.*'adaptiv'.*adaptive"),
        ({"e_min": 10 * Hz}, "Burstprop.e_min must be below e_max = 10. Hz, got 10. Hz"),
        ({"tau_avg": 2.0}, "Burstprop.tau_avg must be a quantity in s"),
        ({"p_fixed": 1.5}, "Burstprop.p_fixed must be at most 1"),
    ],
)
def test_what_cannot_be_is_refused(changes, words):
    with pytest.raises(SpikedtpError, match=words):
        Burstprop(**changes)


def test_it_has_a_name():
    assert make_timed_rule("Burstprop", learning_rate=0.1) == Burstprop(learning_rate=0.1)
    with pytest.raises(SpikedtpError, match="variant of Burstprop"):
        Burstprop.named("burst")
