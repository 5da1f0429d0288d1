"""What dense synapses are given is checked: clocks, units, code, bounds."""

import brian2
import numpy as np
import pytest
from brian2 import Clock, Network, NeuronGroup, defaultclock, ms, mV, nA, volt
from brian2.core.base import BrianObjectException
from brian2.devices.device import reset_device
from spiking.synapses.own_cells import check_line, regular, silent

from spikedtp import SpikedtpError
from spikedtp.plasticity import MSTDP, STDP
from spikedtp.spiking.rule_synapses.pairs import PairSynapses
from spikedtp.spiking.synapses.dense import DenseSynapses

pytestmark = pytest.mark.usefixtures("own_networks")


@pytest.mark.parametrize(("cells", "own"), [(1, 0.1), (0.1, 1)])
def test_clocks_that_differ_are_named(cells, own):
    source, target = regular(dt=cells * ms, name="fast"), silent(dt=cells * ms)
    for synapses in (
        DenseSynapses(source, target, "v", clock=Clock(own * ms), name="slow"),
        PairSynapses(source, target, "v", rule=STDP(), clock=Clock(own * ms), name="slow2"),
    ):
        with pytest.raises(BrianObjectException) as error:
            Network(source, target, synapses).run(3 * ms)
        check_line(error.value.__cause__, "slow2? runs every .* but its source 'fast' every .* give both one clock")
    # one that only spikes of the target would need
    synapses = PairSynapses(source, silent(dt=own * ms, name="other"), "v", rule=STDP(), name="slow3")
    with pytest.raises(BrianObjectException) as error:
        Network(source, synapses._post.group, synapses).run(3 * ms)
    check_line(error.value.__cause__, "slow3 runs every .* but its target 'other' every")


def test_clocks_of_one_step_are_one():
    source, target = regular(clock=Clock(0.2 * ms)), silent(clock=Clock(0.2 * ms))
    synapses = PairSynapses(source, target, "v", rule=STDP(learning_rate=0.0), clock=Clock(0.2 * ms))
    synapses.w = 1
    Network(source, target, synapses).run(1 * ms)
    np.testing.assert_array_equal(target.v[:], 10.0)


@pytest.mark.parametrize(
    ("onto", "gain", "w"),
    [
        ("v", "1.0", 2 * mV),
        ("v", "mV", 2.0),
        ("v", 0.5 * mV, 4.0),
        ("v", "rate*volt", 2e-3),
        ("I", "1.0", 2 * nA),
        ("x", "0.5", 4.0),
        ("x", 0.5, 4.0),
        ("x", "1/volt", 2 * volt),
    ],
)
def test_weights_have_the_units_of_what_they_change(onto, gain, w):
    source, target = regular(1), silent(2, "v : volt\nI : amp\nx : 1")
    synapses = DenseSynapses(source, target, onto, gain=gain, parameters={"rate": 1.0})
    synapses.w = synapses.flat(np.ones((2, 1)) * w)
    assert synapses.w.dim == brian2.get_dimensions(w)
    np.testing.assert_array_equal(synapses.matrix(synapses.w[:]), np.ones((2, 1)) * w)
    Network(source, target, synapses).run(defaultclock.dt)
    np.testing.assert_allclose(target.variables[onto].get_value(), {"v": 2e-3, "I": 2e-9, "x": 2.0}[onto], rtol=1e-12)
    other = 1.0 if isinstance(w, brian2.Quantity) else 1 * volt
    with pytest.raises(brian2.DimensionMismatchError):
        synapses.w = synapses.flat(np.ones((2, 1)) * other)


def test_code_and_constraints_know_the_units_too():
    source, target = regular(2), silent(3, "v : volt\nsize : volt")
    synapses = DenseSynapses(source, target, "v", parameters={"step": 2 * mV, "plain": 3.0}, name="voltages")
    synapses.on_pre("w += step*plain")
    synapses.normalize_rows(12 * mV, at="t_in_timesteps == 4")
    copy = DenseSynapses(target, source, name="numbers")
    copy.copy_of(synapses, at="t_in_timesteps == 4", factor=1 / mV, transpose=True, order=1)
    Network(source, target, synapses, copy).run(5 * defaultclock.dt)
    np.testing.assert_allclose(synapses.matrix(synapses.w[:]) / mV, np.full((3, 2), 6.0))
    np.testing.assert_allclose(copy.matrix(copy.w[:]), np.full((2, 3), 6.0))
    for ask, words in (
        (lambda: synapses.normalize_rows(12.0, at="True"), "voltages.scale must be a quantity in V"),
        (lambda: copy.copy_of(synapses, at="True"), "numbers.factor must be a quantity in m"),
        (lambda: synapses.learn("w_post += w", at="True") or synapses.learn("v_post += w", at="True"), "may change w,"),
    ):
        with pytest.raises(SpikedtpError) as error:
            ask()
        check_line(error.value, words)


def test_a_gain_from_the_run_is_checked_when_the_run_begins():
    source, target = regular(1), silent(1, "v : volt")
    synapses = DenseSynapses(source, target, "v", gain="size", name="late")
    synapses.w = synapses.flat(2 * mV)  # as if `size` had none
    network = Network(source, target, synapses)
    network.run(defaultclock.dt, namespace={"size": 3.0})
    np.testing.assert_allclose(target.v / mV, [6.0])
    with pytest.raises(BrianObjectException) as error:
        network.run(defaultclock.dt, namespace={"size": 3 * mV})
    check_line(error.value.__cause__, r"late: gain\*w must be in volt as 'v' is")


EQS = """v : 1
mean = 2*v : 1
all : 1 (shared)
whole : integer
yes : boolean
u : volt
"""
REFUSED = [
    ({"delay_steps": 1.5 * ms}, "delay_steps must be a whole number of time steps, got 1.5 .* give a time as delay="),
    ({"delay_steps": 1.5}, "delay_steps must be a whole number of time steps, 0 or more, got 1.5"),
    ({"delay_steps": -3}, "delay_steps must be a whole number of time steps, 0 or more, got -3"),
    ({"delay_steps": True}, "delay_steps must be a whole number"),
    ({"delay_steps": float("nan")}, "delay_steps must be a whole number"),
    ({"delay_steps": "2"}, "delay_steps must be a whole number"),
    ({"delay": 1.5}, r"delay must be a quantity in s \(such as 1\*ms\), got 1.5"),
    ({"delay": 2 * mV}, "delay must be a quantity in s"),
    ({"delay": -1 * ms}, "delay must be at least 0"),
    ({"delay": float("nan") * ms}, "delay must be one finite number"),
    ({"delay": [1, 2] * ms}, "delay must be one for all synapses or .n_post, n_pre. = .3, 2., got .2,"),
    ({"delay": 1 * ms, "delay_steps": 1}, "give delay or delay_steps, not both"),
    ({"onto": "nosuch"}, "unknown variable of 'cells' 'nosuch': known are u, v"),
    ({"onto": 3}, "unknown variable of 'cells' '3'"),
    ({"onto": "mean"}, "cannot add to 'mean' of 'cells', a subexpression"),
    ({"onto": "all"}, "cannot add to 'all' of 'cells', which all its cells share"),
    ({"onto": "whole"}, "cannot add to 'whole' of 'cells', of type int32"),
    ({"onto": "yes"}, "cannot add to 'yes' of 'cells', of type bool"),
    ({"onto": "i"}, "cannot add to 'i' of 'cells', which Brian2 alone sets"),
    ({"onto": "t"}, "cannot add to 't' of 'cells', which all its cells share"),
    ({"gain": "v_post"}, "gain must be the same for all synapses, but 'v_post' in 'v_post' differs"),
    ({"gain": "2*"}, r"'2\*' cannot be evaluated"),
    ({"gain": "2*mV + 1"}, r"'2\*mV \+ 1' cannot be evaluated: .*inconsistent units"),
    ({"gain": float("nan")}, "gain must be an expression or one finite number"),
    ({"gain": [1.0, 2.0]}, "gain must be an expression or one finite number"),
    ({"dtype": int}, "dtype must be float32 or float64"),
    ({"source": "cells"}, "source must be a group of cells or a part of one, got 'cells'"),
    ({"target": None}, "target must be a group of cells or a part of one, got None"),
    ({"source": "unfiring"}, "source 'unfiring' has no threshold"),
]
PAIRS_REFUSED = [
    ({"target": "unfiring"}, "target 'unfiring' has no threshold, and STDP needs spikes on both sides"),
    ({"source": "unfiring", "onto": None}, "source 'unfiring' has no threshold, and STDP needs spikes"),
    ({"onto": "u"}, "STDP changes weights without units, so gain must be in volt as 'u' is, .* give gain='volt'"),
    ({"gain": "mV"}, "STDP changes weights without units"),
    ({"rule": MSTDP(), "modulator": "v_post"}, "modulator must be the same for all synapses, but 'v_post'"),
    ({"spikers": "many"}, "spikers of a cell may fire at once"),
    ({"spikers": "odd"}, "spikers must be as many for each cell of the source"),
]


def make(kind, changed: dict):
    """Synapses of `kind` with one option that is wrong."""
    groups = {
        "source": regular(2, name="source"),
        "target": silent(3, EQS, name="cells"),
        "unfiring": NeuronGroup(3, EQS, name="unfiring", namespace={}),
        "many": regular(4, name="many"),
        "odd": regular(3, name="odd"),
    }
    options = {"source": "source", "target": "target", "onto": "v"} | changed
    for role in ("source", "target", "spikers"):
        options[role] = groups.get(options.get(role), options.get(role))
    if changed.get("source") == "cells":
        options["source"] = "cells"
    return kind(options.pop("source"), options.pop("target"), options.pop("onto"), **options)


@pytest.mark.parametrize(("options", "words"), REFUSED)
def test_mistakes_are_named(options, words):
    for kind in (DenseSynapses, lambda *given, **more: PairSynapses(*given, rule=STDP(), **more)):
        with pytest.raises(SpikedtpError) as error:
            make(kind, options)
        check_line(error.value, words)


@pytest.mark.parametrize(("options", "words"), PAIRS_REFUSED)
def test_mistakes_in_plastic_synapses_are_named(options, words):
    with pytest.raises(SpikedtpError) as error:
        make(PairSynapses, {"rule": STDP()} | options)
    check_line(error.value, words)


@pytest.mark.parametrize(
    ("ask", "words"),
    [
        (lambda s: s.on_pre("x_pre += w"), r"code of on_pre may change w and .*postsynaptic.*, not 'x_pre'"),
        (lambda s: s.on_pre("w = 1; reward_post = 2"), "code of on_pre may change .* not 'reward_post'"),
        (lambda s: s.on_post("v_post += w"), "code of on_post may change w and .*presynaptic.*, not 'v_post'"),
        (lambda s: s.learn("v += w", at="True"), "code of learn may change w, not 'v'"),
        (lambda s: s.learn("w = 1", at="v_post > 1"), "at must be the same for all synapses, but 'v_post'"),
        (lambda s: s.flat(np.ones(3)), r"weights must be \(n_post, n_pre\) = \(3, 2\), got \(3,\)"),
        (lambda s: s.flat(np.ones((2, 3))), r"weights must be \(n_post, n_pre\)"),
    ],
)
def test_mistakes_in_what_synapses_are_asked_are_named(ask, words):
    source, target = regular(2, eqs="x : 1"), silent(3, "v : 1\nreward : 1 (shared)")
    with pytest.raises(SpikedtpError) as error:
        ask(DenseSynapses(source, target, "v"))
    check_line(error.value, words)


def test_a_device_that_was_run_is_named(monkeypatch):
    brian2.set_device("cpp_standalone", build_on_run=False)
    try:
        monkeypatch.setattr(brian2.get_device(), "has_been_run", True)
        with pytest.raises(SpikedtpError) as error:
            DenseSynapses(regular(), silent(), "v", name="second")
    finally:
        brian2.get_device().reinit()
        reset_device()
    check_line(error.value, "'second': the device cpp_standalone was built and run already: call device.reinit")
