"""Synapses that learn by Burstprop, against `replay`, which goes step by step through every synapse."""

import numpy as np
import pytest
from brian2 import Hz, Network, SpikeGeneratorGroup, device, ms, prefs, second, set_device

from spikedtp import SpikedtpError, replay
from spikedtp.plasticity import STDP, Burstprop
from spikedtp.spiking.engine.devices import compiler_available
from spikedtp.synapses import BurstDetector, BurstpropSynapses, burst_learners, burst_senders

N_PRE, N_POST, STEPS = 6, 5, 4000
CPP = pytest.mark.skipif(not compiler_available(), reason="needs a C++ compiler")
#: Homeostasis acts on both sides, and weights reach both bounds.
LIMITS = {"e_min": 9 * Hz, "e_max": 11 * Hz, "learning_rate": 0.3}


def trains(seed, n):
    """(STEPS, n) spikes with bursts; intervals are longer than `t_axon`."""
    rng, raster = np.random.default_rng(seed), np.zeros((STEPS, n))
    for cell in range(n):
        t = int(rng.integers(0, 60))
        while t < STEPS - 60:
            raster[t, cell] = 1
            for _ in range(int(rng.integers(0, 3))):
                t += int(rng.integers(3, 15))
                raster[t, cell] = 1
            t += int(rng.integers(18, 250))
    return raster


@pytest.fixture
def on(request, tmp_path):
    """Runs a function that makes a network on a device, and another one that reads it."""
    before = prefs.codegen.target

    def run(name, make, read, time):
        prefs.codegen.target = "numpy"
        if name == "cpp_standalone":
            set_device(name, build_on_run=False, directory=str(tmp_path))
        objects = make()
        net = Network(*objects["all"])  # the device only has a weak reference
        net.run(time, namespace={})
        if name == "cpp_standalone":
            device.build(directory=str(tmp_path))
        return read(objects)

    yield run
    prefs.codegen.target = before
    if hasattr(device, "reinit"):
        device.reinit()
    set_device("runtime")


def network(rule, pre, post, w0, mask, plastic):
    def group(raster, name):
        steps, cells = np.nonzero(raster)
        return SpikeGeneratorGroup(raster.shape[1], cells, steps * ms, dt=1 * ms, name=name)

    inputs, given = group(pre, "inputs"), group(post, "given")
    sent = BurstDetector(inputs, t_axon=rule.t_axon, name="sent")
    seen = BurstDetector(given, name="seen")
    senders, learners = burst_senders(sent, rule, name="senders"), burst_learners(seen, rule, name="learners")
    synapses = BurstpropSynapses(
        senders, given, None, learners=learners, rule=rule, plastic=plastic, mask=mask, name="learning"
    )
    synapses.weights = w0
    return {"all": [inputs, given, *sent.groups, *seen.groups, senders, learners, synapses], "synapses": synapses}


@pytest.mark.parametrize(
    ("device_name", "changes"),
    [
        ("runtime", {}),
        ("runtime", LIMITS),
        ("runtime", {"learning_rate": 1.0}),
        pytest.param("cpp_standalone", LIMITS, marks=CPP),
    ],
    ids=["plain", "limits", "bounds", "compiled"],
)
def test_the_weights_of_replay(on, device_name, changes):
    """Also where they reach their bounds, and where low and high rates act; plastic, then not, then plastic."""
    rule = Burstprop(
        **{"learning_rate": 0.05, "t_axon": 2 * ms, "tau_avg": 0.5 * second, "tau_rate": 3 * second} | changes
    )
    pre, post, rng = trains(1, N_PRE), trains(2, N_POST), np.random.default_rng(3)
    w0, mask = rng.random((N_POST, N_PRE)), rng.random((N_POST, N_PRE)) < 0.7
    plastic = "t_in_timesteps >= 700 and (t_in_timesteps < 1500 or t_in_timesteps >= 2200)"
    k = np.arange(STEPS)
    gate = (k >= 700) & ((k < 1500) | (k >= 2200))
    expected = replay(rule, pre, post, w0, modulator=gate, keep="last").w[-1]
    assert np.abs(expected - w0).max() > 0.05
    if changes.get("learning_rate") == 1.0:
        assert {0.0, 1.0} <= set(expected.ravel())
    found = on(
        device_name, lambda: network(rule, pre, post, w0, mask, plastic), lambda o: np.array(o["synapses"].weights),
        STEPS * ms,
    )  # fmt: skip
    np.testing.assert_allclose(found[mask], expected[mask], rtol=0, atol=2e-6)
    assert (found[~mask] == 0).all()


def refused():
    cells = SpikeGeneratorGroup(3, [0], [1] * ms, name="refused_cells")
    rule = Burstprop()
    sent, seen = BurstDetector(cells, name="refused_sent"), BurstDetector(cells, name="refused_seen")
    senders = burst_senders(sent, rule, name="refused_senders")
    learners = burst_learners(seen, rule, name="refused_learners")
    return cells, rule, sent, senders, learners


def test_what_cannot_be_is_refused():
    cells, rule, sent, senders, learners = refused()
    options = {"learners": learners, "rule": rule, "name": "refused"}
    with pytest.raises(SpikedtpError, match="the source must be cells that burst_senders made"):
        BurstpropSynapses(sent.events, cells, None, **options)
    with pytest.raises(SpikedtpError, match="learners must be cells that burst_learners made, with teaching"):
        BurstpropSynapses(senders, cells, None, **options | {"learners": cells})
    with pytest.raises(SpikedtpError, match="delay is not possible: events arrive in the step of the spike"):
        BurstpropSynapses(senders, cells, None, delay=1 * ms, **options)
    with pytest.raises(SpikedtpError, match=r"rule must be Burstprop\(...\), got STDP"):
        BurstpropSynapses(senders, cells, None, **options | {"rule": STDP()})
    with pytest.raises(SpikedtpError, match="at must be true or false"):
        BurstpropSynapses(senders, cells, None, plastic="1", **options)
