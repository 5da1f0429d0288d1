"""BTSP with traces of seconds: its gains, its fixed point in both forms, and what is refused."""

import numpy as np
import pytest
from brian2 import Hz, ms, second

from spikedtp import replay
from spikedtp.errors import SpikedtpError
from spikedtp.plasticity import BTSP, BidirectionalBTSP, check_rule

RULES = {fit: BidirectionalBTSP.fit(fit) for fit in ("network", "median")}


def test_the_published_constants():
    network, median = RULES.values()
    assert network == BidirectionalBTSP() and network.w_max == 4.680311
    # the medians, as rounded as they are printed
    printed = {"alpha_plus": 0.1253, "h_plus": 0.1158, "alpha_minus": 0.00337, "h_minus": 0.0226, "w_max": 4.100}
    assert all(getattr(median, name) == pytest.approx(value, rel=2e-3) for name, value in printed.items())
    assert float(median.tau_eligibility / ms) == pytest.approx(924.3, abs=0.05)
    assert float(median.tau_instructive / ms) == pytest.approx(502.3, abs=0.05)
    assert float(median.k_plus / Hz) == pytest.approx(1.529, abs=5e-4)
    assert float(median.k_minus / Hz) == pytest.approx(0.1025, abs=5e-5)
    assert BidirectionalBTSP.fit("median", w_max=2.0).w_max == 2.0
    with pytest.raises(SpikedtpError, match="unknown fit of BidirectionalBTSP 'medium'"):
        BidirectionalBTSP.fit("medium")


@pytest.mark.parametrize("rule", RULES.values(), ids=RULES)
def test_gains_are_rescaled_logistic_functions(rule):
    x = np.linspace(0, 1, 101)
    for found, alpha, h in zip(
        rule.gains(x), (rule.alpha_plus, rule.alpha_minus), (rule.h_plus, rule.h_minus), strict=True
    ):
        raw = 1 / (1 + np.exp(-2 / h * (x - alpha)))
        np.testing.assert_allclose(found, (raw - raw[0]) / (raw[-1] - raw[0]), atol=1e-12)
        assert found[0] == 0 and found[-1] == 1 and (np.diff(found) >= 0).all()


def test_eianns_rule_has_the_same_gain_of_depression():
    ours, eiann = BidirectionalBTSP(alpha_minus=0.03, h_minus=0.05), BTSP(0.1, dep_th=0.03, dep_width=0.05)
    x = np.linspace(0, 1, 50)
    np.testing.assert_allclose(ours.gains(x)[1], eiann.depression(x), atol=1e-12)


@pytest.mark.parametrize(
    "rule", [*RULES.values(), BidirectionalBTSP(eligibility_peak=0.4), BidirectionalBTSP(peak_rate=300 * Hz)]
)
def test_the_contract(rule):
    check_rule(rule)


@pytest.mark.parametrize("form", ["rate", "spiking"])
@pytest.mark.parametrize("rule", RULES.values(), ids=RULES)
def test_weights_come_to_rest_where_gain_equals_loss(rule, form):
    rates, steps = np.array([0.003, 0.05, 0.3, 0.6, 1.0]), 300
    pre, post = np.tile(rates, (steps, 1)), np.ones((steps, 1))
    options = {"form": form, "device": "runtime", "keep": "last", "dt": 20 * second}
    w = replay(rule, pre, post, 1.0, **options).w[-1, 0]
    plus, minus = rule.gains(rates)
    np.testing.assert_allclose(w, rule.equilibrium(plus, minus), rtol=1e-9)


def test_a_long_step_does_not_overshoot():
    rule = BidirectionalBTSP(k_plus=10 * Hz, k_minus=0 * Hz)
    w = replay(rule, np.ones((200, 1)), np.ones((200, 1)), 1.0, dt=1 * second).w[:, 0, 0]
    assert (np.diff(w) >= 0).all() and 4.6 < w[-1] <= rule.w_max


def test_halving_the_step_converges_at_first_order():
    finals = []
    for dt in (4, 2, 1, 0.5):
        time = np.arange(0, 6000, dt)[:, None]
        pre, post = np.exp(-(((time - 1500) / 700) ** 2)), ((time >= 2000) & (time < 2304)).astype(float)
        finals.append(replay(BidirectionalBTSP(), pre, post, 2.0, dt=dt * ms, keep="last").w[-1, 0, 0])
    steps = np.abs(np.diff(finals))
    np.testing.assert_allclose(np.log2(steps[:-1] / steps[1:]), 1.0, atol=0.2)


def test_spikes_at_the_peak_rate_are_a_rate_of_one():
    spikes = (np.arange(20_000) % 25 == 0).astype(float)[:, None]  # 40 Hz
    done = replay(BidirectionalBTSP(peak_rate=40 * Hz), spikes, np.zeros_like(spikes), 1.0)
    assert done.state["eligibility"][-25:, 0].mean() == pytest.approx(1.0, abs=1e-4)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"tau_eligibility": -1 * second}, "BidirectionalBTSP.tau_eligibility must be above 0. s, got -1. s"),
        ({"tau_instructive": 437.0}, r"BidirectionalBTSP.tau_instructive must be a quantity in s \(such as"),
        ({"k_plus": 1.1}, "BidirectionalBTSP.k_plus must be a quantity in Hz"),
        ({"h_minus": 0.0}, "BidirectionalBTSP.h_minus must be above 0.0, got 0.0"),
        ({"h_plus": -0.1}, "BidirectionalBTSP.h_plus must be above 0.0"),
        (
            {"alpha_plus": 60.0, "h_plus": 0.01},
            "alpha_plus = 60.0 is too far from overlaps of 0 to 1 for h_plus = 0.01",
        ),
        ({"peak_rate": 40.0}, "BidirectionalBTSP.peak_rate must be a quantity in Hz"),
        ({"peak_rate": 0 * Hz}, "BidirectionalBTSP.peak_rate must be above 0. Hz"),
        ({"w_max": 0.0}, "BidirectionalBTSP.w_max must be above 0.0"),
        ({"eligibility_peak": 0.0}, "BidirectionalBTSP.eligibility_peak must be above 0.0"),
    ],
)
def test_mistakes_are_named(given, words):
    with pytest.raises(SpikedtpError, match=words):
        BidirectionalBTSP(**given)


def test_an_instructive_trace_may_last_longer_than_the_eligibility_trace():
    """The authors' search required the opposite; the equations do not."""
    check_rule(BidirectionalBTSP(tau_eligibility=100 * ms, tau_instructive=2 * second))


@pytest.mark.parametrize("form", ["rate", "spiking"])
def test_signals_that_are_no_rates_and_gates_are_refused(form):
    ones, options = np.ones((5, 1)), {"form": form, "device": "runtime"}
    with pytest.raises(
        SpikedtpError, match="pre must hold rates from 0 to 1, in units of the peak rate, or spikes with"
    ):
        replay(BidirectionalBTSP(), 40 * ones, ones, 1.0, **options)
    with pytest.raises(SpikedtpError, match="post must be the gate of plateaus, from 0 to 1, got 2 to 2"):
        replay(BidirectionalBTSP(), ones, 2 * ones, 1.0, **options)


def test_cells_that_fire_need_a_peak_rate():
    with pytest.raises(SpikedtpError, match=r"cells that fire need a peak rate, such as BidirectionalBTSP\(peak_rate"):
        BidirectionalBTSP().presynaptic_cells()
