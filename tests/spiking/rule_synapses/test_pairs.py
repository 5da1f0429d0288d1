"""Rules of spike pairs on dense synapses: against a network in plain numpy."""

import numpy as np
import pytest
from brian2 import Clock, Network, NeuronGroup, TimedArray, ms
from spiking.conditions import CPP

from spikedtp import SpikedtpError
from spikedtp.plasticity import BCM, MSTDP, MSTDPET, STDP, Row, TripletSTDP
from spikedtp.spiking.engine.batch import RunInputs
from spikedtp.spiking.engine.built_network import BuiltNetwork
from spikedtp.spiking.engine.run import run_on
from spikedtp.spiking.parts.given_spikes import given_spikes, packed
from spikedtp.spiking.rule_synapses.pairs import PairSynapses

# --- in a network of cells that fire by themselves --------------------------------------------------------------------

INPUTS, CELLS = slice(3, 45), slice(2, 14)
GAIN, KEEP, NET_STEPS, NORMALIZED_AT, TOTAL = 0.5, float(np.exp(-1 / 15)), 600, 299, 4.0
#: name -> rule, delay in steps, whether rows are normalised on the way
PROJECTIONS = {
    "bounded": (STDP(learning_rate=0.05, w_min=0.0, w_max=0.6), 0, False),
    "late": (STDP(learning_rate=0.001, a_minus=-1.1), 3, False),
    "rewarded": (MSTDP(convention="lag", learning_rate=0.01), 0, False),
    "eligible": (MSTDPET(learning_rate=0.02, tau_e=40 * ms), 1, False),
    "eligible_late": (MSTDPET(convention="lag", learning_rate=0.02), 2, False),
    "triplets": (TripletSTDP(learning_rate=0.1), 0, False),
    "normalised": (STDP(learning_rate=0.005), 0, True),
}


def network_inputs():
    rng = np.random.default_rng(9)
    raster = rng.random((NET_STEPS, 50)) < 0.06
    n = (CELLS.stop - CELLS.start, INPUTS.stop - INPUTS.start)
    reward = np.repeat(rng.normal(size=NET_STEPS // 20), 20)
    return raster, rng.uniform(0.1, 0.5, n), reward


def expected(rule, delay, normalized):
    """Spikes and weights of one projection, step by step: leak, thresholds, arrivals, resets, plasticity."""
    raster, w, reward = network_inputs()
    raster = raster[:, INPUTS].astype(float)
    step, state = rule.stepper(1 * ms), rule.initial_state(*w.shape)
    v, spikes = np.zeros(len(w)), np.zeros((NET_STEPS, len(w)))
    for k in range(NET_STEPS):
        v = v * KEEP
        spikes[k] = v > 1
        if k >= delay:
            v = v + GAIN * (w @ raster[k - delay])
        v = v - spikes[k]
        w, state = step(w, state, Row(raster[k], spikes[k], reward[k]))
        if normalized and k == NORMALIZED_AT:
            w = w * (TOTAL / np.abs(w).sum(axis=1, keepdims=True))
    return spikes, w, state.get("z")


def build() -> BuiltNetwork:
    raster, w0, reward = network_inputs()
    clock = Clock(1 * ms, name="pairs_clock")
    inputs = given_spikes(raster.shape[1], NET_STEPS, clock=clock, name="inputs")
    net = Network(inputs, name="pairs_network")
    built = BuiltNetwork(net, clock, NET_STEPS, start=lambda: None, precision=np.float64)
    built.changing["inputs"] = inputs.variables["spike_table"]
    reward_of = TimedArray(reward, dt=1 * ms, name="reward_of")
    for name, (rule, delay, normalized) in PROJECTIONS.items():
        cells = NeuronGroup(
            16,
            "dv/dt = -v/(15*ms) : 1\nn_spikes : 1",
            threshold="v > 1",
            reset="v -= 1; n_spikes += 1",
            method="exact",
            clock=clock,
            name=f"{name}_cells",
            namespace={},
        )
        synapses = PairSynapses(
            inputs[INPUTS],
            cells[CELLS],
            "v",
            rule=rule,
            modulator="reward_of(t)",
            gain=str(GAIN),
            delay_steps=delay,
            clock=clock,
            name=name,
            namespace={"reward_of": reward_of},
        )
        if normalized:
            synapses.normalize_rows(TOTAL, at=f"t_in_timesteps == {NORMALIZED_AT}")
        synapses.w = synapses.flat(w0)
        net.add(cells, synapses)
        built.vectors |= {f"{name}.w": synapses.variables["w"], f"{name}.n": cells.variables["n_spikes"]}
        if "z" in synapses.variables:
            built.vectors[f"{name}.z"] = synapses.variables["z"]
    return built


@pytest.fixture(scope="module", params=["runtime", CPP])
def results(request):
    patterns = {"inputs": packed(network_inputs()[0])[None]}
    data = RunInputs(patterns, pattern=np.zeros(1, dtype=int), seeds=np.zeros(1, dtype=int))
    return {name: rows[0] for name, rows in run_on(request.param, build, data).vectors.items()}


@pytest.mark.parametrize("name", PROJECTIONS)
def test_a_network_that_learns_as_it_fires(results, name):
    spikes, w, z = expected(*PROJECTIONS[name])
    w0 = network_inputs()[1]
    n_post, n_pre = w0.shape
    np.testing.assert_array_equal(results[f"{name}.n"][CELLS], spikes.sum(axis=0))
    assert spikes.sum() > 100 and np.abs(w - w0).max() > 0.02
    got = results[f"{name}.w"].reshape(n_pre, -1)[:, :n_post].T
    np.testing.assert_allclose(got, w, rtol=0, atol=1e-11)
    if z is not None:
        assert np.abs(z).max() > 1e-3
        got = results[f"{name}.z"].reshape(n_pre, -1)[:, :n_post].T
        np.testing.assert_allclose(got, z, rtol=0, atol=1e-11)


def test_weights_in_both_orientations():
    clock = Clock(1 * ms)
    cells = NeuronGroup(12, "", threshold="False", reset="", clock=clock, namespace={})
    synapses = PairSynapses(cells[:5], cells[5:], rule=STDP(), clock=clock)
    w = np.arange(35.0).reshape(7, 5)
    np.testing.assert_array_equal(synapses.matrix(synapses.flat(w)), w)
    several = np.stack([synapses.flat(k * w) for k in range(3)])
    np.testing.assert_array_equal(synapses.matrix(several), [0 * w, w, 2 * w])


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"rule": BCM()}, "rule must be one of spike pairs"),
        ({"rule": "STDP"}, "rule must be one of spike pairs"),
        ({"rule": MSTDP(w_max=1.0), "modulator": "1"}, "MSTDP with w_min or w_max needs SparsePairSynapses"),
        ({"rule": MSTDPET()}, "MSTDPET needs a modulator: an expression such as 'reward_post'"),
    ],
)
def test_mistakes_are_named(options, words):
    clock = Clock(1 * ms)
    cells = NeuronGroup(2, "", threshold="False", reset="", clock=clock, namespace={})
    with pytest.raises(SpikedtpError, match=words) as error:
        PairSynapses(cells, cells, clock=clock, **options)
    assert "\n" not in str(error.value)
