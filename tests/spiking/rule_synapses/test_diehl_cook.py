"""DiehlCookSynapses against stock `Synapses` with the same rule: spike for spike, and the same weights."""

import numpy as np
import pytest
from brian2 import Network, NeuronGroup, SpikeMonitor, Synapses, TimedArray, ms, mV, nA, prefs
from brian2.core.base import BrianObjectException
from spiking.synapses.own_cells import check_line, regular, silent

from spikedtp import SpikedtpError
from spikedtp.plasticity import STDP, DiehlCook
from spikedtp.synapses import DenseSynapses, DiehlCookSynapses

DT = 0.5 * ms
#: Down as strongly as up, so that weights wander between their bounds.
RULE = DiehlCook(a_plus=0.05, a_minus=0.02, w_max=0.9)


class Twins:
    """Random cells, parts of them, delays and masks, with dense and with stock synapses."""

    def __init__(self, number, name=""):
        rng = self.rng = np.random.default_rng(number)
        n_pre, n_post, more = rng.integers(3, 30), rng.integers(2, 20), rng.integers(0, 4, 4)
        sizes = (n_pre + more[0] + more[1], 0.06), (n_post + more[2] + more[3], 0.02)
        trains = [rng.random((700, n)) < chance for n, chance in sizes]
        fires, taught = (TimedArray(t.astype(float), dt=DT, name=f"train{k}{name}") for k, t in enumerate(trains))
        common = {"dt": DT, "namespace": {fires.name: fires, taught.name: taught}}
        source = NeuronGroup(fires.values.shape[1], "", threshold=f"{fires.name}(t, i) > 0", reset="", **common)
        refractory = 3 * ms if rng.random() < 0.5 else False
        equations = "dv/dt = -v/second : 1 (unless refractory)" if refractory else "v : 1"
        pair = [
            NeuronGroup(
                taught.values.shape[1], equations, threshold=f"v > 3 or {taught.name}(t, i) > 0", reset="v = 0",
                refractory=refractory, method="euler", **common,
            )
            for _ in range(2)
        ]  # fmt: skip
        pre, (post, other) = source[more[0] : more[0] + n_pre], (g[more[2] : more[2] + n_post] for g in pair)
        self.weights = rng.random((n_post, n_pre))
        self.delay = rng.uniform(0, 10, (n_post, n_pre)) * ms if rng.random() < 0.7 else rng.uniform(0, 5) * ms
        self.mask = rng.random((n_post, n_pre)) < (0.6 if rng.random() < 0.6 else 2)
        self.dense = DiehlCookSynapses(
            pre, post, "v", rule=RULE, delay=self.delay, gain=0.4, mask=self.mask, name=f"dense{name}"
        )
        self.dense.weights = self.weights
        self.stock = Synapses(pre, other, **RULE.arrival_code("v", "0.4"), dt=DT)
        i, j = np.nonzero(self.mask.T)
        self.stock.connect(i=i, j=j)
        self.stock.w = self.weights.T[i, j]
        self.stock.pre.delay = self.delay.T[i, j] if np.ndim(self.delay) else self.delay
        if rng.random() < 0.5:  # what acts on the whole matrix in some steps, before spikes arrive or after it
            slot = rng.choice(["start", "end"])
            self.dense.learn("w *= 0.98", at="t_in_timesteps % 90 == 50", when=slot)
            self.stock.run_regularly("w *= 1 - 0.02*int(t_in_timesteps % 90 == 50)", when=slot, dt=DT)
        self.spikes = [SpikeMonitor(group) for group in pair]
        self.net = Network(source, *pair, self.dense, self.stock, *self.spikes)

    def run(self):
        for duration in (150 * ms, 200 * ms):  # spikes are on their way from one run to the next
            self.net.run(duration, namespace={})

    def compare(self):
        dense, stock = self.spikes
        np.testing.assert_array_equal(dense.i, stock.i)
        np.testing.assert_array_equal(dense.t, stock.t)
        i, j = np.nonzero(self.mask.T)
        found = self.dense.weights
        np.testing.assert_allclose(found.T[i, j], self.stock.w[:], rtol=0, atol=1e-10)
        assert not found[~self.mask].any()
        assert np.abs(found - self.weights * self.mask).max() > 0.01 and dense.num_spikes > 20
        return found


@pytest.fixture
def numpy_target():
    before, prefs.codegen.target = prefs.codegen.target, "numpy"
    yield
    prefs.codegen.target = before


@pytest.mark.usefixtures("own_networks", "numpy_target")
def test_random_networks():
    inside = []
    for number in range(6):
        twins = Twins(number)
        twins.run()
        inside.append(twins.compare()[twins.mask])
    w = np.concatenate(inside)
    assert (w == 0.9).any() and ((w > 0.05) & (w < 0.85)).mean() > 0.3  # bounds were met, and most are between


@pytest.mark.usefixtures("own_networks")
def test_random_networks_compiled(standalone):
    every = [Twins(number, f"n{number}") for number in range(20, 30)]
    every[-1].dense.on_pre("w *= 1", when="end")
    for rival in every[-3:-1]:  # before spikes arrive, and after it, in the same slot
        early = rival is every[-3]
        rival.dense.learn("w *= 0.97", at="t_in_timesteps % 50 == 20", when="synapses", order=-5 if early else 5)
        rival.stock.run_regularly(
            "w *= 1 - 0.03*int(t_in_timesteps % 50 == 20)", when="synapses", order=-5 if early else 5, dt=DT
        )
    copy = DenseSynapses(every[4].dense._pre.cells, every[4].dense._post.cells, name="copy")
    copy.copy_of(every[4].dense, at="t_in_timesteps == 699", when="end")
    every[4].net.add(copy)
    for twins in every:
        twins.run()
    standalone()
    for twins in every:
        found = twins.compare()
        if twins is every[4]:
            np.testing.assert_array_equal(copy.weights * twins.mask, found)


@pytest.mark.usefixtures("own_networks", "numpy_target")
def test_store_and_restore():
    twins = Twins(3)
    twins.net.run(100 * ms, namespace={})
    twins.net.store()
    twins.net.run(100 * ms, namespace={})
    once = np.array(twins.dense.weights)
    twins.net.restore()
    twins.net.run(100 * ms, namespace={})
    np.testing.assert_array_equal(twins.dense.weights, once)


@pytest.mark.usefixtures("own_networks", "numpy_target")
def test_a_run_in_two_parts_is_one_run():
    """Where nothing is on its way the traces of earlier steps are found anew, from those of the cells."""
    twins, whole = Twins(3), Twins(3)
    twins.run()
    whole.net.run(350 * ms, namespace={})
    np.testing.assert_allclose(twins.dense.weights, whole.dense.weights, rtol=0, atol=1e-14)


@pytest.mark.usefixtures("numpy_target")
def test_forget_begins_anew():
    twins = Twins(5)
    twins.net.run(100 * ms, namespace={})
    twins.dense.forget()
    for name in ("_x", "_y1", "_y2", "_ring"):
        assert not np.any(twins.dense.variables[name].get_value())


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: DiehlCookSynapses(regular(), regular(), "v", rule=STDP()), "rule must be DiehlCook"),
        (lambda: DiehlCookSynapses(regular(), regular(), None), "onto must name the variable"),
        (lambda: DiehlCookSynapses(regular(), regular(), "u"), "unknown variable of"),
        (lambda: DiehlCookSynapses(regular(), regular(2, eqs="v : amp"), "v"), "give gain='amp'"),
        (lambda: DiehlCookSynapses(regular(), regular(), "v", delay=3 * mV), "delay must be"),
        (lambda: DiehlCookSynapses(regular(), NeuronGroup(2, "v : 1"), "v"), "has no threshold, and DiehlCook needs"),
        (lambda: DiehlCookSynapses(regular(), regular(), "v", spikers=silent(4)), "allows one spike in a step"),
        (lambda: DiehlCookSynapses(regular(), regular(), "v", parameters={"up": 1}), "'up' is a constant of the rule"),
        (lambda: RULE.synapses(regular(), regular(), "v", modulator="1"), "this rule has no modulator"),
        (lambda: RULE.stock_code("v"), "DiehlCook has no pair_form, .*: use arrival_code"),
        (lambda: DiehlCookSynapses("inputs", regular(), "v"), "source must be a group of cells"),
    ],
)
def test_what_cannot_be_is_refused(make, words):
    with pytest.raises(SpikedtpError) as error:
        make()
    check_line(error.value, words)


def test_weights_that_are_no_numbers_are_refused():
    source, target = regular(), regular(3)
    synapses = DiehlCookSynapses(source, target, "v", parameters={"more": 2.0}, name="digits")
    assert (
        repr(synapses)
        == f"<DiehlCookSynapses 'digits': DiehlCook, {len(source)} -> 3 cells, {3 * len(source)} synapses, dense>"
    )
    synapses.weights = np.nan
    with pytest.raises(BrianObjectException) as error:
        Network(source, target, synapses).run(1 * ms)
    check_line(error.value.__cause__, "digits: weights must begin within their bounds, -inf to inf, got nan to nan")


def test_a_gain_with_units():
    synapses = DiehlCookSynapses(regular(), regular(2, eqs="current : amp"), "current", gain=2 * nA)
    synapses.weights = 0.25
    assert synapses.weights.tolist() == [[0.25, 0.25], [0.25, 0.25]]


def test_the_rule_makes_them():
    source, target = regular(6), regular(4)
    synapses = RULE.synapses(source, target, "v", p=0.5, seed=1, delay=2 * ms)
    assert isinstance(synapses, DiehlCookSynapses) and synapses.rule is RULE
    assert 0 < synapses.mask.sum() < 24 and (synapses.delay_steps == synapses.delay_steps[0, 0]).all()
    with pytest.raises(SpikedtpError, match=r"DiehlCook.synapses: this rule has dense synapses alone"):
        RULE.synapses(source, target, "v", dense=False)
