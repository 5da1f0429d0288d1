"""Dense synapses in a network of one's own: what Brian2's synapses may be given, they take or refuse in one line."""

import brian2
import numpy as np
import pytest
from brian2 import (
    Network,
    NeuronGroup,
    PoissonGroup,
    SpikeGeneratorGroup,
    SpikeMonitor,
    Synapses,
    defaultclock,
    ms,
    prefs,
)
from brian2.core.base import BrianObjectException
from spiking.synapses.own_cells import check_line, one_pair, regular, run_in_parts, silent

from spikedtp.plasticity import MSTDPET, STDP
from spikedtp.spiking.rule_synapses.pairs import PairSynapses
from spikedtp.spiking.synapses.dense import DenseSynapses

pytestmark = pytest.mark.usefixtures("own_networks")


@pytest.fixture(params=["runtime", pytest.param("cpp_standalone", marks=pytest.mark.slow)])
def run(request):
    """``run(network, (dt, duration), ...)``, dt being None where it stays."""
    finish = request.getfixturevalue("standalone") if request.param == "cpp_standalone" else lambda: None

    def run_and_finish(network, *runs):
        run_in_parts(network, *runs)
        finish()

    return run_and_finish


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
    check_line(error.value.__cause__, r"pairsynapses\S*: spikes act one step late")


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


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_traces_are_of_double_precision(run, dtype):
    prefs.core.default_float_dtype = dtype
    synapses, network = one_pair(MSTDPET(tau_e=25 * ms, learning_rate=0.1), modulator="1.0")
    run(network, (0.1 * ms, 30 * ms))
    steps = np.arange(180)
    expected = 0.1 * np.sum(np.exp(-0.5) / 25 * np.exp(-steps * 0.1 / 25) * 0.1)
    np.testing.assert_allclose(synapses.matrix(synapses.w[:]), [[expected]], rtol=1e-11)
