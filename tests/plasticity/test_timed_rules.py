"""The rules that move in time steps: pairs, triplets, convergence, bounds; how they check and describe themselves.

Windows, drifts, rewards and fixed points are checks of the validation suite (`tests/validation`).
"""

from dataclasses import FrozenInstanceError, fields

import numpy as np
import pytest
from brian2 import Hz, Quantity, ms
from matplotlib.mathtext import MathTextParser

from spikedtp import SpikedtpError, replay
from spikedtp.plasticity import (
    BCM,
    BIAS_RULES,
    MSTDP,
    MSTDPET,
    RULES,
    STDP,
    TIMED_RULES,
    TripletSTDP,
    UrbanczikSenn,
)


def spikes(times, steps, dt=1.0):
    """One train, (steps, 1), from times in ms."""
    train = np.zeros((steps, 1))
    train[np.round(np.asarray(times) / dt).astype(int)] = 1
    return train


def total(rule, pre, post, **options):
    return float((lambda w: w[-1] - w[0])(replay(rule, pre, post, 0.0, **options).w)[0, 0])


# --- pairs ------------------------------------------------------------------------------------------------------------


def test_nearest_spikes_alone_interact():
    pre, post = spikes([10, 14], 60), spikes([20, 40], 60)
    e = np.exp
    nearest = 0.2 * (e(-6 / 20) + e(-26 / 20))
    assert total(STDP(traces="nearest"), pre, post) == pytest.approx(nearest, rel=1e-13)
    assert total(STDP(), pre, post) == pytest.approx(nearest + 0.2 * (e(-10 / 20) + e(-30 / 20)), rel=1e-13)


# --- convergence ------------------------------------------------------------------------------------------------------


def orders(rule, modulator=None, post_scale=None):
    """Observed orders of convergence of the final weight when dt is halved (spikes stay where they are)."""
    finals = []
    for dt in (1.0, 0.5, 0.25, 0.125):
        steps = round(240 / dt)
        pre, post = spikes([10, 85, 115, 135], steps, dt), spikes([15, 75, 110, 140], steps, dt)
        if post_scale is not None:  # activities instead of spikes
            time = np.arange(steps) * dt
            pre, post = 0.5 + 0.4 * np.sin(time / 30)[:, None], post_scale + 0.5 * np.cos(time / 40)[:, None]
        reward = None if modulator is None else np.where(np.arange(steps) * dt <= 100, 1.0, -1.0)
        finals.append(replay(rule, pre, post, 0.5, modulator=reward, dt=dt * ms).w[-1, 0, 0])
    steps = np.abs(np.diff(finals))
    return np.log2(steps[:-1] / steps[1:])


@pytest.mark.parametrize(
    ("rule", "options"),
    [
        (MSTDPET(), {"modulator": True}),
        (MSTDPET(convention="lag"), {"modulator": True}),
        (UrbanczikSenn(learning_rate=0.02), {}),
        (BCM(), {"post_scale": 1.0}),
    ],
)
def test_halving_the_step_converges_at_first_order(rule, options):
    np.testing.assert_allclose(orders(rule, **options), 1.0, atol=0.15)


def test_pair_and_triplet_rules_do_not_depend_on_the_step():
    for rule in (STDP(), TripletSTDP()):
        finals = []
        for dt in (1.0, 0.25):
            steps = round(240 / dt)
            finals.append(total(rule, spikes([10, 85, 115], steps, dt), spikes([15, 75, 120], steps, dt), dt=dt * ms))
        assert finals[0] == pytest.approx(finals[1], rel=1e-12) and abs(finals[0]) > 1e-4


# --- triplets ---------------------------------------------------------------------------------------------------------


def triplets(pre, post, rule):
    """Pfister & Gerstner's rule event by event, from spike times in ms: sums over pairs and triplets of spikes."""
    (tp, tm, tx, ty) = (float(getattr(rule, f"tau_{name}") / ms) for name in ("plus", "minus", "x", "y"))

    def last(times, t, tau, including):
        earlier = [s for s in times if s < t or (including and s == t)]
        if rule.traces == "nearest":
            earlier = earlier[-1:]
        return sum(np.exp(-(t - s) / tau) for s in earlier)

    change = 0.0
    for t in post:
        change += last(pre, t, tp, True) * (rule.a2_plus + rule.a3_plus * last(post, t, ty, False))
    for t in pre:
        change -= last(post, t, tm, True) * (rule.a2_minus + rule.a3_minus * last(pre, t, tx, False))
    return change


@pytest.mark.parametrize("fit", ["visual_cortex", "visual_cortex_nearest", "hippocampus", "hippocampus_nearest"])
def test_triplets_against_sums_over_spikes(fit):
    rule, rng = TripletSTDP.fit(fit), np.random.default_rng(4)
    pre, post = (np.flatnonzero(rng.random(400) < 0.1) for _ in range(2))
    assert set(pre) & set(post)
    got = total(rule, spikes(pre, 400), spikes(post, 400))
    assert got == pytest.approx(triplets(list(pre), list(post), rule), rel=1e-11)


def pairing(frequency, n=60):
    """Presynaptic spike times of Sjöström, Turrigiano & Nelson 2001's protocol: `n` pairs at `frequency` Hz."""
    times = np.round(20 + np.arange(n) * 1000.0 / frequency)
    return times, int(times[-1] + 400)


def test_triplets_make_potentiation_grow_with_the_rate_of_pairing():
    """Figure 3 of the paper, visual cortex: at +10 ms hardly any change at 0.1 Hz and +80 to +100 % at 50 Hz; at
    -10 ms depression at low rates that turns into potentiation at high ones. Pair STDP does neither."""
    rule, after, before = TripletSTDP.fit("visual_cortex"), [], []
    for frequency in (1, 10, 20, 40, 50):
        pre, steps = pairing(frequency)
        post = np.hstack([spikes(pre + 10, steps), spikes(pre - 10, steps)])
        change = replay(rule, spikes(pre, steps), post, 1.0, record=()).w[-1, :, 0] - 1.0
        after.append(change[0])
        before.append(change[1])
    assert np.all(np.diff(after) > 0)
    assert abs(after[0]) < 0.1 and 0.5 < after[-1] < 1.3
    assert -0.5 < before[0] < -0.1 and before[-1] > 0.2


# --- BCM --------------------------------------------------------------------------------------------------------------


def test_bcm_bound_and_decay_hold():
    post, pre = 3 * np.ones((4000, 1)), np.ones((4000, 1))
    alternating = post * (np.arange(4000) % 40 < 2)[:, None]
    bounded = replay(BCM(w_bound=1.0, tau_w=400 * ms), pre, alternating, 0.2).w
    assert 0.9 < bounded.max() <= 1.0
    assert replay(BCM(tau_w=400 * ms), pre, alternating, 0.2).w.max() > 1.5
    decayed = replay(BCM(w_decay=0.5), pre, 0 * post, 0.8).w[:, 0, 0]
    np.testing.assert_allclose(decayed, 0.8 * (1 - 0.5 / 40) ** np.arange(4001), rtol=1e-12)


# --- checks and words -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rule", "kwargs", "words"),
    [
        (STDP, {"tau_plus": 20}, r"STDP.tau_plus must be a quantity in s \(such as 20\*ms\), got 20"),
        (STDP, {"tau_minus": 0 * ms}, "STDP.tau_minus must be above 0. s, got 0. s"),
        (MSTDP, {"learning_rate": -1.0}, "MSTDP.learning_rate must be at least 0.0, got -1.0"),
        (MSTDP, {"a_plus": 1 * ms}, "MSTDP.a_plus must be a number without units"),
        (MSTDP, {"convention": "lagged"}, "MSTDP.convention must be one of same-step, lag, got 'lagged'"),
        (STDP, {"traces": "all"}, "STDP.traces must be one of cumulative, nearest, got 'all'"),
        (MSTDPET, {"tau_e": np.inf * ms}, "MSTDPET.tau_e must be one finite number"),
        (MSTDPET, {"tau_e": 25 * Hz}, "MSTDPET.tau_e must be a quantity in s"),
        (BCM, {"theta0": 0.0}, "BCM.theta0 must be above 0.0, got 0.0"),
        (BCM, {"w_bound": -1.0}, "BCM.w_bound must be at least 0.0, got -1.0"),
        (TripletSTDP, {"a2_minus": -1.0}, "TripletSTDP.a2_minus must be at least 0.0, got -1.0"),
        (UrbanczikSenn, {"tau_s": 10 * ms}, "UrbanczikSenn.tau_s must be below tau_l = 10. ms, got 10. ms"),
        (UrbanczikSenn, {"attenuation": 1.5}, "UrbanczikSenn.attenuation must be at most 1.0, got 1.5"),
    ],
)
def test_mistakes_are_named(rule, kwargs, words):
    with pytest.raises(SpikedtpError, match=words):
        rule(**kwargs)


def test_unknown_fits_are_named():
    with pytest.raises(SpikedtpError, match="unknown fit of TripletSTDP 'cortex': known are hippocampus"):
        TripletSTDP.fit("cortex")


def test_timed_rules_are_frozen():
    for rule in TIMED_RULES.values():
        with pytest.raises(FrozenInstanceError):
            rule().learning_rate = 3


@pytest.mark.parametrize("rule", [*RULES.values(), *BIAS_RULES.values(), *TIMED_RULES.values()])
def test_every_rule_describes_itself(rule):
    given = {"learning_rate": 0.1, "theta_tau": 3.0, "k": 1.0, "source": "H1E"}
    names = {field.name for field in fields(rule)}
    made = rule(**{name: value for name, value in given.items() if name in names and rule not in TIMED_RULES.values()})
    description = made.describe()
    assert description.name == rule.__name__ and any(year in description.source for year in ("19", "20"))
    assert set(description.parameters) == names
    for name, value in description.parameters.items():
        assert isinstance(value, Quantity) == name.startswith(("tau_", "phi_"))
        assert f"`{name}`" in description._repr_markdown_() and name in str(description)
    assert made._repr_latex_() == description._repr_latex_() == f"$\\displaystyle {description.equation}$"
    plain = description.equation.replace(r"\big|", "|").replace(r"\text", r"\mathrm")
    MathTextParser("agg").parse(f"${plain}$")  # mathematics that can be set
