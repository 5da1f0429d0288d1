"""Drawn bursts: the original's trace without them, and their probability and intervals."""

import numpy as np
import pytest
from brian2 import Network, SpikeMonitor, ms, nA, seed
from neurons.published_cells import COLUMNS, golden, run_protocol

from spikedtp import SpikedtpError
from spikedtp.neurons import BurstPoisson, check_cell


def test_the_trace_of_the_original_program(numpy_target):
    found, expected = run_protocol(BurstPoisson(), "burstpoisson"), golden("burstpoisson")
    assert found["spikes"].tolist() == np.flatnonzero(expected["spike"]).tolist() == [641, 1296]
    for column in COLUMNS:
        np.testing.assert_allclose(found[column], expected[column], atol=1e-3, err_msg=column)


def test_bursts_are_drawn_from_the_voltage_of_the_dendrite(numpy_target):
    seed(3)
    cells = BurstPoisson().group(4000, dt=0.1 * ms, name="drawn_bursts")
    cells.i_soma, cells.i_dend = 2 * nA, "(i % 2)*1*nA"
    spikes = SpikeMonitor(cells)
    Network(cells, spikes).run(35 * ms, namespace={})
    order = np.lexsort((spikes.t_, spikes.i))
    who, steps = np.array(spikes.i)[order], np.round(spikes.t_[order] / 1e-4).astype(int)
    first = np.flatnonzero(np.diff(who, prepend=-1))
    intervals = np.diff(steps, append=steps[-1])[first]
    same = np.append(np.diff(who) == 0, False)[first]
    bursts = same & (intervals < 200)
    # all fire their first event in the same step: then the voltage of the dendrite is known
    assert len(first) == 4000 and len(set(steps[first])) == 1
    time, dt = steps[first][0], 0.1
    for strong in (0, 1):
        u = w = 0.0
        w = 0.1
        for _ in range(time + 1):
            u += dt * strong * 1000 / 170
            u += -dt / 7 * u - dt * 13 / 170 * w
            w += dt / 30 * (u - w)
        p = 1 / (1 + np.exp(-(u - 70 + 57) / 6))
        share = bursts[strong::2].mean()
        assert share == pytest.approx(p, abs=4 * np.sqrt(p * (1 - p) / 2000))
    found = intervals[bursts]
    assert found.min() == 49 and found.max() == 148  # 50 to 149 steps less one, uniformly
    assert found.mean() == pytest.approx(98.5, abs=4 * 100 / np.sqrt(12 * len(found)))
    next_event = (np.diff(who) == 0) & (np.diff(steps) > 148)
    later = np.diff(steps)[next_event]
    assert later.min() >= 200


def test_its_contract():
    assert check_cell(BurstPoisson()) == ()


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"interval_low": 16 * ms}, "the interval of a burst must be from interval_low = 16. ms to"),
        ({"interval_high": 30 * ms}, "and not longer than t_refractory = 20. ms"),
        ({"t_refractory": 0 * ms}, "BurstPoisson.t_refractory must be above"),
    ],
)
def test_what_cannot_be_is_refused(changes, words):
    with pytest.raises(SpikedtpError, match=words):
        BurstPoisson(**changes)


def test_a_time_step_too_long_for_the_interval_is_refused():
    with pytest.raises(SpikedtpError, match="at least two time steps"):
        BurstPoisson().group(1, dt=5 * ms)
