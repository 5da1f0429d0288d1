"""Whole sessions of BTSP: against steps of `replay`, against plain sums, side by side, and what is refused."""

import numpy as np
import pytest
from brian2 import Hz, ms, mV, second

from spikedtp import replay
from spikedtp.errors import SpikedtpError
from spikedtp.plasticity import BidirectionalBTSP, learn_laps, normalised, plateau_gate, plateau_traces

DT, STEPS = 10 * ms, 2400
RULE = BidirectionalBTSP()


@pytest.fixture(scope="module")
def session():
    """Smooth random rates of 7 inputs and three plateaus."""
    rng = np.random.default_rng(0)
    time = np.arange(STEPS)
    middle, width = rng.uniform(0, STEPS, (7, 1)), rng.uniform(30, 300, (7, 1))
    return (
        np.exp(-(((time - middle) / width) ** 2)),
        plateau_gate([4, 9, 15] * second, STEPS, DT),
        rng.uniform(0, 4.6, 7),
    )


def by_hand(signal, tau_ms, cut):
    kernel = np.exp(-np.arange(0, 6 * 1664.103 if cut else 60_000, 10) / tau_ms)
    kernel = kernel[kernel >= 0.001] if cut else kernel
    return np.apply_along_axis(lambda row: np.convolve(row, kernel / kernel.sum())[: len(row)], -1, signal)


@pytest.mark.parametrize("cut", [True, False])
def test_traces_are_convolutions(session, cut):
    rates, gate, _ = session
    found = plateau_traces(RULE, rates, gate, DT, cut=cut)
    for trace, signal, tau in zip(found, (rates, gate), (1664.103, 437.0065), strict=True):
        np.testing.assert_allclose(trace, by_hand(signal, tau, cut), atol=1e-13)


@pytest.mark.parametrize("normalisation", ["steady", "own"])
def test_once_per_lap_by_hand(session, normalisation):
    rates, gate, w = session
    found = learn_laps(RULE, w, rates, gate, dt=DT, normalisation=normalisation)
    e, i = by_hand(rates, 1664.103, False), by_hand(gate, 437.0065, False)
    if normalisation == "own":
        e, i = e / e.max(), i / i.max()
    assert found.w.shape == (4, 7)
    for lap, (a, b) in enumerate(((400, 900), (900, 1500), (1500, STEPS))):
        plus, minus = ((q[:, 1:] + q[:, :-1]).sum(axis=1) * 0.005 for q in RULE.gains(e[:, a:b] * i[a:b]))
        np.testing.assert_allclose(found.q_plus[lap], plus, rtol=1e-9)
        up, down = 1.109682 * plus, 0.4249387 * minus
        some = up > 0
        assert some.sum() > 3 and np.isnan(found.w_eq[lap][~some]).all()
        np.testing.assert_allclose(found.w_eq[lap][some], (RULE.w_max * up / (up + down + ~some))[some], rtol=1e-9)
        w = np.clip(w + up * (RULE.w_max - w) - down * w, 0, RULE.w_max)
        np.testing.assert_allclose(found.w[lap + 1], w, rtol=1e-9)
    rest = np.where(np.isnan(found.w_eq[0]), 1.0, found.w_eq[0])  # a lap that begins there stays there
    np.testing.assert_allclose(
        learn_laps(RULE, rest, rates, gate, dt=DT, normalisation=normalisation).w[1], rest, rtol=1e-9
    )


@pytest.mark.parametrize("normalisation", ["steady", "own"])
def test_continuous_laps_are_the_steps_of_replay(session, normalisation):
    rates, gate, w = session
    found = learn_laps(RULE, w, rates, gate, dt=DT, update="continuous", normalisation=normalisation)
    rule = normalised(RULE, rates, gate, DT) if normalisation == "own" else RULE
    steps = replay(rule, rates.T, gate[:, None], w[None], dt=DT, keep=[0, 900, 1500, STEPS]).w[:, 0]
    np.testing.assert_allclose(found.w, steps, rtol=1e-10)
    assert abs(found.w[-1] - w).max() > 0.1


def test_both_updates_agree_for_small_changes(session):
    rates, gate, w = session
    slow = BidirectionalBTSP(k_plus=1.1e-4 * Hz, k_minus=4.2e-5 * Hz)
    lap, continuous = (
        learn_laps(slow, w, rates, gate, dt=DT, update=update).w[-1] - w for update in ("per_lap", "continuous")
    )
    np.testing.assert_allclose(lap, continuous, rtol=5e-3, atol=1e-9)
    fast = BidirectionalBTSP(k_plus=400 * Hz)  # the update per lap overshoots and is clipped
    assert learn_laps(fast, w, rates, gate, dt=DT).w.max() == fast.w_max
    assert learn_laps(fast, w, rates, gate, dt=DT, update="continuous").w.max() < fast.w_max


@pytest.mark.parametrize("update", ["per_lap", "continuous"])
def test_cells_and_sessions_side_by_side(session, update):
    """Any leading axes: cells with weights of their own, with plateaus of their own, and sessions of their own."""
    rates, gate, _ = session
    rng = np.random.default_rng(1)
    weights = rng.uniform(0, 4.6, (3, 2, 7))
    other = plateau_gate([3, 7, 12] * second, STEPS, DT)
    both, options = np.stack([rates, rates[::-1] * 0.7]), {"dt": DT, "update": update, "normalisation": "own"}
    for r, g in ((rates, gate), (rates, np.stack([gate, other])), (both, gate), (both, np.stack([gate, other]))):
        found = learn_laps(RULE, weights, r, g, **options)
        assert found.w.shape == (4, 3, 2, 7) and found.q_plus.shape == found.w_eq.shape == (3, 3, 2, 7)
        for a in range(3):
            for b in range(2):
                one = learn_laps(RULE, weights[a, b], r[b] if r.ndim == 3 else r, g[b] if g.ndim == 2 else g, **options)
                for name in one._fields:
                    np.testing.assert_allclose(getattr(found, name)[:, a, b], getattr(one, name), rtol=1e-12)


def test_rates_in_hertz_are_divided_by_the_peak_rate(session):
    rates, gate, w = session
    in_hz = learn_laps(BidirectionalBTSP(peak_rate=40 * Hz), w, 40 * rates * Hz, gate, dt=DT).w
    np.testing.assert_allclose(in_hz, learn_laps(RULE, w, rates, gate, dt=DT).w, rtol=1e-12)


def test_without_a_plateau_nothing_changes(session):
    rates, _, w = session
    found = learn_laps(RULE, w, rates, np.zeros(STEPS), dt=DT, normalisation="own")
    assert found.w.tolist() == [w.tolist()] and found.q_plus.shape == (0, 7)


def test_gates():
    gate = plateau_gate([0.004, 1.0] * second, 200, DT, 50 * ms)
    assert np.flatnonzero(gate).tolist() == [1, 2, 3, 4, 5, 100, 101, 102, 103, 104]
    assert plateau_gate([10 * ms], 5, DT, 20 * ms).tolist() == [0, 1, 1, 0, 0]


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda r, g, w: plateau_gate([23.8] * second, STEPS, DT), "plateaus of 300. ms must lie within the session"),
        (
            lambda r, g, w: plateau_gate([-1] * second, STEPS, DT),
            "must lie within the session, 0 s to 24. s, got onsets",
        ),
        (
            lambda r, g, w: plateau_gate([1, 1.2] * second, STEPS, DT),
            r"onsets must be more than one plateau \(300. ms\) apart",
        ),
        (lambda r, g, w: plateau_gate([1.0, 2.0], STEPS, DT), "plateau_gate.onsets must be a quantity in s"),
        (lambda r, g, w: plateau_gate([1 * second, 1 * mV], STEPS, DT), "plateau_gate.onsets must be times"),
        (lambda r, g, w: plateau_gate([np.nan] * second, STEPS, DT), "plateau_gate.onsets"),
        (lambda r, g, w: learn_laps(RULE, w, 40 * r, g, dt=DT), "rates must be from 0 to 1, in units of the peak rate"),
        (lambda r, g, w: learn_laps(RULE, w, -r, g, dt=DT), "rates must be from 0 to 1"),
        (lambda r, g, w: learn_laps(RULE, w, r * Hz, g, dt=DT), "rates with units need a peak rate"),
        (lambda r, g, w: learn_laps(RULE, w, r, 2 * g, dt=DT), "plateau must be a gate from 0 to 1, got 0 to 2"),
        (lambda r, g, w: learn_laps(RULE, w, r, g[:-1], dt=DT), r"of as many steps, got \(7, 2400\) and \(2399,\)"),
        (
            lambda r, g, w: learn_laps(RULE, w[:3], r, g, dt=DT),
            r"w0 \(3,\), rates \(7, 2400\) and plateau \(2400,\) do not",
        ),
        (lambda r, g, w: learn_laps(RULE, 5.0, r, g, dt=DT), "w0 must lie between 0 and w_max = 4.68"),
        (lambda r, g, w: learn_laps(RULE, w, r, g, dt=0.01), "learn_laps.dt must be a quantity in s"),
        (lambda r, g, w: learn_laps(RULE, w, r, g, dt=DT, update="lap"), "unknown update 'lap'"),
        (lambda r, g, w: learn_laps(RULE, w, r, g, dt=DT, normalisation="peak"), "unknown normalisation 'peak'"),
        (lambda r, g, w: learn_laps("BTSP", w, r, g, dt=DT), "rule must be a BidirectionalBTSP, got str"),
        (
            lambda r, g, w: learn_laps(RULE, w, r, np.stack([g, plateau_gate([5] * second, STEPS, DT)]), dt=DT),
            "cells side by side must have the same number of plateaus, got 1 to 3",
        ),
    ],
)
def test_mistakes_are_named(session, call, words):
    with pytest.raises(SpikedtpError, match=words):
        call(*session)
