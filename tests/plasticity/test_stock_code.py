"""Code for Brian2's own synapses: what is printed runs when it is pasted, and learns what `PairSynapses` learn."""

import brian2
import numpy as np
import pytest
from brian2 import Network, NeuronGroup, SpikeGeneratorGroup, Synapses, TimedArray, defaultclock, ms, mV, prefs

from spikedtp import SpikedtpError
from spikedtp.plasticity import BCM, MSTDP, MSTDPET, STDP, Clopath, TripletSTDP

RULES = {
    "STDP": STDP(learning_rate=0.02, a_minus=-1.2, tau_minus=11 * ms),
    "bounded": STDP(learning_rate=0.3, w_min=0.1, w_max=0.9, traces="nearest"),
    "triplets": TripletSTDP(learning_rate=2.0),
    "MSTDP": MSTDP(learning_rate=0.05),
    "MSTDP within bounds": MSTDP(learning_rate=0.3, w_min=0.2, w_max=0.7),
    "MSTDPET": MSTDPET(learning_rate=0.1, tau_e=9 * ms),
    "MSTDPET within bounds": MSTDPET(learning_rate=0.3, tau_e=9 * ms, w_max=0.75),
    "Clopath": Clopath(a_ltd=1e-3 / mV, a_ltp=1e-3 / mV**2, u_rest=-70 * mV, w_max=1.2),
    "homeostasis": Clopath(a_ltd=1e-3 / mV, a_ltp=1e-3 / mV**2, u_rest=-70 * mV, u_ref=9 * mV, tau_mean=30 * ms),
}


@pytest.fixture
def numpy_target():
    before = prefs.codegen.target, defaultclock.dt
    prefs.codegen.target, defaultclock.dt = "numpy", 0.5 * ms
    yield
    prefs.codegen.target, defaultclock.dt = before


def cells(n: int, more: str = "", **options) -> NeuronGroup:
    group = NeuronGroup(
        n,
        f"dv/dt = (drive - v)/(7*ms) : volt\ndrive : volt (constant)\nreward = rewards(t) : 1 (shared)\n{more}",
        threshold="v > -42*mV", reset="v = -60*mV", method="exact", namespace={"rewards": REWARDS}, **options,
    )  # fmt: skip
    group.v, group.drive = -70 * mV, np.linspace(-50, -20, n) * mV
    return group


REWARDS = TimedArray(np.random.default_rng(5).normal(size=80), dt=1 * ms, name="pasted_rewards")


@pytest.mark.usefixtures("numpy_target")
@pytest.mark.parametrize("name", RULES)
def test_what_is_printed_runs_and_learns_the_same(name):
    rng, rule = np.random.default_rng(3), RULES[name]
    code = rule.stock_code("v", gain="5*mV", modulator="reward_post")
    spikes = np.argwhere(rng.random((80, 9)) < 0.1)
    source = SpikeGeneratorGroup(9, spikes[:, 1], spikes[:, 0] * ms)
    target = cells(6, code.post_model, events=code.events)
    pasted = {**vars(brian2), "source": source, "target": target}
    exec(str(code), pasted)
    stock, other = pasted["synapses"], cells(6)
    stock.connect()
    dense = rule.pair_form().may_wait  # the other form has another algorithm, too
    given = {"modulator": "reward_post"} if rule.pair_form().modulated else {}
    ours = rule.synapses(source, other, "v", gain=5 * mV, dense=dense, **given)
    w = rng.uniform(0.2, 0.8, (6, 9)).clip(*rule.pair_form().limits)
    stock.w, ours.weights = w.T.ravel(), w
    Network(source, target, other, stock, ours).run(80 * ms, namespace={"rewards": REWARDS})
    np.testing.assert_allclose(ours.weights, np.reshape(stock.w, (9, 6)).T, rtol=0, atol=1e-11)
    assert np.abs(ours.weights - w).max() > 0.02
    np.testing.assert_allclose(other.v / mV, target.v / mV, rtol=0, atol=1e-9)


@pytest.mark.usefixtures("numpy_target")
@pytest.mark.parametrize("dense", [True, False])
def test_the_rule_of_brian2s_tutorial(dense):
    """The rule that most scripts have, with its numbers, for spikes of which no two are in one time step."""
    rng = np.random.default_rng(8)
    owners = rng.integers(0, 12, 150)  # 7 presynaptic and 5 postsynaptic cells
    times = rng.permutation(160)[:150] * 0.5 * ms
    pre, post = owners < 7, owners >= 7
    source = SpikeGeneratorGroup(7, owners[pre], times[pre])
    target = SpikeGeneratorGroup(5, owners[post] - 7, times[post])
    theirs = Synapses(
        source,
        target,
        """w : 1
        dapre/dt = -apre/taupre : 1 (event-driven)
        dapost/dt = -apost/taupost : 1 (event-driven)""",
        on_pre="apre += Apre\nw = clip(w + apost, 0, wmax)",
        on_post="apost += Apost\nw = clip(w + apre, 0, wmax)",
        namespace={"taupre": 20 * ms, "taupost": 15 * ms, "Apre": 0.1, "Apost": -0.11, "wmax": 1.0},
    )
    theirs.connect()
    rule = STDP(learning_rate=1, a_plus=0.1, a_minus=-0.11, tau_plus=20 * ms, tau_minus=15 * ms, w_min=0, w_max=1)
    ours = rule.synapses(source, target, dense=dense)
    ours.weights = theirs.w = 0.5
    Network(source, target, theirs, ours).run(80 * ms)
    np.testing.assert_allclose(ours.weights, np.reshape(theirs.w, (7, 5)).T, rtol=0, atol=1e-12)
    assert np.ptp(ours.weights) > 0.5


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        (STDP(convention="lag"), "convention 'lag' has no code"),
        (BCM(), "BCM has no pair_form"),
        (MSTDP(), "MSTDP needs a modulator: an expression such as"),
    ],
)
def test_what_has_no_code_is_named(rule, words):
    with pytest.raises(SpikedtpError, match=words) as error:
        rule.stock_code("v")
    assert "\n" not in str(error.value)
