"""Each synapse has its own delay: as in Brian2, through runs, `store` and `restore`; what is impossible is named."""

import logging

import numpy as np
import pytest
from brian2 import Network, SpikeGeneratorGroup, StateMonitor, Synapses, defaultclock, ms, mV
from brian2.core.base import BrianObjectException
from spiking.synapses.own_cells import check_line, regular, run_in_parts, silent

from spikedtp import SpikedtpError
from spikedtp.plasticity import STDP
from spikedtp.synapses import DenseSynapses, PairSynapses

pytestmark = pytest.mark.usefixtures("own_networks")
DELAYS = np.array([[0.0, 2.0], [3.0, 0.1], [1.0, 7.0]]) * ms  # (n_post, n_pre)
KINDS = {"dense": DenseSynapses, "pairs": lambda *given, **more: PairSynapses(*given, rule=STDP(), **more)}


def network_of(kind="dense", **options):
    source, target = SpikeGeneratorGroup(2, [0, 1, 0], [1, 2, 5] * ms), silent(3)
    synapses = KINDS[kind](source, target, "v", **{"delay": DELAYS} | options)
    synapses.weights = [[1, 10], [100, 1000], [10_000, 100_000]]
    return Network(source, target, synapses), target, synapses


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("steps", [False, True])
def test_each_spike_arrives_at_its_time(kind, steps):
    late = {"delay": None, "delay_steps": np.round(DELAYS / (0.1 * ms)).astype(int)} if steps else {}
    network, target, synapses = network_of(kind, **late)
    np.testing.assert_allclose(synapses.delay / ms, DELAYS / ms, atol=1e-12)
    heard = StateMonitor(target, "v", record=True, when="end")
    network.add(heard)
    network.run(12 * ms)
    for j, arrivals in enumerate([{1: 1, 5: 1, 4: 10}, {4: 100, 8: 100, 2.1: 1000}, {2: 1e4, 6: 1e4, 9: 1e5}]):
        change = np.diff(heard.v[j], prepend=0)
        assert {round(t, 6): c for t, c in zip(heard.t / ms, change, strict=True) if c} == arrivals
    np.testing.assert_array_equal(synapses.delay_steps, np.round(DELAYS / (0.1 * ms)))


def test_plastic_weights_are_those_at_the_time_of_arrival():
    """The rule sees a spike when it is fired; the spike brings the weight that there is when it arrives."""
    source, dense, stock = SpikeGeneratorGroup(1, [0, 0], [1, 3] * ms), silent(2), silent(2)
    synapses = DenseSynapses(source, dense, "v", delay=[[1], [4]] * ms)
    synapses.weights = 1.0
    synapses.on_pre("w *= 2")
    theirs = Synapses(source, stock, "w : 1", on_pre={"arrive": "v_post += w", "learn": "w *= 2"})
    theirs.learn.order = 1
    theirs.connect()
    theirs.w, theirs.arrive.delay = 1.0, [1, 4] * ms
    Network(source, dense, stock, synapses, theirs).run(10 * ms)
    np.testing.assert_array_equal(dense.v[:], [2 + 4, 4 + 4])
    np.testing.assert_array_equal(dense.v[:], stock.v[:])


@pytest.mark.parametrize("kind", KINDS)
def test_spikes_on_their_way_are_stored_and_restored(kind):
    network, target, synapses = network_of(kind)
    network.store("new")
    network.run(3 * ms)
    network.store("waiting")
    for name, left in (("waiting", 9), ("new", 12), ("waiting", 9)):
        network.restore(name)
        network.run(left * ms)
        np.testing.assert_array_equal(target.v[:], [12, 1200, 120_000])
    network.restore("waiting")
    synapses.forget()
    network.run(9 * ms)
    np.testing.assert_array_equal(target.v[:], [1 + 1, 1000 + 100, 10_000 + 10_000])


def test_the_time_step_stays_once_there_are_lists():
    network, *_ = network_of(name="late")
    defaultclock.dt = 0.5 * ms  # before the first run it may change
    run_in_parts(network, (None, 3 * ms))
    with pytest.raises(BrianObjectException) as error:
        run_in_parts(network, (0.25 * ms, 3 * ms))
    check_line(error.value.__cause__, "'late': the time step cannot change between runs, from 0.5 to 0.25 ms")


def test_what_acts_otherwise_than_given_is_said_once(caplog):
    with caplog.at_level(logging.WARNING, logger="spikedtp"):
        run_in_parts(network_of(name="exact")[0], (None, 12 * ms))
        assert not caplog.records
        network, *_ = network_of(delay=DELAYS + 0.03 * ms, name="between")
        run_in_parts(network, (None, 6 * ms), (None, 6 * ms))
    rounded, long = (record.getMessage() for record in caplog.records)
    assert rounded.startswith("between: delays that are no multiples of dt = 0.1 ms are rounded, by up to 0.03 ms")
    assert long.startswith("between: spikes with a delay of 7 ms do not arrive before the run ends, at 6 ms")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"delay": DELAYS.T}, r"delay must be one for all .* \(3, 2\), got \(2, 3\): give its transpose"),
        ({"delay": [1, 2] * ms}, r"delay must be one for all synapses or \(n_post, n_pre\) = \(3, 2\), got \(2,\)"),
        ({"delay": np.ones((3, 2))}, "delay must be a matrix of times"),
        ({"delay": np.ones((3, 2)) * mV}, "delay must be a matrix of times"),
        ({"delay": -DELAYS}, "delay must be finite numbers of at least 0"),
        ({"delay": DELAYS * np.nan}, "delay must be finite numbers of at least 0"),
        ({"delay": None, "delay_steps": np.full((3, 2), 1.5)}, "delay_steps must be whole numbers of time steps"),
        ({"delay_steps": 1}, "give delay or delay_steps, not both"),
        ({"onto": None}, "a delay is that of arrival at a variable: give onto, or no delay"),
    ],
)
def test_mistakes_are_named(options, words):
    for kind in KINDS.values():
        with pytest.raises(SpikedtpError) as error:
            kind(regular(2), regular(3), **{"onto": "v", "delay": DELAYS} | options)
        check_line(error.value, words)


def test_delays_in_the_wrong_unit_or_set_too_late_are_named():
    network, _, synapses = network_of(delay=DELAYS * 1e3 * 1e3, name="long")
    with pytest.raises(BrianObjectException) as error:
        network.run(1 * ms)
    check_line(error.value.__cause__, "'long': the longest delay, 70000000 time steps of 0.1 ms, is above 1000000")
    with pytest.raises(SpikedtpError) as error:
        synapses.delay = 2 * ms
    check_line(error.value, "long: delays are set when the synapses are made")
