"""Delays are rounded as Brian2 does; spikes on their way keep their time, and are stored and restored."""

import brian2
import numpy as np
import pytest
from brian2 import Network, NeuronGroup, SpikeGeneratorGroup, SpikeMonitor, Synapses, defaultclock, ms, prefs
from brian2.core.base import BrianObjectException
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from spiking.synapses.own_cells import check_line, regular, run_in_parts, silent

from spikedtp.plasticity import STDP
from spikedtp.spiking.rule_synapses.pairs import PairSynapses
from spikedtp.spiking.synapses.delay import warn_of_delays
from spikedtp.spiking.synapses.dense import DenseSynapses

pytestmark = pytest.mark.usefixtures("own_networks")


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("delay", [0, 0.05, 0.15, 0.25, 1.5, 2.5, 3.14])
def test_delays_are_rounded_as_brian2_does(delay, dtype):
    prefs.core.default_float_dtype = dtype
    for dt in (0.1, 1.0):
        defaultclock.dt = dt * ms
        source, cells, monitors = SpikeGeneratorGroup(1, [0], [1] * ms), [], []
        for synapses in (DenseSynapses, Synapses):
            cells.append(NeuronGroup(1, "v : 1", threshold="v > 0.5", reset="v = 0"))
            monitors.append(SpikeMonitor(cells[-1]))
            if synapses is Synapses:
                made = Synapses(source, cells[-1], on_pre="v_post += 1", delay=delay * ms)
                made.connect()
                theirs = made
            else:
                ours = DenseSynapses(source, cells[-1], "v", delay=delay * ms)
                ours.w = 1
        Network(source, cells, monitors, ours, theirs).run(8 * ms)
        assert len(monitors[0].t) == len(monitors[1].t) == 1
        assert monitors[0].t_[0] == monitors[1].t_[0]


@pytest.mark.parametrize(
    ("runs", "arrivals"),
    [
        ([(1, 4), (0.25, 8)], [2, 4, 6, 8]),
        ([(0.25, 4), (1, 8)], [2, 4, 6, 8]),  # steps before and steps after share a slot
        ([(0.25, 2), (1, 1), (0.5, 9)], [2, 4, 6, 8]),
    ],
)
def test_spikes_on_their_way_keep_their_time(runs, arrivals):
    """Spikes at 0, 2, 4, 6 ms that arrive 2 ms later, from 3 cells at once."""
    source = SpikeGeneratorGroup(3, np.tile([0, 1, 2], 4), np.repeat([0, 2, 4, 6], 3) * ms)
    target = silent(2, "v : 1\nlast : second")
    synapses = PairSynapses(source, target, "v", rule=STDP(learning_rate=0.0), delay=2 * ms)
    synapses.w = synapses.flat([[1, 2, 4], [8, 16, 32]])
    heard = brian2.StateMonitor(target, "v", record=True, when="end")
    network = Network(source, target, synapses, heard)
    run_in_parts(network, *[(dt * ms, duration * ms) for dt, duration in runs])
    total = np.diff(heard.v, prepend=0)
    np.testing.assert_array_equal(np.round(heard.t[total[0] > 0] / ms, 9), arrivals)
    np.testing.assert_array_equal(total[:, total[0] > 0].T, [[7, 56]] * 4)


def test_spikes_of_several_old_steps_and_a_new_one_arrive_together():
    defaultclock.dt = 0.1 * ms
    source = SpikeGeneratorGroup(2, [0, 1, 0, 1, 0], [0.5, 0.7, 0.8, 0.8, 1] * ms)
    target = silent(1)
    synapses = DenseSynapses(source, target, "v", delay=1.4 * ms)
    synapses.w = synapses.flat([[1.0, 10.0]])
    network = Network(source, target, synapses)
    run_in_parts(network, (None, 1 * ms), (1 * ms, 2 * ms))
    np.testing.assert_array_equal(target.v, [23.0])


def test_waiting_spikes_are_stored_and_restored():
    source, target = SpikeGeneratorGroup(2, [0, 1], [1, 2] * ms), silent(1)
    synapses = DenseSynapses(source, target, "v", delay=3 * ms)
    synapses.w = synapses.flat([[1.0, 10.0]])
    network = Network(source, target, synapses)
    network.store("new")
    network.run(3 * ms)
    network.store("waiting")
    for name, left in (("waiting", 3), ("new", 6), ("waiting", 3)):
        network.restore(name)
        network.run(left * ms)
        np.testing.assert_array_equal(target.v[:], [11.0])
    network.restore("new")
    network.run(4.1 * ms)
    np.testing.assert_array_equal(target.v[:], [1.0])


@pytest.mark.usefixtures("standalone")
def test_a_compiled_network_cannot_move_waiting_spikes():
    source, target = regular(), silent()
    network = Network(source, target, DenseSynapses(source, target, "v", delay=2 * ms, name="late"))
    network.run(1 * ms)
    defaultclock.dt = 0.5 * ms
    with pytest.raises(BrianObjectException) as error:
        network.run(1 * ms)
    check_line(error.value.__cause__, "DenseSynapses 'late': the time step cannot change between runs")


@pytest.mark.parametrize("device", ["runtime", pytest.param("cpp_standalone", marks=pytest.mark.slow)])
@pytest.mark.parametrize("delay", [0, 2, [[2, 2, 2], [2, 2, 2]]])
def test_a_gain_of_0_lets_spikes_pass(device, delay, request):
    """What arrives meanwhile is lost, and what is fired meanwhile arrives later: the gain is that of the arrival."""
    finish = request.getfixturevalue("standalone") if device == "cpp_standalone" else lambda: None
    source = SpikeGeneratorGroup(3, np.tile([0, 1, 2], 8), np.repeat(np.arange(8), 3) * ms, dt=1 * ms)
    target = silent(2, "v : 1")
    gain = "int(t_in_timesteps < 3 or t_in_timesteps >= 6)"
    synapses = DenseSynapses(source, target, "v", gain=gain, delay_steps=delay, clock=source.clock)
    synapses.w = synapses.flat([[1, 2, 4], [8, 16, 32]])
    heard = brian2.StateMonitor(target, "v", record=True, when="end", dt=1 * ms)
    Network(source, target, synapses, heard).run(12 * ms)
    finish()
    sent, late = np.arange(12) < 8, np.max(delay)
    arrives = np.roll(sent, late) & (np.arange(12) >= late)
    arrives &= (np.arange(12) < 3) | (np.arange(12) >= 6)
    np.testing.assert_array_equal(np.diff(heard.v, prepend=0).T, np.outer(arrives, [7, 56]))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    steps=st.lists(st.integers(0, 200), min_size=1, max_size=9), off=st.floats(-0.4, 0.4),
    dt=st.sampled_from([0.1, 0.25, 1.0]),
)  # fmt: skip
def test_delays_that_are_no_multiples_are_told_with_their_rounding(steps, off, dt, caplog):
    caplog.clear()
    delays = np.abs(np.array(steps) * dt + off * dt)
    told = np.abs(np.floor(delays / dt + 0.5) * dt - delays).max()
    with caplog.at_level("WARNING"):
        warn_of_delays("late", delays * 1e-3, np.floor(delays / dt + 0.5).astype(int), dt * 1e-3, 1.0)
    if told <= 1e-3 * dt:
        assert not caplog.messages
    else:
        (said,) = caplog.messages
        assert f"late: delays that are no multiples of dt = {dt:g} ms are rounded, by up to {told:g} ms: give" in said
