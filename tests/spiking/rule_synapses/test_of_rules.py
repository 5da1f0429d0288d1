"""`rule.synapses`: dense and sparse ones learn the same, the quicker kind is taken, and mistakes are named."""

import itertools
import logging
import re
import subprocess
import sys
from dataclasses import replace

import brian2
import numpy as np
import pytest
from brian2 import Equations, Network, NeuronGroup, PoissonGroup, SpikeMonitor, TimedArray, defaultclock, ms, mV, nS
from brian2.core.base import BrianObjectException
from spiking.synapses.own_cells import check_line, regular, silent

from spikedtp import SpikedtpError
from spikedtp.plasticity import BCM, MSTDP, MSTDPET, STDP, TIMED_RULES, Clopath, TripletSTDP
from spikedtp.spiking.rule_synapses import of_rules
from spikedtp.spiking.rule_synapses.sparse_eligibility import EQUATIONS
from spikedtp.synapses import PairSynapses, SparsePairSynapses

pytestmark = pytest.mark.usefixtures("own_networks")
RULES = {
    "STDP": STDP(learning_rate=0.1, w_min=0.1, w_max=0.9, a_minus=-1.1),
    "TripletSTDP": TripletSTDP(learning_rate=2.0),
    "MSTDP": MSTDP(learning_rate=0.05),
    "MSTDPET": MSTDPET(learning_rate=0.1, tau_e=9 * ms),
    "Clopath": Clopath(a_ltd=1e-3 / mV, a_ltp=1e-3 / mV**2, u_rest=-70 * mV, w_max=0.95),
}
REWARDS = TimedArray(np.random.default_rng(5).normal(size=120), dt=1 * ms, name="rewards_of_rules")


def cells(n: int, name: str, conductance: bool = False) -> NeuronGroup:
    """Cells with a voltage, a conductance, a reward, and a trace of their own that is called x."""
    eqs = """dv/dt = (drive - v + ge/(2*nS)*(0*mV - v)*0.1)/(7*ms) : volt (unless refractory)
    dge/dt = -ge/(3*ms) : siemens
    dx/dt = -x/(10*ms) : 1
    drive : volt (constant)
    reward = rewards(t) : 1 (shared)"""
    group = NeuronGroup(n, eqs, threshold="v > -42*mV", reset="v = -60*mV\nx += 1", refractory=1 * ms, method="euler",
                        name=name, namespace={"rewards": REWARDS})  # fmt: skip
    group.v, group.drive = -70 * mV, np.linspace(-60, -20, n) * mV
    return group


def test_every_rule_that_has_the_form_is_here():
    of_pairs = {name for name, rule in TIMED_RULES.items() if rule().pair_form() is not None}
    assert of_pairs - {"DiehlCook"} == set(RULES)


def modulated(rule):
    return {"modulator": "reward_post"} if rule.pair_form().modulated else {}


class Three:
    """The same recurrent network with each kind: a subgroup onto another one, sparse, without autapses."""

    def __init__(self, rule, delay: str, onto: str, prefix: str):
        defaultclock.dt = 0.5 * ms
        rng = np.random.default_rng(7)
        late = rng.choice([0, 0.5, 1.3, 2.0], (14, 16)) * ms
        delay = {"none": None, "one": 1.5 * ms, "each": late}[delay]
        gain = {"v": 6 * mV, "ge": 3 * nS}[onto]
        self.made, self.heard, self.groups = [], [], []
        for dense in (True, False):
            group = cells(20, f"{prefix}_{dense}")
            made = rule.synapses(
                group[1:17], group[4:18], onto, dense=dense, condition="i != j", p=0.5, seed=4, delay=delay, gain=gain,
                name=f"{prefix}_synapses_{dense}", **modulated(rule), namespace={"rewards": REWARDS},
            )  # fmt: skip
            made.weights = 0.5
            self.made, self.groups = [*self.made, made], [*self.groups, group]
            self.heard.append(SpikeMonitor(group, name=f"{prefix}_heard_{dense}"))
        self.network = Network(self.groups, self.made, self.heard)

    def check(self) -> None:
        dense, sparse = self.made
        assert isinstance(dense, PairSynapses) and isinstance(sparse, SparsePairSynapses)
        assert len(self.heard[0].t) > 100
        np.testing.assert_array_equal(self.heard[0].i[:], self.heard[1].i[:])
        np.testing.assert_array_equal(self.heard[0].t_[:], self.heard[1].t_[:])
        np.testing.assert_allclose(dense.weights, sparse.weights, rtol=0, atol=1e-11)
        exists = dense.weights != 0
        assert 80 < exists.sum() < 130 and not np.diagonal(exists).any()
        assert np.abs(dense.weights[exists] - 0.5).max() > 0.01


@pytest.mark.parametrize(
    ("rule", "delay", "onto"), list(zip(RULES, ["none", "one", "each"] * 2, ["v", "ge"] * 3, strict=False))
)
def test_both_forms_learn_the_same(rule, delay, onto):
    three = Three(RULES[rule], delay, onto, f"three_{rule}")
    three.network.run(60 * ms, namespace={})
    three.network.store()
    three.network.run(50 * ms, namespace={})
    three.check()
    learned = three.made[0].weights
    three.network.restore()
    three.network.run(50 * ms, namespace={})
    three.check()
    np.testing.assert_array_equal(three.made[0].weights, learned)


@pytest.mark.slow
def test_both_forms_learn_the_same_compiled(standalone):
    every = [Three(rule, delay, "v", f"c_{name}_{delay}") for name, rule in RULES.items() for delay in ("one", "each")]
    for three in every:
        three.network.run(60 * ms, namespace={})
        three.network.run(40 * ms, namespace={})
    standalone()
    for three in every:
        three.check()


# --- which kind -------------------------------------------------------------------------------------------------------

LATE = np.full((40, 30), 1.0) * ms


@pytest.mark.parametrize(
    ("options", "dense", "why"),
    [
        ({}, True, "quicker: one delay, p = 1 is at least 0.1"),
        ({"p": 0.2, "delay": 2 * ms}, True, r"quicker: one delay, p = 0.\d+ is at least 0.1"),
        ({"p": 0.05}, False, r"quicker: one delay, p = 0.0\d* is below 0.1"),
        ({"p": 0.05, "delay": 2 * ms}, False, r"quicker: one delay, p = 0.0\d* is below 0.1"),
        ({"p": 0.05, "delay": LATE}, False, r"quicker: delays of their own, p = 0.0\d* is below 0.4"),
        ({"condition": "i == j", "delay": LATE}, False, "quicker: delays of their own, p = 0.025 is below 0.4"),
        ({"p": 0.5, "delay": LATE}, True, r"quicker: delays of their own, p = 0\.\d+ is at least 0.4"),
        ({"mask": np.arange(1200).reshape(40, 30) % 9 == 0, "delay": LATE}, False, "p = 0.11 is below 0.4"),
        ({"p": 0.05, "dense": False}, False, "as asked for"),
        ({"p": 0.05, "delay": LATE, "dense": True}, True, "as asked for"),
        ({"rule": STDP(convention="lag"), "delay": LATE, "p": 0.05}, True, "convention 'lag' has no other form"),
        ({"target": "with w", "delay": LATE, "p": 0.05}, True, "the target has a variable 'w' of its own"),
        ({"rule": Clopath(), "target": "volt", "p": 0.05, "gain": mV}, True, "quicker: one delay"),
        ({"rule": Clopath(), "target": "volt", "p": 0.05, "gain": mV, "delay": LATE}, False, ".* is below 0.15"),
        ({"rule": Clopath(), "target": "volt", "p": 0.3, "gain": mV, "delay": LATE}, True, ".* is at least 0.15"),
        ({"rule": MSTDP(w_max=1.0), "modulator": "1"}, False, "bounds with a reward have no other form"),
    ],
)
def test_the_kind_is_what_was_measured_to_be_quicker(options, dense, why):
    targets = {"plain": silent(40), "with w": silent(40, "v : 1\nw : 1"), "volt": silent(40, "v : volt")}
    options = {"rule": STDP(), "target": "plain"} | options
    rule, target = options.pop("rule"), targets[options.pop("target")]
    made = rule.synapses(regular(30), target, "v", name="these", **options)
    assert isinstance(made, PairSynapses if dense else SparsePairSynapses)
    kind = "PairSynapses" if dense else "SparsePairSynapses"
    n = int((made.mask.sum() if made.mask is not None else 1200) if dense else len(made))
    shown = (
        rf"<{kind} 'these': {rule.name}, 30 -> 40 cells, {n:,} synapses, {'dense' if dense else 'sparse'} \(.*{why}\)>"
    )
    assert re.fullmatch(shown, repr(made))


def test_matrices_that_take_too_much_memory_are_not_made(monkeypatch):
    monkeypatch.setattr(of_rules, "MOST_MEMORY", 17 * 40 * 30 - 1)
    assert isinstance(STDP().synapses(regular(30), silent(40), "v", p=0.2), SparsePairSynapses)
    assert isinstance(STDP().synapses(regular(30), silent(40), "v"), PairSynapses)  # all pairs: as much either way


def test_repr_of_those_made_by_hand():
    dense = PairSynapses(regular(3), silent(2), "v", rule=STDP(), name="by_hand")
    assert repr(dense) == "<PairSynapses 'by_hand': STDP, 3 -> 2 cells, 6 synapses, dense>"
    sparse = SparsePairSynapses(regular(3), silent(2), "v", rule=STDP(), name="few")
    assert repr(sparse) == "<SparsePairSynapses 'few': STDP, 3 -> 2 cells, not connected yet, sparse>"


def test_in_a_fresh_interpreter():
    """Plasticity alone was imported; it may not import who makes synapses."""
    code = """
from spikedtp.plasticity import STDP
from brian2 import NeuronGroup
cells = NeuronGroup(3, "v : 1", threshold="v > 1", reset="v = 0", name="cells")
print(STDP().synapses(cells, cells, "v", condition="i != j", name="fresh"))
"""
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    shown = (
        "<PairSynapses 'fresh': STDP, 3 -> 3 cells, 6 synapses, dense (quicker: one delay, p = 0.67 is at least 0.1)>"
    )
    assert found == f"{shown}\n"


def test_weights_of_sparse_ones_are_a_matrix_too():
    made = STDP().synapses(regular(3), silent(2), "v", i=[0, 2, 1], j=[1, 0, 1], dense=False)
    made.weights = np.array([[1, 2, 3], [4, 5, 6]])
    np.testing.assert_array_equal(made.weights, [[0, 0, 3], [4, 5, 0]])
    np.testing.assert_array_equal(made.mask, [[False, False, True], [True, True, False]])
    np.testing.assert_array_equal(made.w[:], [4, 5, 3])  # in the order of presynaptic cells
    with pytest.raises(ValueError, match="read-only"):
        made.weights[0, 0] = 1
    by_hand = SparsePairSynapses(regular(3), silent(2), "v", rule=STDP())
    by_hand.connect("i != j")
    by_hand.weights = 0.5
    np.testing.assert_array_equal(by_hand.weights, [[0, 0.5, 0.5], [0.5, 0, 0.5]])
    with pytest.raises(SpikedtpError, match=r"weights must be \(n_post, n_pre\) = \(2, 3\), got \(3, 2\)"):
        by_hand.weights = np.ones((3, 2))


# --- mistakes ---------------------------------------------------------------------------------------------------------

EQS = "v : 1\nu : volt\nmean = 2*u : volt\nall : volt (shared)"
REFUSED = [
    ({"rule": BCM()}, "BCM.synapses 'some': rule must be one of spike pairs .*, got BCM"),
    ({"rule": MSTDP()}, "MSTDP needs a modulator: an expression such as 'reward_post'"),
    ({"modulator": "1"}, "'some': this rule has no modulator: leave it out, or take MSTDP or MSTDPET"),
    ({"source": "mute"}, "'some': source 'mute' has no threshold, and 'v' is added to|STDP needs"),
    ({"target": "mute"}, "'some': target 'mute' has no threshold, and STDP needs spikes on both sides"),
    ({"source": "cells"}, "'some': source must be a group of cells or a part of one, got 'cells'"),
    ({"onto": "nosuch"}, "'some': unknown variable of 'cells' 'nosuch': known are u, v"),
    (
        {"onto": "u", "gain": "ms"},
        "some: STDP .* gain must be in volt as 'u' is, but gain = 'ms' is in second: give gain='vo",
    ),
    ({"onto": "u"}, "some: .* gain must be in volt as 'u' is, but gain = '1.0' is in 1: give gain='volt'"),
    ({"delay": 1.5}, "'some'.delay must be a quantity in s"),
    ({"delay": np.ones((3, 2))}, "STDP.synapses 'some': delay must be a matrix of times"),
    ({"delay_steps": np.ones((3, 2), int)}, "STDP.synapses 'some': give delay, one time or a matrix of times: not all"),
    ({"delay": np.ones((2, 3)) * ms}, "'some': delay must be one for all synapses or .*give its transpose"),
    ({"delay": np.ones((3, 2)) * ms, "onto": None}, "'some': a delay is that of arrival at a variable: give onto"),
    ({"mask": np.ones((2, 3), bool)}, r"STDP.synapses 'some': mask must be \(n_post, n_pre\) = \(3, 2\).*transpose"),
    ({"mask": np.ones((3, 2))}, "'some': mask must be of type bool"),
    ({"p": 0.5, "i": [0], "j": [1]}, "'some': connect takes either a condition and p, or i and j, or mask"),
    ({"dense": "yes"}, "'some': dense must be True, False, or None .*, got 'yes'"),
    (
        {"rule": Clopath(), "voltage": "nosuch"},
        "'some': unknown voltage of 'cells' 'nosuch': known are u: give its name",
    ),
    ({"rule": Clopath()}, "the voltage 'v' of 'cells' must be in volt.*but it is in 1: give the name of another"),
    ({"rule": Clopath(), "voltage": "all"}, "'some': unknown voltage of 'cells' 'all': known are u"),
    (
        {"rule": Clopath(), "voltage": "u", "source": "mute"},
        "source 'mute' has no threshold, and 'v' is added to|Clopath needs presynaptic spikes",
    ),
]


@pytest.mark.parametrize("dense", [True, False])
@pytest.mark.parametrize(("options", "words"), REFUSED)
def test_mistakes_are_named(options, words, dense):
    groups = {"source": regular(2), "target": silent(3, EQS, name="cells")}
    mute = {role: NeuronGroup(n, EQS, name="mute") for role, n in (("source", 2), ("target", 3)) if role in options}
    given = {"rule": STDP(), "onto": "v", "name": "some", "dense": dense} | groups | options
    for role in mute:
        given[role] = mute[role] if options[role] == "mute" else options[role]
    rule = given.pop("rule")
    with pytest.raises(SpikedtpError) as error:
        rule.synapses(given.pop("source"), given.pop("target"), given.pop("onto"), **given)
    check_line(error.value, words)


@pytest.mark.parametrize("dense", [True, False])
def test_delays_that_are_rounded_or_too_long_are_told(dense, caplog):
    defaultclock.dt = 0.5 * ms
    source, target = regular(2), silent(3)
    made = [
        STDP().synapses(source, target, "v", delay=delay, dense=dense, name=name)
        for name, delay in (("rounded", 1.2 * ms), ("long", np.full((3, 2), 50.0) * ms), ("fine", 1.5 * ms))
    ]
    with caplog.at_level(logging.WARNING, logger="spikedtp"):
        Network(source, target, made).run(5 * ms)
    said = sorted(record.getMessage() for record in caplog.records if record.name.startswith("spikedtp"))
    assert len(said) == 2
    assert said[0].startswith("long: spikes with a delay of 50 ms do not arrive before the run ends, at 5 ms")
    assert said[1].startswith("rounded: delays that are no multiples of dt = 0.5 ms are rounded, by up to 0.2 ms")


@pytest.mark.parametrize("dense", [True, False])
def test_clocks_that_differ_are_named(dense):
    source, target = regular(2, dt=1 * ms, name="slow"), silent(3, name="quick")
    made = STDP().synapses(source, target, "v", dense=dense, name="between")
    with pytest.raises(BrianObjectException) as error:
        Network(source, target, made).run(3 * ms)
    check_line(error.value.__cause__, "between runs every .* but its target 'quick' every")


@pytest.mark.slow
@pytest.mark.parametrize("dense", [True, False])
def test_a_device_that_was_built_is_named(standalone, dense):
    source, target = regular(2), silent(3)
    Network(source, target).run(1 * ms)
    standalone()
    with pytest.raises(SpikedtpError) as error:
        STDP().synapses(source, target, "v", dense=dense, name="later")
    check_line(error.value, r"'later': the device cpp_standalone was built and run already: call device.reinit\(\)")
    brian2.get_device().reinit()
    brian2.get_device().activate(build_on_run=False)
    source, target = regular(2), silent(3)
    assert STDP().synapses(source, target, "v", dense=dense, name="later").name == "later"


NAMES = [(STDP(), "w"), *((MSTDPET(), name) for name in ("w", *Equations(EQUATIONS)))]


@pytest.mark.parametrize(("rule", "name"), NAMES)
def test_variables_that_brian2_does_not_allow_are_named(rule, name):
    given = {"modulator": "1"} if rule.pair_form().modulated else {}
    target = silent(3, f"v : 1\n{name} : 1", name="adaptive")
    with pytest.raises(SpikedtpError) as error:
        rule.synapses(regular(2), target, "v", dense=False, name="some", **given)
    words = f"'some': the target 'adaptive' has a variable '{name}'.* rename the target's"
    check_line(error.value, f"{words}, or use PairSyn")
    assert isinstance(rule.synapses(regular(2), target, "v", p=0.01, seed=1, **given), PairSynapses)
    with pytest.raises(SpikedtpError) as error:
        replace(rule, w_max=1.0).synapses(regular(2), target, "v", dense=False, name="some", **given)
    check_line(error.value, words + (", or use PairSynapses" if rule.name == "STDP" else "$"))


def test_names_of_sparse_synapses_do_not_forbid_those_of_others():
    """STDP has no eligibility trace, so that its cells may have a z."""
    target = silent(3, "".join(f"{name} : 1\n" for name in ("v", *Equations(EQUATIONS))), name="full")
    assert isinstance(STDP().synapses(regular(2), target, "v", dense=False), SparsePairSynapses)


BOUNDED = [(0.0, 1.0), (None, 0.5), (-0.5, None)]


@pytest.mark.parametrize("dense", [True, False])
@pytest.mark.parametrize(("low", "high"), BOUNDED)
def test_weights_outside_their_bounds_are_named(low, high, dense):
    """One weight outside, anywhere, or one that is no number."""
    rng = np.random.default_rng(3)
    for dtype, wrong in itertools.product((np.float32, np.float64), (-0.6, 1.1, np.nan)):
        source, target = regular(4), silent(3)
        made = STDP(w_min=low, w_max=high).synapses(
            source, target, "v", condition="i != j", dense=dense, dtype=dtype, name="bounded"
        )
        first, last = -0.5 if low is None else low, 1.0 if high is None else high
        weights = rng.uniform(first, last, (3, 4))
        weights[0, 0] = 7.0  # no synapse is there
        weights[0, 1], weights[1, 2] = first, last
        made.weights = weights
        network = Network(source, target, made)
        network.run(1 * ms)
        allowed = wrong == wrong and (low is None or wrong >= low) and (high is None or wrong <= high)
        weights[rng.choice(3), 3] = wrong
        made.weights = weights
        if allowed:
            network.run(1 * ms)
            continue
        with pytest.raises(BrianObjectException) as error:
            network.run(1 * ms)
        check_line(error.value.__cause__, "bounded: weights must begin within their bounds, .* to .*, got .*")


@pytest.mark.parametrize("rule", RULES)
def test_without_a_single_synapse(rule):
    """As with p = 0 in a table of probabilities: nothing is learned, and nothing arrives."""
    source, target = cells(4, "sources"), cells(3, "targets")
    target.drive = 0
    options = {"delay": np.full((3, 4), 0.5) * ms} | modulated(RULES[rule]) | {"namespace": {"rewards": REWARDS}}
    made = [RULES[rule].synapses(source, target, "ge", gain=nS, p=0, dense=dense, **options) for dense in (True, False)]
    for one in made:
        one.weights = 0.5
    heard = SpikeMonitor(source)
    Network(source, target, made, heard).run(20 * ms, namespace={})
    assert heard.num_spikes > 4 and not target.ge[:].any()
    for one in made:
        assert not one.weights.any() and ", 0 synapses, " in repr(one)


# --- networks that change ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dense", [True, False])
def test_they_can_be_removed_from_a_network(dense):
    source, target = regular(2), silent(3)
    made = [STDP(learning_rate=0.01).synapses(source, target, "v", dense=dense) for _ in range(2)]
    for one in made:
        one.weights = 0.5
    network = Network(source, target, made)
    network.run(1 * ms)
    v = np.array(target.v)
    network.remove(made[1])
    network.run(1 * ms)
    assert (target.v - v == pytest.approx(v / 2)) and v.min() > 0
    weights = [one.weights for one in made]
    assert np.array_equal(*weights)  # nothing has changed: the target never fires


@pytest.mark.parametrize("dense", [True, False])
def test_seeds_repeat_a_run(dense):
    found = []
    for _ in range(2):
        brian2.seed(11)
        source, target = PoissonGroup(20, 50 * brian2.Hz), cells(10, "cells*")
        made = RULES["STDP"].synapses(source, target, "v", gain=5 * mV, p=0.5, seed=2, dense=dense)
        made.weights = 0.5
        Network(source, target, made).run(50 * ms)
        found.append(made.weights)
    np.testing.assert_array_equal(*found)
    assert np.ptp(found[0][found[0] != 0]) > 0.05
