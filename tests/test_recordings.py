"""Plateaus and bursts of recordings, against a slow second count, step by step."""

from __future__ import annotations

import numpy as np
import pytest
from brian2 import ms, mV, second
from hypothesis import given
from hypothesis import strategies as st

from spikedtp import SpikedtpError
from spikedtp.recordings import burst_counts, plateaus


@given(seed=st.integers(0, 10**6), least=st.integers(1, 6), dt=st.sampled_from([0.1, 0.5, 1.0]))
def test_plateaus_step_by_step(seed, least, dt):
    rng = np.random.default_rng(seed)
    v = np.where(rng.random((2, 3, 40, 4)) < 0.8, -0.030, -0.065) + rng.normal(0, 1e-3, (2, 3, 40, 4))
    v = np.where(rng.random((2, 3, 1, 4)) < 0.2, -0.070, v)
    found = plateaus(v, dt=dt * ms, above=-48 * mV, least=least * dt * ms)
    expected = []
    for p, trace in enumerate(v.reshape(6, 40, 4)):
        for cell in range(4):
            run = []
            for step in range(41):
                if step < 40 and trace[step, cell] > -0.048:
                    run.append(step)
                    continue
                if len(run) >= least:
                    mean, peak = (f(trace[run, cell]) * 1e3 + 70 for f in (np.mean, np.max))
                    whole = run[0] > 0 and run[-1] < 39
                    expected.append((p, cell, run[0] * dt, len(run) * dt, mean, peak, whole))
                run = []
    assert len(found) == len(expected)
    np.testing.assert_allclose(found.to_numpy(float), np.array(expected, float).reshape(-1, 7), rtol=1e-12)


@given(gaps=st.lists(st.integers(1, 40), min_size=1, max_size=30), interval=st.integers(2, 20))
def test_bursts_spike_by_spike(gaps, interval):
    times, train = np.cumsum(gaps), np.zeros((2, 1300, 1), bool)
    train[1, times] = True
    events = bursts = 0
    state = 0  # spikes since the last event
    for gap, first in zip(gaps, [True] + [False] * (len(gaps) - 1), strict=True):
        state = 1 if first or gap >= interval else state + 1
        events, bursts = events + (state == 1), bursts + (state == 2)
    found = burst_counts(train, dt=0.5 * ms, interval=0.5 * interval * ms)
    assert found.values.tolist() == [[0, 0, 0, 0, 0], [1, 0, len(gaps), events, bursts]]


def test_nothing_recorded_is_no_plateau():
    assert len(plateaus(np.full((5, 2), -0.07), dt=1 * ms)) == 0
    assert burst_counts(np.zeros((3, 5, 2)), dt=1 * ms)["spikes"].sum() == 0


@pytest.mark.parametrize(
    ("ask", "message"),
    [
        (lambda: plateaus(np.zeros(5), dt=1 * ms), r"plateaus: v_dend must be \(..., steps, n\), got \(5,\)"),
        (lambda: plateaus(np.zeros((5, 1)) * second, dt=1 * ms), "plateaus: v_dend must be voltages"),
        (lambda: plateaus(np.zeros((5, 1)), dt=0 * ms), "plateaus.dt must be above 0"),
        (lambda: plateaus(np.zeros((5, 1)), dt=1 * ms, above=-40), "plateaus.above must be a quantity in V"),
        (lambda: burst_counts(np.zeros((5, 1)), dt=1), "burst_counts.dt must be a quantity in s"),
        (lambda: burst_counts(np.zeros(5), dt=1 * ms), r"burst_counts: spikes must be \(..., steps, n\)"),
    ],
)
def test_what_is_no_recording(ask, message):
    with pytest.raises(SpikedtpError, match=message):
        ask()
