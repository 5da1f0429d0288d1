"""Brian2's synapses with rules of spike pairs learn what `PairSynapses` learn, in random sparse networks."""

import numpy as np
import pytest
from brian2 import (
    Network,
    NeuronGroup,
    SpikeGeneratorGroup,
    SpikeMonitor,
    StateMonitor,
    TimedArray,
    defaultclock,
    ms,
    mV,
    prefs,
    volt,
)
from spiking.synapses.own_cells import check_line, regular, silent

from spikedtp import SpikedtpError, replay
from spikedtp.plasticity import BCM, MSTDP, MSTDPET, STDP, TripletSTDP
from spikedtp.synapses import PairSynapses, SparsePairSynapses

pytestmark = pytest.mark.usefixtures("own_networks")
RULES = {
    "STDP": STDP(learning_rate=0.02, a_minus=-1.2, tau_minus=11 * ms),
    "bounded": STDP(learning_rate=0.3, w_min=0.1, w_max=0.9, traces="nearest"),
    "triplets": TripletSTDP(learning_rate=2.0),
    "nearest triplets": TripletSTDP(learning_rate=2.0, traces="nearest"),
    "MSTDP": MSTDP(learning_rate=0.05, tau_plus=7 * ms),
    "MSTDPET": MSTDPET(learning_rate=0.1, tau_e=9 * ms),
}


REWARDS = TimedArray(np.random.default_rng(5).normal(size=80), dt=1 * ms, name="sparse_rewards")


def cells(name: str, n: int) -> NeuronGroup:
    group = NeuronGroup(
        n,
        """dv/dt = (drive - v)/(7*ms) : volt
        drive : volt (constant)
        reward = rewards(t) : 1 (shared)""",
        threshold="v > 1*mV", reset="v = 0*mV", method="exact", name=name, namespace={"rewards": REWARDS},
    )  # fmt: skip
    group.drive = np.linspace(0.8, 1.9, n) * mV
    return group


class Both:
    """The same random sparse network with dense and with stock synapses."""

    def __init__(self, rule: str, delay: str):
        rng, n_post, n_pre = np.random.default_rng(sorted(RULES).index(rule)), 12, 20
        defaultclock.dt = 0.5 * ms
        fires = TimedArray(1.0 * (rng.random((80, n_pre + 3)) < 0.1), dt=1 * ms)
        given = "fires(t, i) > 0 and t_in_timesteps % 2 == 0"
        inputs = NeuronGroup(n_pre + 3, "", threshold=given, reset="", namespace={"fires": fires})
        self.rule, groups = rule, [cells("cells*", n_post + 2) for _ in range(2)]
        source, self.targets = inputs[3:], [group[1:-1] for group in groups]  # traces belong to the whole groups
        self.mask = rng.random((n_post, n_pre)) < 0.3
        late = rng.choice([0, 0.5, 2, 3.5], (n_post, n_pre)) * ms
        late = {"none": None, "one": 1.5 * ms, "each": late}[delay]
        self.given = rng.random((n_post, n_pre)).clip(0.1, 0.9)
        same = {"rule": RULES[rule], "modulator": "reward_post", "gain": 0.2 * mV, "namespace": {"rewards": REWARDS}}
        self.dense = PairSynapses(source, self.targets[0], "v", delay=late, mask=self.mask, **same)
        self.dense.weights = self.given
        sparse = SparsePairSynapses(source, self.targets[1], "v", delay=late if delay == "one" else None, **same)
        post, pre = np.nonzero(self.mask)
        sparse.connect(i=pre, j=post)
        sparse.w = self.given[self.mask]
        if delay == "each":
            sparse.arrive.delay = late[self.mask]
        self.sparse, self.heard = sparse, [SpikeMonitor(group) for group in self.targets]
        self.network = Network(inputs, groups, self.dense, sparse, self.heard)

    def run(self) -> None:
        self.network.run(80 * ms, namespace={})

    def check(self) -> None:
        assert len(self.heard[0].t) > 50
        np.testing.assert_array_equal(self.heard[0].i[:], self.heard[1].i[:])
        np.testing.assert_array_equal(self.heard[0].t_[:], self.heard[1].t_[:])
        np.testing.assert_allclose(self.targets[0].v / volt, self.targets[1].v / volt, atol=1e-15)
        found = self.dense.weights
        np.testing.assert_allclose(found[self.mask], self.sparse.w[:], rtol=0, atol=1e-11)
        assert np.abs(found - self.given)[self.mask].max() > 0.01
        if self.rule == "MSTDPET":
            z = self.dense.matrix(np.asarray(self.dense.z[:]))
            np.testing.assert_allclose(z[self.mask], self.sparse.z[:], rtol=0, atol=1e-11)


@pytest.mark.parametrize(("rule", "delay"), [*((rule, "each") for rule in RULES), ("STDP", "none"), ("MSTDPET", "one")])
def test_both_kinds_learn_the_same(rule, delay):
    both = Both(rule, delay)
    both.run()
    both.check()


@pytest.mark.parametrize("kind", [MSTDP, MSTDPET])
@pytest.mark.parametrize("bounds", [(0.2, 0.8), (None, 0.6), (0.4, None)])
@pytest.mark.parametrize("seed", range(2))
def test_rewarded_weights_stay_within_their_bounds(kind, bounds, seed):
    """As if clipped in every step, for rewards that change their sign often or are often 0."""
    rng, shape, steps = np.random.default_rng(seed), (4, 5), 400
    extra = {"tau_e": rng.choice([2, 30, 300]) * ms} if kind is MSTDPET else {}
    rule = kind(learning_rate=rng.uniform(0.3, 3), a_minus=-1.1, w_min=bounds[0], w_max=bounds[1], **extra)
    trains = [rng.random((steps, n)) < 0.1 for n in shape[::-1]]
    reward = rng.normal(size=steps) * (rng.random(steps) < 0.5)
    reward[100:300] = np.abs(reward[100:300])
    w0 = rng.uniform(0.4, 0.6, shape)
    expected = replay(rule, *trains, w0, dt=0.5 * ms, modulator=reward).w

    defaultclock.dt = 0.5 * ms
    space = {"reward": TimedArray(reward, dt=0.5 * ms)}
    ends = [
        NeuronGroup(
            n, "", threshold="fires(t, i) > 0", reset="", namespace={"fires": TimedArray(1.0 * train, dt=0.5 * ms)}
        )
        for n, train in zip(shape[::-1], trains, strict=True)
    ]
    synapses = SparsePairSynapses(*ends, rule=rule, modulator="reward(t)", namespace=space)
    synapses.connect()
    synapses.w = w0.T.ravel()
    synapses.settle(at="t_in_timesteps % 7 == 2", when="end")
    seen = StateMonitor(synapses, "w", record=True, when="end", order=1)
    Network(*ends, synapses, seen).run(200 * ms, namespace={})
    np.testing.assert_allclose(np.array(synapses.w[:]).reshape(5, 4).T, expected[-1], rtol=0, atol=1e-11)
    np.testing.assert_allclose(seen.w.T[2::7].reshape(-1, 5, 4).swapaxes(1, 2), expected[3::7], rtol=0, atol=1e-11)
    limits = [bound for bound in bounds if bound is not None]
    assert any((expected[1:] == limit).any() for limit in limits)
    assert np.ptp(expected[-1]) > 0.01


def test_the_time_step_may_change_between_runs():
    """Traces decay by the time that has passed, whatever the steps."""
    found = []
    for dts in ([1, 1], [1, 0.25]):
        ends = [SpikeGeneratorGroup(1, [0] * 2, times * ms) for times in (np.array([2, 23]), np.array([8, 27]))]
        synapses = [
            SparsePairSynapses(*ends, rule=rule, modulator="reward(t)", namespace={"reward": TimedArray([1.0], 1 * ms)})
            for rule in (STDP(), MSTDPET(tau_e=5 * ms))
        ]
        for each in synapses:
            each.connect()
        network = Network(ends, synapses)
        for dt, duration in zip(dts, (20, 60), strict=True):
            defaultclock.dt = dt * ms
            network.run(duration * ms, namespace={})
        found.append([float(each.w[0]) for each in synapses])
    same, changed = found
    assert same[0] == pytest.approx(changed[0], abs=1e-13) and same[0] != 0
    assert same[1] == pytest.approx(changed[1], rel=0.1)  # the reward is added in steps


def test_clocks_may_not_differ():
    synapses = SparsePairSynapses(regular(2), silent(2, name="slow", dt=1 * ms), rule=STDP(), name="two_clocks")
    synapses.connect()
    with pytest.raises(SpikedtpError) as error:
        synapses.before_run({})
    check_line(error.value, "two_clocks runs every .* but its target 'slow' every .* give both one clock")


@pytest.mark.slow
def test_both_kinds_learn_the_same_compiled(standalone):
    """All rules in one project, since compiling takes longest."""
    every = [Both(rule, delay) for rule, delay in zip(RULES, ["none", "one", "each"] * 2, strict=True)]
    for both in every:
        both.run()
    standalone()
    for both in every:
        both.check()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_they_are_stored_and_restored(dtype):
    prefs.core.default_float_dtype = dtype
    groups = regular(3), regular(4)
    synapses = SparsePairSynapses(*groups, rule=STDP(learning_rate=0.01, a_minus=-0.5))
    synapses.connect("i != j")
    network = Network(*groups, synapses)
    network.run(2 * ms)
    network.store()
    network.run(3 * ms)
    learned = np.array(synapses.w)
    network.restore()
    network.run(3 * ms)
    np.testing.assert_array_equal(synapses.w, learned)
    assert learned.min() != 0


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"rule": BCM()}, "SparsePairSynapses: rule must be one of spike pairs"),
        ({"rule": MSTDP()}, "'few': MSTDP needs a modulator"),
        ({"rule": STDP(convention="lag")}, "'few': STDP with convention 'lag' needs PairSynapses"),
        ({"target": NeuronGroup(2, "v : 1", name="mute")}, "'few': target 'mute' has no threshold, and STDP needs"),
        ({"onto": "nosuch"}, "'few': unknown variable of 'cells' 'nosuch'"),
        ({"delay": 1.5}, "'few'.delay must be a quantity in s"),
        ({"onto": None, "delay": 1 * ms}, "'few': a delay is that of arrival at a variable"),
    ],
)  # fmt: skip
def test_mistakes_are_named(options, words):
    given = {"source": regular(2), "target": silent(2, name="cells"), "onto": "v", "rule": STDP(), "name": "few"}
    given |= options
    with pytest.raises(SpikedtpError) as error:
        SparsePairSynapses(given.pop("source"), given.pop("target"), given.pop("onto"), **given)
    check_line(error.value, words)
