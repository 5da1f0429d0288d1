"""Events and bursts of drawn trains, against sums over all earlier spikes."""

import numpy as np
import pytest
from brian2 import Network, NeuronGroup, SpikeGeneratorGroup, SpikeMonitor, Synapses, TimedArray, ms, mV, prefs

from spikedtp import SpikedtpError
from spikedtp.synapses import BurstDetector


@pytest.fixture(autouse=True)
def numpy_target():
    before, prefs.codegen.target = prefs.codegen.target, "numpy"
    yield
    prefs.codegen.target = before


def kinds(times, late=0.0, tau=16.0):
    """Events and bursts among the spikes of a cell at these times (ms), by the definition."""
    events, bursts, open_burst = [], [], False
    for k, t in enumerate(times):
        recent = np.exp(-(t - times[:k] - late) / tau).sum()
        if recent < np.exp(-1):
            events.append(t)
            open_burst = False
        elif not open_burst:
            bursts.append(t)
            open_burst = True
    return events, bursts


@pytest.mark.parametrize("late", [0, 2])
def test_drawn_trains(late):
    rng, n = np.random.default_rng(late), 20
    times = [np.cumsum(rng.choice([4, 7, 12, 15, 17, 19, 22, 40, 150], 30)) for _ in range(n)]
    raster = np.zeros((5000, n))
    for cell, mine in enumerate(times):
        raster[mine, cell] = 1
    cells = NeuronGroup(
        n, "", threshold="raster(t, i) > 0", dt=1 * ms, name="drawn_cells",
        namespace={"raster": TimedArray(raster, dt=1 * ms)},
    )  # fmt: skip
    part = cells[3:17]
    detector = BurstDetector(part, t_axon=late * ms, name="of_a_part")
    events, bursts = SpikeMonitor(detector.events), SpikeMonitor(detector.bursts)
    Network(cells, part, *detector.groups, events, bursts).run(5000 * ms, namespace={})
    counted = 0
    for cell in range(14):
        expected = kinds(times[cell + 3], late)
        for monitor, wanted in zip((events, bursts), expected, strict=True):
            found = np.round(monitor.t_[np.asarray(monitor.i) == cell] * 1e3).astype(int).tolist()
            assert found == [int(t) for t in wanted]
        counted += len(expected[0]) + len(expected[1])
    assert 100 < counted < 14 * 30  # some spikes are neither


def test_stock_synapses_transmit_them_in_the_same_step():
    cells = SpikeGeneratorGroup(1, [0] * 3, [10, 20, 60] * ms, dt=1 * ms, name="bursting")
    detector = BurstDetector(cells, name="same_step")
    heard = NeuronGroup(2, "v : volt", dt=1 * ms, name="heard")
    by_event = Synapses(detector.events, heard, on_pre="v_post += 1*mV", dt=1 * ms)
    by_burst = Synapses(detector.bursts, heard, on_pre="v_post += 5*mV", dt=1 * ms)
    by_event.connect(i=0, j=0)
    by_burst.connect(i=0, j=1)
    net = Network(cells, *detector.groups, heard, by_event, by_burst)
    for until, expected in ((21, (1, 5)), (61, (2, 5))):
        net.run(until * ms - net.t, namespace={})
        np.testing.assert_allclose(heard.v / mV, expected)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"tau_burst": 0 * ms}, "BurstDetector 'refused'.tau_burst must be above"),
        ({"t_axon": -1 * ms}, "t_axon must be at least"),
        ({"tau_burst": 16.0}, "tau_burst must be a quantity in s"),
    ],
)
def test_what_cannot_be_is_refused(options, words):
    cells = SpikeGeneratorGroup(1, [0], [1] * ms, name="of_refused")
    with pytest.raises(SpikedtpError, match=words):
        BurstDetector(cells, name="refused", **options)
    silent = NeuronGroup(1, "v : 1", name="silent_cells")
    with pytest.raises(SpikedtpError, match="has no threshold"):
        BurstDetector(silent, name="refused")
