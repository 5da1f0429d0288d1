"""Dense synapses in a network of one's own: what Brian2's synapses may be given, they take or refuse in one line."""

import brian2
import numpy as np
import pytest
from brian2 import (
    Clock,
    Network,
    NeuronGroup,
    PoissonGroup,
    SpikeGeneratorGroup,
    SpikeMonitor,
    Synapses,
    defaultclock,
    linked_var,
    ms,
    mV,
    nA,
    prefs,
    volt,
)
from brian2.core.base import BrianObjectException

from spikedtp import SpikedtpError
from spikedtp.plasticity import MSTDP, MSTDPET, STDP
from spikedtp.spiking.synapses.dense import DenseSynapses
from spikedtp.spiking.synapses.pairs import PairSynapses

pytestmark = pytest.mark.usefixtures("own_networks")


@pytest.fixture(params=["runtime", pytest.param("cpp_standalone", marks=pytest.mark.slow)])
def run(request):
    """``run(network, (dt, duration), ...)``, dt being None where it stays."""
    finish = request.getfixturevalue("standalone") if request.param == "cpp_standalone" else lambda: None

    def run_and_finish(network, *runs):
        run_in_parts(network, *runs)
        finish()

    return run_and_finish


def run_in_parts(network, *runs):
    for dt, duration in runs:
        if dt is not None:
            defaultclock.dt = dt
        network.run(duration, namespace={})


def one_pair(rule, **options):
    """A spike at 2 ms, one of the other cell at 12 ms."""
    pre, post = SpikeGeneratorGroup(1, [0], [2] * ms), SpikeGeneratorGroup(1, [0], [12] * ms)
    synapses = PairSynapses(pre, post, rule=rule, **options)
    return synapses, Network(pre, post, synapses)


def regular(n=2, dt=None, eqs="v : 1", **options):
    """Cells that fire in every step."""
    return NeuronGroup(n, eqs, threshold="True", reset="", dt=dt, namespace={}, **options)


def silent(n=3, eqs="v : 1", **options):
    return NeuronGroup(n, eqs, **{"threshold": "False", "reset": "", "namespace": {}} | options)


# --- refractory cells -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["dense", "pairs", "code"])
@pytest.mark.parametrize("n", [3, 70])  # in one vector, and in blocks
def test_variables_of_refractory_cells_stay(run, kind, n):
    """Rows are in one go; Brian2 writes an (unless refractory) variable only where the cell is not refractory."""
    defaultclock.dt = 0.5 * ms
    source = SpikeGeneratorGroup(5, np.tile(np.arange(5), 40), np.repeat(np.arange(40), 5) * ms)
    eqs = "dv/dt = -v/(10*ms) : 1 (unless refractory)\ndu/dt = -u/(10*ms) : 1"
    cells, monitors = [], []
    for name in ("ours", "theirs"):
        cells.append(
            NeuronGroup(n, eqs, threshold="v > 0.7", reset="v = 0", refractory=3 * ms, method="euler", name=name)
        )
        monitors.append(SpikeMonitor(cells[-1], name=f"{name}_spikes"))
    w = np.linspace(0.05, 0.1, 5 * n).reshape(n, 5)
    if kind == "code":
        ours = DenseSynapses(source, cells[0])
        ours.on_pre("v_post += w\nu_post += w")
    else:
        ours = [
            DenseSynapses(source, cells[0], onto, name=f"onto_{onto}") if kind == "dense" else
            PairSynapses(source, cells[0], onto, rule=STDP(learning_rate=0.0), name=f"onto_{onto}")
            for onto in "vu"
        ]  # fmt: skip
    theirs = Synapses(source, cells[1], "w : 1", on_pre="v_post += w\nu_post += w", name="synapses")
    theirs.connect()
    theirs.w = w.T.ravel()
    network = Network(source, cells, monitors, theirs, ours)
    for synapses in ours if isinstance(ours, list) else [ours]:
        synapses.w = synapses.flat(w)
    run(network, (None, 45 * ms))
    assert monitors[0].num_spikes > 3 * n
    np.testing.assert_array_equal(monitors[0].t, monitors[1].t)
    np.testing.assert_array_equal(monitors[0].i, monitors[1].i)
    np.testing.assert_allclose(cells[0].u, cells[1].u, rtol=1e-12)
    np.testing.assert_allclose(cells[0].v, cells[1].v, rtol=1e-12)


# --- time steps and clocks --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("runs", [[(1 * ms, 30 * ms)], [(0.1 * ms, 5 * ms), (1 * ms, 30 * ms)],
                                  [(1 * ms, 5 * ms), (0.1 * ms, 4 * ms), (0.5 * ms, 20 * ms)]])  # fmt: skip
def test_traces_decay_with_time_whatever_the_step(run, runs):
    synapses, network = one_pair(STDP(learning_rate=1.0, tau_plus=20 * ms))
    run(network, *runs)
    np.testing.assert_allclose(synapses.matrix(synapses.w[:]), [[np.exp(-0.5)]], rtol=1e-12)


@pytest.mark.parametrize("runs", [[(0.5 * ms, 30 * ms)], [(0.5 * ms, 20 * ms), (0.1 * ms, 10 * ms)]])
def test_an_eligibility_trace_decays_with_time(run, runs):
    synapses, network = one_pair(MSTDPET(tau_e=25 * ms), modulator="1.0")
    run(network, *runs)
    last = 30 - float(runs[-1][0] / ms)  # ms; when the last step begins
    expected = np.exp(-0.5) / 25 * np.exp(-(last - 12) / 25)
    np.testing.assert_allclose(synapses.matrix(np.asarray(synapses.z[:])), [[expected]], rtol=1e-12)


def test_a_lag_in_steps_needs_one_step():
    _, network = one_pair(STDP(convention="lag"))
    run_in_parts(network, (0.1 * ms, 5 * ms))
    with pytest.raises(BrianObjectException) as error:
        run_in_parts(network, (1 * ms, 5 * ms))
    check_line(error.value.__cause__, r"densesynapses\S*: spikes act one step late")


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


def test_targets_on_another_clock_hear_what_stock_synapses_tell_them():
    source, cells = regular(dt=1 * ms), [silent(dt=0.1 * ms), silent(dt=0.1 * ms)]
    dense = DenseSynapses(source, cells[0], "v")
    dense.w = 0.5
    stock = Synapses(source, cells[1], "w : 1", on_pre="v_post += w")
    stock.connect()
    stock.w = 0.5
    Network(source, *cells, dense, stock).run(4.5 * ms)
    np.testing.assert_array_equal(cells[0].v[:], 5.0)
    np.testing.assert_array_equal(cells[1].v[:], 5.0)


def test_clocks_of_one_step_are_one():
    source, target = regular(clock=Clock(0.2 * ms)), silent(clock=Clock(0.2 * ms))
    synapses = PairSynapses(source, target, "v", rule=STDP(learning_rate=0.0), clock=Clock(0.2 * ms))
    synapses.w = 1
    Network(source, target, synapses).run(1 * ms)
    np.testing.assert_array_equal(target.v[:], 10.0)


# --- delays -----------------------------------------------------------------------------------------------------------


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


# --- units ------------------------------------------------------------------------------------------------------------


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


# --- what is refused as it is made ------------------------------------------------------------------------------------


def check_line(error, words: str) -> None:
    assert isinstance(error, SpikedtpError), repr(error)
    assert "\n" not in str(error)
    with pytest.raises(SpikedtpError, match=words):
        raise error


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
    ({"delay": [1, 2] * ms}, "delay must be one finite number"),
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
    ({"onto": "u"}, "STDP changes weights without units, but those onto 'u' would be in volt: give gain='volt'"),
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


def test_weights_outside_their_bounds_are_named():
    synapses, network = one_pair(STDP(w_min=0.0, w_max=1.0), name="bounded")
    synapses.w = 1.5
    with pytest.raises(BrianObjectException) as error:
        network.run(1 * ms)
    check_line(error.value.__cause__, r"bounded: weights must begin within their bounds \(0.0, 1.0\), got 1.5 to 1.5")


def test_cells_that_are_not_in_the_network_are_named_by_brian2():
    source, target = regular(2), silent(2)
    with pytest.raises(ValueError, match="depend"):
        Network(target, DenseSynapses(source, target, "v")).run(1 * ms)


# --- what a group may be ----------------------------------------------------------------------------------------------


def test_every_source_and_a_target_that_never_fires():
    groups = [PoissonGroup(6, 1e6 * brian2.Hz), SpikeGeneratorGroup(3, [2, 0, 1], [0.05, 0.06, 0.02] * ms), regular(9)]
    sources = [groups[0][2:5], groups[1], groups[2][4:7], groups[2][1:8][2:5]]
    defaultclock.dt = 1 * ms
    target = NeuronGroup(4, "v : 1 (constant)")
    synapses = [DenseSynapses(source, target[1:3], "v") for source in sources]
    for k, one in enumerate(synapses):
        one.w = one.flat(np.array([[1, 2, 4], [8, 16, 32]]) * 100**k)
    Network(groups, target, synapses).run(1 * ms)
    every = 1 + 100 + 100**2 + 100**3
    np.testing.assert_array_equal(target.v[:], [0, 7 * every, 56 * every, 0])


def test_autapses_of_a_cell_of_its_own():
    cell = regular(1)
    synapses = PairSynapses(cell, cell, "v", rule=STDP(learning_rate=0.0))
    synapses.w = 2
    Network(cell, synapses).run(3 * defaultclock.dt)
    np.testing.assert_array_equal(cell.v[:], [6.0])


def test_variables_of_the_cells_may_be_named_as_those_of_the_synapses():
    eqs = "v : 1\nw : 1\nz : 1\nj : 1\nrate : 1\nlow : 1\nown : 1"
    source, target = regular(2, eqs=eqs), silent(3, eqs)
    target.w, target.z, target.j, target.own = 5, 6, 7, 8
    synapses = PairSynapses(source, target, "w", rule=MSTDPET(learning_rate=0.0), modulator="1.0")
    synapses.w = 1
    synapses.learn("w += w_post + z_post + own + 100*j + 1000*i", at="True")
    Network(source, target, synapses).run(defaultclock.dt)
    np.testing.assert_array_equal(target.w, 7)
    expected = 1 + 7 + 6 + 8 + 100 * np.arange(3)[:, None] + 1000 * np.arange(2)
    np.testing.assert_allclose(synapses.matrix(synapses.w[:]), expected)


def test_links_between_groups():
    """A link to as many cells is their variable; one by an index is not an array of one value for each cell."""
    others, source = NeuronGroup(3, "u : 1"), regular(1)
    target = NeuronGroup(3, "v : 1 (linked)\nz : 1 (linked)")
    target.v, target.z = linked_var(others, "u"), linked_var(others, "u", index=[0, 0, 1])
    synapses = DenseSynapses(source, target, "v")
    synapses.w = synapses.flat([[1], [2], [3]])
    Network(source, others, target, synapses).run(defaultclock.dt)
    np.testing.assert_array_equal(others.u, [1, 2, 3])
    with pytest.raises(SpikedtpError) as error:
        DenseSynapses(source, target, "z")
    check_line(error.value, "cannot add to 'z' .* not an array of one value for each cell")
    frozen = NeuronGroup(
        3, "du/dt = 0/second : 1 (unless refractory)", threshold="u > 1", refractory=1 * ms, name="frozen"
    )
    last = NeuronGroup(3, "v : 1 (linked)")
    last.v = linked_var(frozen, "u")
    with pytest.raises(SpikedtpError) as error:
        DenseSynapses(source, last, "v")
    check_line(error.value, "a link to 'frozen', whose cells can be refractory")


def test_variables_that_only_a_part_has():
    """They are counted from 0 within the part, in code and as what is added to."""
    cells = regular(8, eqs="v : 1")
    pre, post = cells[1:4], cells[3:8]
    for part in (pre, post):
        part.variables.add_array("own", size=len(part), dtype=np.float64, index="_idx")
        part.variables["own"].set_value(np.arange(len(part)) + 1.0)
    synapses = DenseSynapses(pre, post, "own")
    synapses.w = synapses.flat(np.arange(15.0).reshape(5, 3))
    learning = DenseSynapses(pre, post)
    learning.on_pre("w += 10*own_post + own_pre")
    learning.on_post("w += 100*own_post", order=3)
    learning.learn("w += 1000*own_post*own_pre", at="True")
    before = np.arange(5) + 1.0
    Network(cells, synapses, learning).run(defaultclock.dt)
    after = before + np.arange(15.0).reshape(5, 3).sum(axis=1)
    np.testing.assert_array_equal(post.variables["own"].get_value(), after)
    own = np.arange(3) + 1.0
    expected = 110 * after[:, None] + own + 1000 * after[:, None] * own
    np.testing.assert_array_equal(learning.matrix(learning.w[:]), expected)


def test_spikers_that_fire_one_for_each_cell():
    """Their places in their group are not those of the cells in theirs."""
    cells, target = silent(7, "x : 1"), silent(2)
    spikers = NeuronGroup(9, "v : 1", threshold="i == 5 or i == 3", reset="")
    cells.x = np.arange(7)
    synapses = DenseSynapses(cells[2:6], target, "v", spikers=spikers[2:6])
    synapses.on_pre("w = x_pre")
    pairs = PairSynapses(cells[2:6], spikers[4:6], rule=STDP(a_minus=0, learning_rate=1), spikers=spikers[2:6])
    Network(cells, target, spikers, synapses, pairs).run(defaultclock.dt)
    np.testing.assert_array_equal(synapses.matrix(synapses.w[:]), [[0, 3, 0, 5]] * 2)
    np.testing.assert_allclose(pairs.matrix(pairs.w[:]), [[0, 0, 0, 0], [0, 1, 0, 1]], rtol=1e-12)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_traces_are_of_double_precision(run, dtype):
    prefs.core.default_float_dtype = dtype
    synapses, network = one_pair(MSTDPET(tau_e=25 * ms, learning_rate=0.1), modulator="1.0")
    run(network, (0.1 * ms, 30 * ms))
    steps = np.arange(180)
    expected = 0.1 * np.sum(np.exp(-0.5) / 25 * np.exp(-steps * 0.1 / 25) * 0.1)
    np.testing.assert_allclose(synapses.matrix(synapses.w[:]), [[expected]], rtol=1e-11)
